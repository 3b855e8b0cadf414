"""`pytest --wald TARGET`, in a process of its own, as people run it."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
import subprocess
import sys

import pytest

LOSS = """
import torch.nn.functional as F

def sound(x, y):
    return F.mse_loss(x, y)

def reversed_sign(x, y):
    return -F.mse_loss(x, y)
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Where the library was installed before it had a plugin, pytest does not know of it yet.
    plugin = [] if entry_points(group="pytest11", name="wald") else ["-p", "wald.testing.plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "-v", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(LOSS)
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    return tmp_path


def test_a_loss_that_is_named_is_checked(folder: Path) -> None:
    found = run(folder, "--wald", "mine.py:reversed_sign", "test_nothing.py")
    assert found.returncode == 1
    assert "W501" in found.stdout
    assert "drives predictions away" in found.stdout
    assert "Traceback" not in found.stdout


@pytest.mark.slow
def test_losses_of_the_settings_are_checked_and_nothing_else_without(folder: Path) -> None:
    assert "1 passed" in run(folder).stdout
    (folder / "pytest.ini").write_text("[pytest]\nwald_targets =\n    mine.py:sound\n")
    found = run(folder)
    assert found.returncode == 0, found.stdout
    assert "W201" in found.stdout
