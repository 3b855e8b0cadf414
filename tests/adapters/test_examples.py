"""The examples of the adapters run."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.mark.parametrize(("name", "needs"), [("boosting_quantiles", "lightgbm"), ("scikit_learn_quantiles", "sklearn")])
def test_it_runs(name: str, needs: str, tmp_path: Path) -> None:
    pytest.importorskip(needs, reason=f"{needs} is not installed")
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
