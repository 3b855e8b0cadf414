"""`wald.check` and the command: what they give back, and what they leave as it was."""

from __future__ import annotations

import json
from pathlib import Path
import random
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks import TargetError
from wald.cli import main

from ..catalogue import MEASURED
from ..sampling import daily
from . import known

#: The words that a card may use, from the contract of reports.
CLAIMS = ("proper", "calibrated", "invertible", "symmetric", "convex", "bounded_below", "perfect_is_minimal")
MINE = """
def broken(prediction, target):
    return -((prediction - target) ** 2).mean()

def fine(prediction, target):
    return ((prediction - target) ** 2).mean()
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my_losses.py"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize("loss", MEASURED)
def test_every_card_of_the_catalogue_is_true(loss: wald.Loss) -> None:
    report = wald.check(loss)
    wrong = [f"{one.code} {one.says}" for one in report.findings if one.state in ("fail", "error", "warn")]
    assert not wrong
    # Nor does an unusual input fail it, or meet an error that does not say what is wrong.
    (edges,) = (one.evidence for one in report.findings if one.code == "W130")
    assert len(edges["cells"]) >= 25
    assert "unclear error" not in edges["outcomes"]


@pytest.mark.parametrize("name", daily(known.HEALTHY, 4))
def test_healthy_losses_of_torch_are_not_failed(name: str) -> None:
    report = wald.check(known.HEALTHY[name])
    wrong = [f"{one.code} {one.says}" for one in report.findings if one.state in ("fail", "error")]
    assert not wrong
    assert report.exit_code() == 0


@pytest.mark.parametrize(
    ("target", "facts"),
    daily(
        [
            ("Huber(delta=1.0)", {"task": "regression", "elicits": "m-functional", "convex": "yes", "proper": None}),
            ("Pinball(level=0.9)", {"elicits": "quantile(0.9)"}),
            ("Squared", {"elicits": "mean", "reduction": "mean", "coupling": "separable"}),
            ("Absolute", {"elicits": "median"}),
            ("BinaryCrossEntropy()", {"task": "binary", "proper": "yes", "threshold": 0.5, "elicits": "probability"}),
            ("BinaryCrossEntropy(pos_weight=3)", {"proper": "no", "threshold": 0.25, "calibrated": "no"}),
            ("Focal(gamma=2, alpha=0.25)", {"proper": "no", "threshold": 0.75, "invertible": "yes"}),
            ("Hinge", {"proper": "no", "calibrated": "yes", "invertible": "no", "elicits": "mode"}),
            ("InfoNCE", {"coupling": "coupled", "bounded_below": "yes"}),
        ],
        3,
    ),
)
def test_cards(target: str, facts: dict[str, object]) -> None:
    card = wald.check(target).card
    assert {name: card[name] for name in facts} == facts


@pytest.mark.parametrize("target", [F.mse_loss, F.cross_entropy, "Focal(gamma=2)", "DPO", "InfoNCE"])
def test_a_card_speaks_the_words_of_the_contract(target: object) -> None:
    report = wald.check(target)
    for name in (*CLAIMS, "deterministic", "pure"):
        assert report.card[name] in ("yes", "no", "unresolved", None)
    assert report.card["reduction"] in ("none", "mean", "sum", "weighted mean", "transform of mean", "other")
    assert report.card["coupling"] in ("separable", "coupled")
    assert report.kind == "check"
    json.loads(report.json())


def test_the_callers_random_states_and_modes_are_left_alone() -> None:
    def greedy(x: Tensor, y: Tensor) -> Tensor:
        torch.manual_seed(3)
        random.random()
        np.random.rand()  # noqa: NPY002
        return F.mse_loss(x, y)

    torch.manual_seed(11)
    random.seed(11)
    np.random.seed(11)  # noqa: NPY002
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    with torch.no_grad():
        assert wald.check(greedy).card["pure"] == "no"
        assert not torch.is_grad_enabled()
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), str(np.random.get_state()))  # noqa: NPY002


def test_a_module_keeps_its_mode_and_its_gradients() -> None:
    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(2.0))

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return (self.scale.detach() * (x - y).abs()).mean()

    loss = Scaled().train()
    report = wald.check(loss)
    assert report.card["elicits"] == "median"
    assert loss.training
    assert loss.scale.grad is None


def test_the_same_seed_gives_the_same_report() -> None:
    one, two = (wald.check(F.huber_loss, seed=5).to_dict() for _ in range(2))
    for report in (one, two):
        for finding in report["findings"]:
            finding["seconds"] = 0
    assert one == two
    assert one["seed"] == 5


@pytest.mark.parametrize(
    "target",
    daily((F.mse_loss, F.binary_cross_entropy_with_logits, "Pinball(level=0.9)", "GaussianNLL"), 4),
)
def test_another_seed_says_the_same(target: object) -> None:
    first = wald.check(target).card
    for seed in (1, 2, 3):
        assert wald.check(target, seed=seed).card == first


def test_hints_reach_the_measurement() -> None:
    card = wald.check(F.mse_loss, task="binary", domain="probability").card
    assert (card["task"], card["proper"]) == ("binary", "yes")


def test_what_cannot_be_called_is_an_error() -> None:
    def refuses(prediction: Tensor, target: Tensor) -> Tensor:
        raise RuntimeError("not today")

    report = wald.check(refuses)
    assert report.verdict == "error"
    assert report.exit_code() == 3
    assert "not today" in report.findings[0].says


def test_what_is_no_loss_raises() -> None:
    with pytest.raises(TargetError):
        wald.check("Hubr(delta=1)")


# The command.


def test_the_command_prints_a_report(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "my_losses.py:fine"]) == 0
    assert "elicits mean" in capsys.readouterr().out
    assert main(["check", "my_losses.py:broken"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "drives predictions away from the targets" in told


def test_the_command_writes_json(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "my_losses.py:broken", "--json", "--seed", "4"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["schema"], report["kind"], report["verdict"], report["seed"]) == (1, "check", "fail", 4)
    (found,) = [one for one in report["findings"] if one["code"] == "W501"]
    lines = found["evidence"]["reproduce"].splitlines()
    assert len(lines) == 2
    exec("\n".join(lines), {})
    near, far = map(float, re.findall(r"tensor\((.*?),", capsys.readouterr().out))
    assert far < near


@pytest.mark.parametrize(
    "arguments",
    [
        ["Hubr"],
        ["nowhere.py:loss"],
        ["Huber", "--task", "regresion"],
        ["Huber", "--domain", "x"],
        ["Huber", "--sede", "1"],
        [],
    ],
)
def test_wrong_usage_exits_with_2_and_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith("wald check: ")
    assert "Traceback" not in told.err


def test_strict_counts_what_was_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "Huber", "--strict"]) == 0
    assert main(["check", "GaussianNLL"]) == 0
    assert main(["check", "GaussianNLL", "--strict"]) == 3


@pytest.mark.slow
def test_the_command_is_fast() -> None:
    code = "import sys; from wald.cli import main; sys.exit(main(['check', 'Huber']))"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    # Two seconds on an idle core; the suite may keep every core busy.
    assert took < 15
