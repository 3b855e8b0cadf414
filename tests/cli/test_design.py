"""`wald design`: what it prints, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wald.cli import main


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_costs_are_answered_with_a_loss_a_threshold_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "--cost", "fn=100,fp=1", "--unit", "dollars"]) == 0
    out = told(capsys)
    assert "BinaryCrossEntropy(pos_weight=100.0)" in out
    assert "1 / (1 + 100) = 0.009901" in out
    assert "in dollars" in out


@pytest.mark.parametrize(
    ("arguments", "loss"),
    [
        (["--statistic", "quantile=0.9"], {"loss": "Pinball", "level": 0.9}),
        (["--statistic", "mean", "--counts", "--heavy-tails"], {"loss": "NegativeBinomial"}),
        (["--underage", "3", "--overage", "1"], {"loss": "Pinball", "level": 0.75}),
        (["--costs", "0,1,1;10,0,10;1,1,0"], {"loss": "CostSensitiveCrossEntropy"}),
        (["--thresholds", "beta=2,6"], {"loss": "BetaProper", "alpha": 2.0, "beta": 6.0}),
        (["--metric", "accuracy", "--classes", "3"], {"loss": "CrossEntropy"}),
        pytest.param(
            ["--loss", "Absolute()", "--make", "asymmetric=3"],
            {"loss": "Pinball", "level": 0.75},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_every_way_in_writes_json(
    arguments: list[str], loss: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", *arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "design"
    assert facts["loss"].items() >= loss.items()


def test_it_measures_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "--cost", "fn=9,fp=1", "--check", "--out", str(tmp_path)]) == 0
    assert "D102" not in capsys.readouterr().err
    assert "The loss of one example" in (tmp_path / "design.html").read_text("utf-8")
    assert json.loads((tmp_path / "design.json").read_text("utf-8"))["kind"] == "design"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "exactly one"),
        (["--cost", "fn=1,fp=1", "--metric", "f1"], "costs and metric"),
        (["--metric", "f1_scor"], "f1"),
        (["--statistic", "quantile=90"], "write 0.9"),
        (["--underage", "3"], "overage"),
        (["--cots", "fn=1"], "--cost"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("wald design: ")
    assert says in err
    assert "Traceback" not in err
