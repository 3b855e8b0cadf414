"""What a check found, as a file of tests: it fails until the loss is mended."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest
import torch.nn.functional as F  # noqa: N812

import wald

BROKEN = """
def mine(x, y):
    return -(x - y).square().mean()
"""
MENDED = """
def mine(x, y):
    if x.shape != y.shape:
        raise ValueError(f"prediction {tuple(x.shape)} and target {tuple(y.shape)} must have one shape")
    if not len(x):
        return x.sum()
    return (x - y).square().mean()
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_exported.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_it_fails_until_the_loss_is_mended(tmp_path: Path) -> None:
    (tmp_path / "losses.py").write_text(BROKEN)
    text = wald.check(f"{tmp_path}/losses.py:mine").regression_tests()
    (tmp_path / "test_exported.py").write_text(text)
    assert 'holds(loss, "W501")' in text
    before = run(tmp_path)
    assert before.returncode == 1
    assert "drives predictions away" in before.stdout
    (tmp_path / "losses.py").write_text(MENDED)
    after = run(tmp_path)
    assert after.returncode == 0, after.stdout


def test_what_cannot_be_imported_is_told() -> None:
    with pytest.raises(ValueError, match=r"my_losses\.py:my_loss"):
        wald.check(lambda x, y: -F.mse_loss(x, y)).regression_tests()
    with pytest.raises(ValueError, match="Nothing failed"):
        wald.check("Huber(delta=1.0)").regression_tests()


def test_what_was_claimed_is_claimed_again(tmp_path: Path) -> None:
    (tmp_path / "losses.py").write_text(
        "import torch\n"
        "def mine(x, y):\n"
        "    assert x.shape == y.shape, 'prediction and target must have one shape'\n"
        "    return torch.maximum(0.1 * (y - x), -0.9 * (y - x)).mean()\n"
    )
    text = wald.check(f"{tmp_path}/losses.py:mine", claims="Pinball(level=0.9)").regression_tests()
    assert 'holds(loss, "W701", claims=' in text
    scope: dict[str, object] = {}
    exec(text, scope)
    with pytest.raises(AssertionError, match="W701"):
        scope["test_w701_claims"]()  # type: ignore[operator]
