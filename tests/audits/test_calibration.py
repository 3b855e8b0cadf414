"""Forecasts that mean what they say, and forecasts that do not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wald
from wald.audits import metrics
from wald.audits.calibrating.class_link import meant_classes
from wald.audits.calibrating.forecasts import read
from wald.audits.costing.cost import Cost
from wald.audits.probes.calibration import CALIBRATION
from wald.audits.statistics import Sample
from wald.findings import Controls, Finding

from .samples import ask, binary, found, labels, rate_of, skewed, source, three_classes

RIGHT = Controls(positive=True, negative=True)


def test_an_overconfident_model_is_found() -> None:
    told = found(ask(CALIBRATION, binary(factor=1.5)))
    assert told["C601"].state == "fail"
    assert told["C601"].evidence["slope"] == pytest.approx(2 / 3, abs=0.08)
    assert told["C602"].state == "pass"


def test_an_underconfident_one_too() -> None:
    told = found(ask(CALIBRATION, binary(factor=0.5)))["C601"]
    assert told.state == "fail"
    assert told.evidence["slope"] > 1.5


def test_a_calibrated_model_is_not_accused() -> None:
    told = found(ask(CALIBRATION, binary(6_000), level="standard"))
    assert told["C601"].state == "pass"
    assert told["C602"].state == "pass"
    assert told["C601"].controls.right


def test_a_weight_shows_in_the_mean_and_is_undone() -> None:
    case = binary(4_000, shift=2.1972246, centre=-2.0, loss=wald.BinaryCrossEntropy(pos_weight=9.0))
    outcome = ask(CALIBRATION, case)
    told = found(outcome)["C602"]
    assert told.state == "fail"
    assert told.evidence["repaired mean"] == pytest.approx(told.evidence["base rate"], rel=0.08)
    assert "divide the odds by 9" in told.fix
    emitted, repaired = outcome.figures[0].series
    gap = [abs(x - y) for x, y in zip(repaired["x"], repaired["y"], strict=True)]
    assert max(gap) < 0.12
    assert max(abs(x - y) for x, y in zip(emitted["x"], emitted["y"], strict=True)) > 0.3


def test_classes_are_judged_by_the_one_predicted() -> None:
    assert found(ask(CALIBRATION, three_classes(3_000)))["C602"].state == "pass"
    sure = found(ask(CALIBRATION, three_classes(3_000, model=lambda x: 3 * x)))
    assert sure["C601"].state == "fail"


def test_a_number_is_no_forecast() -> None:
    assert found(ask(CALIBRATION, skewed()))["C601"].state == "not_applicable"


def beta(rows: int, trial: int, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Forecasts from Beta(2, 2) and labels drawn from them; then the logits times `temperature`."""
    score = torch.logit(torch.from_numpy(np.random.default_rng(trial).beta(2, 2, rows)))
    return temperature * score, labels(score, trial + 10_000)


def in_clusters(rows: int, trial: int, temperature: float = 1.0) -> tuple[Tensor, Tensor, Sample]:
    """Forecasts and labels that go together in clusters of five, and weights of very unequal size."""
    random = np.random.default_rng(trial)
    cluster = torch.arange(rows) // 5
    shared = torch.from_numpy(random.normal(size=(2, rows // 5)))[:, cluster]
    score = shared[0] + 0.5 * torch.from_numpy(random.normal(size=rows))
    latent = (shared[1] + torch.from_numpy(random.normal(size=rows))) / 2**0.5
    label = (torch.special.ndtr(latent) < torch.sigmoid(score)).double()
    weight = torch.from_numpy(random.exponential(size=rows)) + 0.05
    return temperature * score, label, Sample(rows, trial, weight, cluster)


def accused(trial: int, rows: int, clusters: bool = False) -> bool:
    score, label, sample = in_clusters(rows, trial) if clusters else (*beta(rows, trial), Sample(rows, trial))
    return "fail" in read(score, label, sample, 499).states(RIGHT)


@pytest.mark.parametrize("clusters", [False, True])
def test_calibrated_forecasts_raise_no_false_alarm(clusters: bool) -> None:
    # The level is 1 % for both tests together.
    assert rate_of(lambda trial: accused(trial, 300, clusters), 60) <= 0.034


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 1_000, 5_000])
@pytest.mark.parametrize("clusters", [False, True])
def test_calibrated_forecasts_raise_no_false_alarm_in_many(rows: int, clusters: bool) -> None:
    # 8 of 200 or more would be chance 0.001.
    assert rate_of(lambda trial: accused(trial, rows, clusters), 200) <= 0.035


@pytest.mark.slow
def test_over_confidence_is_found_the_surer_the_more_rows_there_are() -> None:
    def found(trial: int, rows: int, temperature: float) -> bool:
        reading = read(*beta(rows, trial, temperature), Sample(rows, trial), 499)
        return reading.states(RIGHT)[0] == "fail"

    small, large = (rate_of(lambda trial, rows=rows: found(trial, rows, 1.5), 30) for rows in (300, 2_000))
    assert large >= 0.95
    assert small < large
    assert rate_of(lambda trial: found(trial, 2_000, 1.1), 30) <= 0.1


def test_over_confidence_is_found_in_clusters_with_weights() -> None:
    def found(trial: int) -> bool:
        return read(*in_clusters(2_000, trial, 1.6), 499).states(RIGHT)[0] == "fail"

    assert rate_of(found, 20) >= 0.8


def test_a_weight_of_two_is_two_copies() -> None:
    score, label = beta(300, 0)
    weight = torch.tensor([1.0, 2.0]).repeat(150).double()
    copies = weight.long()
    once = read(score, label, Sample(300, 0, weight), 499)
    twice = read(score.repeat_interleave(copies), label.repeat_interleave(copies), Sample(450, 0), 499)
    assert once.slope.value == pytest.approx(twice.slope.value, abs=1e-6)
    assert once.mean.value == pytest.approx(twice.mean.value, abs=1e-9)


def test_weights_and_clusters_of_a_case_are_used() -> None:
    # Rows of the second half are far too sure, and count for nearly nothing.
    inputs = torch.randn(3_000, 3, generator=source(0))
    target = labels(1.5 * inputs[:, 0], 1)
    inputs[:, 0] *= 1.5
    inputs[1_500:, 0] *= 4
    light = torch.ones(3_000)
    light[1_500:] = 1e-4
    case = binary(test=(inputs, target))
    assert found(ask(CALIBRATION, case))["C601"].state == "fail"
    weighed = found(ask(CALIBRATION, binary(test=(inputs, target), weight=light)))["C601"]
    assert weighed.state != "fail"
    pairs = torch.arange(1_500).repeat_interleave(2)
    doubled = (inputs[pairs], target[pairs])
    clustered = found(ask(CALIBRATION, binary(test=doubled, clusters=pairs.tolist())))["C601"]
    single = found(ask(CALIBRATION, binary(test=(inputs[:1_500], target[:1_500]))))["C601"]
    assert clustered.interval == pytest.approx(single.interval, rel=1e-3)


@pytest.mark.slow
def test_the_band_of_the_diagram_holds_right_forecasts_and_not_wrong_ones() -> None:
    def outside(case: wald.Case) -> int:
        series = ask(CALIBRATION, case).figures[0].series[0]
        bins = zip(series["y"], series["low"], series["high"], strict=True)
        return sum(not low <= y <= high for y, low, high in bins)

    assert sum(outside(binary(1_500, seed=seed)) for seed in range(0, 20, 2)) <= 12
    assert outside(binary(4_000, factor=2.0)) >= 5


@pytest.mark.parametrize("rows", [1, 2, 12])
def test_very_few_rows_say_nothing(rows: int) -> None:
    case = binary(test=(torch.randn(rows, 3, generator=source(0)), (torch.arange(rows) % 2).float()))
    for finding in ask(CALIBRATION, case).findings:
        assert finding.state == "inconclusive"


def test_constant_forecasts_have_no_slope_and_a_mean() -> None:
    told = found(ask(CALIBRATION, binary(2_000, model=lambda x: torch.zeros(len(x)) + 2.0)))
    assert told["C601"].state == "inconclusive"
    assert told["C602"].state == "fail"


def margins(loss: wald.Loss, metric: wald.Metric, score: Callable[[Tensor], Tensor], **more: Any) -> wald.Case:
    """A model that emits the best score of a margin loss for each row's probability."""
    inputs = torch.randn(4_000, 3, generator=source(0))
    rows = (inputs, labels(3 * inputs[:, 0], 1))
    return binary(loss=loss, metric=metric, test=rows, model=lambda x: score(torch.sigmoid(3 * x[:, 0])), **more)


def test_hinge_scores_are_no_probabilities() -> None:
    def hinge(metric: wald.Metric) -> Finding:
        return found(ask(CALIBRATION, margins(wald.Hinge(), metric, lambda p: torch.sign(p - 0.5))))["C601"]

    judged = hinge(metrics.brier())
    assert judged.state == "fail"
    assert "leaves no probabilities" in judged.says
    assert "proper loss" in judged.fix
    # Where the metric asks for decisions only, it is said and not held against the model.
    assert hinge(metrics.error_rate()).state == "warn"


def test_squared_hinge_is_read_through_its_map() -> None:
    squared = margins(wald.SquaredHinge(), metrics.error_rate(), lambda p: 2 * p - 1)
    told = found(ask(CALIBRATION, squared))
    assert told["C601"].state in ("pass", "inconclusive")
    assert told["C601"].evidence["slope"] == pytest.approx(1, abs=0.12)
    assert told["C602"].state == "pass"
    assert "read through the loss's own map" in told["C601"].says
    # Read as log-odds, as a metric of probabilities does, it is far off.
    judged = found(ask(CALIBRATION, margins(wald.SquaredHinge(), metrics.brier(), lambda p: 2 * p - 1)))["C601"]
    assert judged.state == "fail"
    assert judged.evidence["repaired slope"] == pytest.approx(1, abs=0.12)


def generalised(prediction: Tensor, target: Tensor) -> Tensor:
    """The generalised cross-entropy of Zhang and Sabuncu with q = 0.7."""
    return (1 - prediction.softmax(-1).gather(1, target[:, None])[:, 0] ** 0.7) / 0.7


LOSSES: dict[str, tuple[Any, Callable[[Tensor], Tensor]]] = {
    "cross-entropy": (wald.CrossEntropy(), lambda eta: eta.log()),
    "generalised": (generalised, lambda eta: eta.log() / 0.3),
    "label smoothing": (wald.CrossEntropy(label_smoothing=0.1), lambda eta: (0.9 * eta + 0.1 / eta.shape[-1]).log()),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [3, 12])
def test_probabilities_are_read_from_the_best_scores(name: str, classes: int) -> None:
    loss, best = LOSSES[name]
    eta = torch.randn(300, classes, generator=source(0), dtype=torch.float64).softmax(-1)
    score = best(eta)
    cost = Cost(loss, score, torch.arange(300) % classes)
    read_off = meant_classes(cost, score, source(1))
    assert read_off is not None
    assert torch.allclose(read_off.exp(), eta, atol=1e-6)


def test_focal_scores_are_read_where_they_are_best() -> None:
    focal = wald.Focal(gamma=2.0, kind="multiclass")
    score = 2 * torch.randn(200, 4, generator=source(0), dtype=torch.float64)
    read_off = meant_classes(Cost(focal, score, torch.arange(200) % 4), score, source(1))
    assert read_off is not None
    # The probabilities are those for which the derivative -φ'(p) of the loss of each class is the same.
    p = score.softmax(-1)
    slope = (1 - p) ** 2 / p - 2 * (1 - p) * p.log()
    eta = (1 / slope) / (1 / slope).sum(-1, keepdim=True)
    assert torch.allclose(read_off.exp(), eta, atol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, y: torch.nn.functional.multi_margin_loss(p, y, reduction="none"),
        lambda p, y: 2 * (1 - p.softmax(-1).gather(1, y[:, None])[:, 0]),
        lambda p, y: -torch.nn.functional.cross_entropy(p, y, reduction="none"),
    ],
    ids=["hinge", "absolute", "sign"],
)
def test_scores_that_tell_no_probabilities_are_not_read(loss: Any) -> None:
    score = torch.randn(200, 4, generator=source(0), dtype=torch.float64)
    assert meant_classes(Cost(loss, score, torch.arange(200) % 4), score, source(1)) is None


def test_a_loss_of_classes_is_read_through_its_map() -> None:
    def case(metric: wald.Metric) -> wald.Case:
        return three_classes(4_000, loss=generalised, metric=metric, model=lambda x: x / 0.3)

    through = found(ask(CALIBRATION, case(metrics.error_rate())))["C601"]
    assert through.evidence["slope"] == pytest.approx(1, abs=0.15)
    assert through.evidence["emitted slope"] < 0.5
    emitted = found(ask(CALIBRATION, case(metrics.log_loss())))["C601"]
    assert emitted.state == "fail"
    assert emitted.evidence["repaired slope"] == pytest.approx(1, abs=0.15)


def test_the_same_twice() -> None:
    case = binary(800, factor=1.2, weight=torch.rand(800, generator=source(5)) + 0.1)
    assert [one.to_dict() for one in ask(CALIBRATION, case).findings] == [
        one.to_dict() for one in ask(CALIBRATION, case).findings
    ]
