"""`wald why`: a saved batch on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from wald import cli


@pytest.fixture
def batch(tmp_path: Path) -> str:
    path = tmp_path / "batch.pt"
    y = torch.zeros(512)
    y[[17, 40, 201]] = torch.nan
    torch.save({"pred": torch.linspace(-1, 1, 512), "labels": y}, path)
    return str(path)


def test_the_symptom_comes_first(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why", batch, "--loss", "torch.nn.functional:mse_loss"]) == 1
    told = capsys.readouterr().out
    assert told.splitlines()[0] == "the loss is NaN: 3 of 512 values"
    assert "W901" in told
    assert "rows 17, 40, 201" in told
    assert "fix:" in told


def test_json(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why", batch, "--loss", "Huber(delta=1.0)", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "why"
    assert report["findings"][0]["evidence"]["rows"] == [17, 40, 201]


def test_a_healthy_batch_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fine.pt"
    torch.save({"prediction": torch.linspace(-1, 1, 9), "target": torch.linspace(1, -1, 9) ** 2}, path)
    assert cli.main(["why", str(path), "--loss", "Squared()"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.pt", "--loss", "Squared()"], "there is no file"),
        (["BATCH", "--loss", "Sqared()"], "Squared"),
        (["BATCH", "--loss", "Triplet()"], "takes anchor and positive and negative"),
        (["BATCH"], "--loss"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], told: str, batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why", *[batch if word == "BATCH" else word for word in arguments]]) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""


def test_a_loss_that_raises_is_3(tmp_path: Path, batch: str) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("def loss(prediction, target):\n    raise RuntimeError('out of luck')\n")
    assert cli.main(["why", batch, "--loss", f"{mine}:loss"]) == 3
