"""`wald diff`: what it prints, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wald.cli import main

MINE = """
def half(prediction, target):
    return 0.5 * ((prediction - target) ** 2).mean()

def other(prediction, target):
    return (prediction - target).abs().mean()
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_it_says_how_they_relate(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "torch.nn.functional:mse_loss", "Squared"]) == 0
    assert "Squared() equals torch.nn.functional:mse_loss" in told(capsys)
    assert main(["diff", "Squared", "mine.py:half"]) == 0
    assert "mine.py:half is 0.5 times Squared()" in told(capsys)
    assert main(["diff", "Squared", "mine.py:other"]) == 1
    assert "differ" in told(capsys)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_it_writes_json(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "Squared", "mine.py:half", "--json", "--seed", "3"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["seed"]) == ("diff", 3)
    assert report["card"]["relation"] == "equal up to scale and shift"
    assert report["card"]["scale"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "arguments", [["Squared"], ["Hubr", "Squared"], ["Squared", "nowhere.py:loss"], ["Squared", "Huber", "--task", "x"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("wald diff: ")
    assert "Traceback" not in err


def test_check_holds_a_loss_to_what_it_claims(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "mine.py:half", "--claims", "mse"]) == 0
    capsys.readouterr()
    assert main(["check", "mine.py:other", "--claims", "mse", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    (found,) = [one for one in report["findings"] if one["code"] == "W701"]
    assert "root of each error" in found["says"]
    exec(found["evidence"]["reproduce"], {})
    assert capsys.readouterr().out.count("tensor") == 2
    assert main(["check", "mine.py:other", "--claims", "msee"]) == 2
    assert "nearest" in capsys.readouterr().err
