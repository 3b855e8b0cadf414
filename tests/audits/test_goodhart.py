"""Two predictors that loss and metric rank in opposite ways: found where they exist, and not where they cannot."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import wald
from wald.audits import metrics
from wald.audits.probes.goodhart import GOODHART
from wald.findings import Finding

from .samples import ask, binary, found, labels, rate_of, skewed, source, three_classes


def double_softmax(p: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(p.softmax(-1), y, reduction="none")


def told_of(case: wald.Case, seed: int = 0) -> Finding:
    return found(ask(GOODHART, case, level="standard", seed=seed))["G308"]


@pytest.mark.parametrize(
    "case",
    [
        skewed(metric=metrics.percentage_error()),
        binary(loss=wald.BinaryCrossEntropy(pos_weight=9.0)),
        binary(loss=lambda p, y: -functional.binary_cross_entropy_with_logits(p, y, reduction="none")),
        three_classes(loss=double_softmax),
    ],
    ids=["percentages", "weight", "sign", "double softmax"],
)
def test_a_pair_is_exhibited(case: wald.Case) -> None:
    told = told_of(case)
    assert told.state == "fail"
    assert told.controls.right
    a, b = told.evidence["A"], told.evidence["B"]
    assert a["loss"] < b["loss"]
    assert a["metric"] > 1.1 * b["metric"]
    assert told.evidence["the loss prefers A by"][0] > 0
    assert len(told.evidence["rows where A is worst"]) == 5


@pytest.mark.parametrize(
    "case",
    [
        skewed(),
        skewed(model=lambda x: torch.exp(0.5 * x[:, 0]), loss=wald.Absolute(), metric=metrics.absolute_error()),
        binary(),
        binary(factor=3.0),
        binary(metric=metrics.error_rate()),
        three_classes(),
    ],
    ids=["squared", "absolute", "brier", "too sure", "decisions", "classes"],
)
def test_consistent_pairs_are_quiet(case: wald.Case) -> None:
    told = told_of(case)
    assert told.state in ("pass", "inconclusive")
    assert told.controls.right


@pytest.mark.slow
def test_whole_samples_and_weights_and_time() -> None:
    assert told_of(binary(600, metric=metrics.auc())).state in ("pass", "inconclusive")
    weighted = binary(
        800, weight=0.1 + torch.rand(800, generator=source(0)), loss=wald.BinaryCrossEntropy(pos_weight=9.0)
    )
    assert told_of(weighted).state == "fail"
    assert told_of(skewed(800, ordered=True)).state in ("pass", "inconclusive")
    clustered = binary(800, clusters=[i // 4 for i in range(800)])
    assert told_of(clustered).state in ("pass", "inconclusive")


def test_a_metric_that_feels_nothing_is_not_passed() -> None:
    stubborn = wald.Metric(name="cost", per_example=lambda p, y: torch.ones_like(y))
    assert told_of(binary(300, metric=stubborn)).state not in ("warn", "fail")


@pytest.mark.slow
def test_few_alarms_and_more_distortion_is_seen_more_often() -> None:
    def judged(trial: int, weight: float) -> bool:
        inputs = torch.randn(800, 1, generator=source(2 * trial))
        case = wald.Case(
            model=lambda x: 1.5 * x[:, 0], loss=wald.BinaryCrossEntropy(pos_weight=weight), metric=metrics.brier(),
            test=(inputs, labels(1.5 * inputs[:, 0], 2 * trial + 1)),
        )  # fmt: skip
        return told_of(case, trial).state in ("warn", "fail")

    rates = [rate_of(lambda trial, weight=weight: judged(trial, weight), 3) for weight in (1.0, 3.0, 20.0)]
    assert rates[0] == 0
    assert rates[0] <= rates[1] <= rates[2]
    assert rates[2] == 1
