"""The examples run, from Python and from the command line."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Any

import pytest

import wald
from wald.cli import main

FOLDER = Path(__file__).parents[2] / "examples"
NEEDS = {
    "audit_scikit_learn": ("sklearn", "pandas"),
    "audit_xgboost": ("xgboost",),
    "audit_torch": (),
    "audit_hugging_face": ("transformers",),
}

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def needed(name: str) -> Path:
    for library in NEEDS[name]:
        pytest.importorskip(library, reason=f"{library} is not installed")
    return FOLDER / f"{name}.py"


def test_every_example_of_an_audit_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("audit_*.py")} == set(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_from_python(name: str) -> None:
    path = needed(name)
    spec = util.spec_from_file_location(f"example_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = wald.audit(module.case(), level="quick", only=["preflight", "calibration", "gaming", "edge cases"])
    assert report.counts["error"] == 0
    assert report.verdict in ("pass", "warn", "fail", "inconclusive")


@pytest.mark.parametrize("name", NEEDS)
def test_from_the_command_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(needed(name)), "--quick", "--out", str(tmp_path)]) in (0, 1)
    assert "audit ·" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.html"))) == 2
