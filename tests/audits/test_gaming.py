"""Cheap cheats: caught where they win, and not seen where they do not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import metrics
from wald.audits.costing.skill import last_value
from wald.audits.probes.gaming import GAMING

from ..sampling import daily
from .samples import Column, ask, binary, evidence, found, labels, skewed, source, three_classes


def rare(loss: object) -> wald.Case:
    """3 % positives, and a model that knows a little of which."""
    inputs = torch.randn(4_000, 2, generator=source(5))
    score = 0.6 * inputs[:, 0] - 3.6
    return wald.Case(
        model=Column(0.6, -3.6), test=(inputs, labels(score, 6)), loss=loss, metric=metrics.brier()  # type: ignore[arg-type]
    )  # fmt: skip


def absolute(p: Tensor, y: Tensor) -> Tensor:
    return (torch.sigmoid(p) - y).abs()


def recall_only(p: Tensor, y: Tensor) -> Tensor:
    return y * (1 - torch.sigmoid(p))


def no_abs(p: Tensor, y: Tensor) -> Tensor:
    return p - y


@pytest.mark.parametrize(
    ("case", "cheat"),
    [
        (rare(absolute), "always no, wholly sure"),
        (binary(loss=recall_only), "always yes, wholly sure"),
        (skewed(loss=no_abs), "always -10000 sd"),
        (three_classes(loss=lambda p, y: 1 - p.softmax(-1)[:, 1]), "always class 1"),
    ],
    ids=["rare", "recall", "no abs", "one class"],
)
def test_a_constant_that_wins_is_exhibited(case: wald.Case, cheat: str) -> None:
    told = found(ask(GAMING, case))["G301"]
    assert told.state == "fail"
    assert told.says.startswith(f"FOOLED: {cheat}")
    assert told.evidence["what the cheat loses by the metric"][0] > 0


@pytest.mark.parametrize(
    "case",
    [
        binary(),
        rare(wald.BinaryCrossEntropy()),
        binary(loss=wald.BinaryCrossEntropy(pos_weight=30.0)),
        binary(loss=lambda p, y: torch.relu(1 - (2 * y - 1) * p)),
        binary(loss=wald.Focal()),
        skewed(),
        skewed(loss=wald.Absolute()),
        skewed(loss=wald.Huber()),
        three_classes(),
    ],
    ids=["log", "rare", "weighted", "hinge", "focal", "squared", "absolute", "huber", "classes"],
)
def test_sound_losses_resist(case: wald.Case) -> None:
    told = found(ask(GAMING, case))
    assert told["G301"].state == "pass"
    assert told["G301"].controls.right
    assert told["G302"].state == "pass"


@pytest.mark.parametrize(
    "case",
    daily(
        [
            binary(loss=lambda p, y: -torch.nn.functional.binary_cross_entropy_with_logits(p, y, reduction="none")),
            skewed(loss=no_abs),
            skewed(loss=lambda p, y: ((p[:, None] - y[None, :]) ** 2).mean()),
        ],
        3,
        ["sign", "no abs", "broadcast"],
    ),
)
def test_a_loss_that_punishes_the_truth_is_found(case: wald.Case) -> None:
    told = found(ask(GAMING, case))["G302"]
    assert told.state == "fail"
    assert "MORE" in told.says


def test_a_model_no_better_than_a_constant_does_not_pass() -> None:
    useless = binary(model=lambda x: 0.05 * x[:, 1])
    told = found(ask(GAMING, useless))
    assert told["G303"].state != "pass"
    assert told["G304"].state != "pass"
    # A loss is not foolable because the model knows nothing.
    assert told["G301"].state != "fail"
    assert told["G301"].controls.right
    worse = found(ask(GAMING, binary(model=lambda x: 3 * x[:, 1])))
    assert worse["G303"].state == "fail"
    assert "worse than a constant" in worse["G303"].says


def test_a_ranking_has_no_better_constant() -> None:
    told = found(ask(GAMING, binary(600, metric=metrics.auc())))["G304"]
    assert told.state == "pass"
    # 0.5 is what any constant has.
    assert told.evidence["best constant"] == pytest.approx(0.5)


def test_the_exhibit_can_be_run_by_hand() -> None:
    told = found(ask(GAMING, rare(wald.BinaryCrossEntropy())))["G301"]
    assert "BinaryCrossEntropy()(torch.full" in told.evidence["reproduce"]


def walk(rows: int, *, knows: bool) -> wald.Case:
    """A level that wanders, forecast by its last value and something more, or by a constant."""
    state = source(11)
    steps, hint = torch.randn(rows, generator=state), torch.randn(rows, generator=state)
    level = 50 + (steps + hint).cumsum(0)
    before = torch.cat([level[:1], level[:-1]])
    inputs = torch.stack([before + hint if knows else 50 + 0.1 * hint, hint], 1)
    return wald.Case(
        model=lambda x: x[:, 0], loss=wald.Squared(), test=(inputs, level), metric=metrics.squared_error(), ordered=True
    )


def test_repeating_the_last_value_is_what_a_series_is_held_against() -> None:
    better = found(ask(GAMING, walk(800, knows=True)))
    assert better["G304"].state == "pass"
    assert "the last value" in better["G304"].says
    assert better["G301"].state == "pass"
    worse = found(ask(GAMING, walk(800, knows=False)))
    assert worse["G304"].state == "fail"
    assert "the last value" in worse["G304"].says
    # It wins by the metric too, so the loss is not fooled by it.
    assert worse["G301"].state != "fail"


def test_the_last_value_is_that_of_the_same_cluster() -> None:
    case = walk(40, knows=True)
    seen = evidence(replace(case, clusters=[i % 2 for i in range(40)]))
    assert seen.space is not None
    assert last_value(seen, seen.space)[2:].tolist() == seen.target[:-2].tolist()
