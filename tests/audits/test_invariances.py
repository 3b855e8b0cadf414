"""What a loss cannot see, and whether the metric minds."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import wald
from wald.audits import metrics
from wald.audits.probes.invariances import INVARIANCES

from .samples import ask, binary, found, skewed, source, three_classes


def pearson(p: Tensor, y: Tensor) -> Tensor:
    a, b = p - p.mean(), y - y.mean()
    return 1 - (a * b).sum() / (a.norm() * b.norm())


def broadcast(p: Tensor, y: Tensor) -> Tensor:
    return (p[:, None] - y).square().mean()


def pairwise(p: Tensor, y: Tensor) -> Tensor:
    return functional.softplus(-(p[y > 0.5][:, None] - p[y < 0.5])).mean()


def minus(p: Tensor, y: Tensor) -> Tensor:
    return -functional.binary_cross_entropy_with_logits(p, y, reduction="none")


@pytest.mark.parametrize(
    ("case", "word"),
    [
        (skewed(800, loss=pearson), "the size of forecasts"),
        (skewed(800, loss=broadcast), "which forecast belongs to which row"),
        (binary(800, loss=pairwise), "the level of forecasts"),
        (skewed(800, loss=lambda p, y: (p.square() - y.square()).square(), metric=metrics.squared_error()),
         "the sign of forecasts"),
    ],
    ids=["pearson", "broadcast", "pairwise", "square"],
)  # fmt: skip
def test_what_the_loss_cannot_see_is_said_and_priced(case: wald.Case, word: str) -> None:
    told = found(ask(INVARIANCES, case))["G306"]
    assert told.state == "fail"
    assert told.controls.right
    assert f"your loss cannot see {word}" in told.says
    before, after = told.evidence["loss"]
    assert after == pytest.approx(before, rel=1e-3)
    assert told.evidence["metric"][1] > told.evidence["metric"][0]


@pytest.mark.parametrize(
    "case",
    [
        skewed(),
        skewed(loss=wald.Huber()),
        skewed(loss=wald.Absolute(), metric=metrics.absolute_error()),
        binary(),
        binary(loss=wald.Focal()),
        binary(loss=lambda p, y: torch.relu(1 - (2 * y - 1) * p)),
        binary(800, loss=pairwise, metric=metrics.auc()),
        three_classes(),
        three_classes(metric=metrics.error_rate()),
        binary(loss=torch.nn.BCEWithLogitsLoss()),
    ],
    ids=["squared", "huber", "absolute", "log", "focal", "hinge", "ranking", "classes", "decisions", "torch"],
)
def test_sound_pairs_are_quiet(case: wald.Case) -> None:
    told = found(ask(INVARIANCES, case))
    assert told["G306"].state == "pass"
    assert told["G309"].state == "pass"
    assert told["G306"].controls.right
    assert told["G309"].controls.right


@pytest.mark.parametrize(
    "case",
    [
        binary(loss=minus),
        skewed(loss=lambda p, y: p - y),
        binary(loss=lambda p, y: 1 - (2 * y - 1) * p),
        skewed(loss=lambda p, y: -(1 + (p - y).square()).log()),
    ],
    ids=["sign", "no absolute value", "unhinged", "a logarithm"],
)
def test_a_loss_without_a_floor_is_found(case: wald.Case) -> None:
    told = found(ask(INVARIANCES, case))["G309"]
    assert told.state == "fail"
    assert "falls without end" in told.says
    assert told.evidence["losses"][-1] < told.evidence["losses"][0]


def test_counts_in_logarithms_have_a_floor() -> None:
    inputs = torch.randn(600, 1, generator=source(1))
    counts = torch.poisson(torch.exp(0.5 * inputs[:, 0]), generator=source(2))
    case = wald.Case(
        model=lambda x: 0.5 * x[:, 0], loss=wald.Poisson(), test=(inputs, counts),
        metric=wald.Metric(name="squared error", per_example=lambda p, y: (p.exp() - y).square()),
    )  # fmt: skip
    assert {one.state for one in ask(INVARIANCES, case).findings} == {"pass"}


def test_awkward_predictions() -> None:
    constant = found(ask(INVARIANCES, skewed(100, model=lambda x: torch.ones(len(x)))))["G306"]
    assert constant.state not in ("warn", "fail")
    assert found(ask(INVARIANCES, skewed(1, task="regression")))["G306"].state not in ("warn", "fail")
    weighted = skewed(300, loss=pearson, weight=torch.rand(300, generator=source(0)))
    assert found(ask(INVARIANCES, weighted))["G306"].state == "fail"


def test_a_loss_of_forecasts_far_from_zero_sees_what_it_sees() -> None:
    # Minutes of about 28: the squares of the forecasts themselves would dwarf what shuffling them changes.
    inputs = torch.randn(1_500, 1, generator=source(0))
    target = 28 + 6 * inputs[:, 0] + 2 * torch.randn(1_500, generator=source(1))
    case = wald.Case(
        model=lambda x: 28 + 6 * x[:, 0], loss=wald.Squared(), test=(inputs, target), metric=metrics.squared_error()
    )
    assert found(ask(INVARIANCES, case))["G306"].state == "pass"
