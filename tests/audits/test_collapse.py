"""Predictions that hardly vary, and those that vary as they should."""

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import metrics
from wald.audits.probes.collapse import COLLAPSE, effective_rank

from .samples import ask, binary, found, rate_of, skewed, source, three_classes


@pytest.mark.parametrize(
    "case",
    [
        binary(factor=0.05),
        three_classes(model=lambda x: 0.05 * x),
        skewed(model=lambda x: 1.5 + 0.05 * torch.exp(0.5 * x[:, 0])),
        binary(3_000, factor=0.05, loss=wald.BinaryCrossEntropy(pos_weight=4.0), shift=1.386),
    ],
    ids=["binary", "classes", "numbers", "weighted"],
)
def test_crushed_predictions_are_found(case: wald.Case) -> None:
    told = found(ask(COLLAPSE, case))["G307"]
    assert told.state == "fail"
    assert told.controls.right
    assert "collapsed" in told.says


@pytest.mark.parametrize(
    "case",
    [
        binary(),
        binary(factor=3.0),
        binary(4_000, centre=-3.5),
        three_classes(),
        skewed(),
        skewed(model=lambda x: torch.exp(0.5 * x[:, 0]), loss=wald.Absolute(), metric=metrics.absolute_error()),
    ],
    ids=["right", "too sure", "rare", "classes", "mean", "median"],
)
def test_predictions_that_vary_pass(case: wald.Case) -> None:
    told = found(ask(COLLAPSE, case))["G307"]
    assert told.state == "pass"
    assert told.controls.right


def test_one_prediction_for_all_is_found() -> None:
    told = found(ask(COLLAPSE, binary(model=lambda x: torch.full((len(x),), 0.2))))["G307"]
    assert told.state == "fail"
    assert "100.0% of the rows" in told.says
    # Rounding is no variation.
    noisy = found(ask(COLLAPSE, skewed(model=lambda x: 3 + 1e-12 * x[:, 0].double())))["G307"]
    assert noisy.state == "fail"


def test_predictions_that_know_nothing_have_no_spread_to_miss() -> None:
    told = found(ask(COLLAPSE, binary(model=lambda x: 0.1 * x[:, 1])))["G307"]
    assert told.state == "inconclusive"
    assert told.effect is None


def test_what_spreads_otherwise_is_not_judged() -> None:
    low = skewed(loss=wald.Pinball(level=0.1), model=lambda x: torch.exp(0.5 * x[:, 0] - 1.025))
    assert found(ask(COLLAPSE, low))["G307"].state == "not_applicable"


def test_vectors_on_a_line_are_found() -> None:
    def matched(p: Tensor, y: Tensor) -> Tensor:
        return (p - y).square().mean(-1)

    def embedded(scales: list[float]) -> wald.Case:
        inputs = torch.randn(300, 4, generator=source(0))
        metric = wald.Metric(name="error", per_example=matched)
        return wald.Case(
            model=lambda x: x * torch.tensor(scales), loss=matched, test=(inputs, inputs), metric=metric
        )  # fmt: skip

    assert found(ask(COLLAPSE, embedded([1.0, 0.0, 0.0, 0.0])))["G307"].state == "fail"
    assert found(ask(COLLAPSE, embedded([1.0, 1.0, 1.0, 1.0])))["G307"].state == "pass"


def test_the_effective_rank_of_known_clouds() -> None:
    cloud = torch.randn(20_000, 3, generator=source(0))
    assert effective_rank(cloud) == pytest.approx(3, abs=0.01)
    assert effective_rank(cloud[:, :1] * torch.ones(1, 3)) == pytest.approx(1)
    assert effective_rank(torch.ones(10, 3)) == 0


def test_few_alarms_with_weights_and_clusters() -> None:
    def alarm(trial: int) -> bool:
        weight = 0.05 + torch.rand(200, generator=source(trial))
        case = binary(200, seed=3 * trial, weight=weight, clusters=[i // 4 for i in range(200)])
        return found(ask(COLLAPSE, case))["G307"].state in ("warn", "fail")

    assert rate_of(alarm, 8) == 0
