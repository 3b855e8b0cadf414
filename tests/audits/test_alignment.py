"""What a mismatch of loss and metric costs: found where there is one, and not where there is none."""

from dataclasses import replace

import pytest
import torch

import wald
from wald.audits import metrics
from wald.audits.aligning.retarget import price
from wald.audits.probes.alignment import ALIGNMENT

from ..sampling import daily
from .samples import ask, binary, evidence, found, rate_of, skewed, three_classes


def test_a_mean_judged_by_percentages_is_expensive() -> None:
    # Known: 49.8 % [46, 54] on 4,000 rows of this law.
    told = found(ask(ALIGNMENT, skewed(4_000, metric=metrics.percentage_error())))
    assert told["A101"].state == "warn"
    assert told["A102"].state == "fail"
    assert told["A102"].controls.right
    assert 0.4 < (told["A102"].effect or 0) < 0.6


def test_a_mean_judged_by_absolute_errors_costs_some_percent() -> None:
    told = found(ask(ALIGNMENT, skewed(4_000, metric=metrics.absolute_error()), level="standard"))
    assert told["A102"].state == "warn"
    assert 0.04 < (told["A102"].effect or 0) < 0.11


@pytest.mark.parametrize(
    "case",
    daily(
        [
            skewed(),
            skewed(model=lambda x: torch.exp(0.5 * x[:, 0]), loss=wald.Absolute(), metric=metrics.absolute_error()),
            binary(3_000),
            three_classes(),
            binary(600, metric=metrics.auc()),
        ],
        3,
        ["mean", "median", "probability", "classes", "ranking"],
    ),
)
def test_matched_pairs_pass(case: wald.Case) -> None:
    told = found(ask(ALIGNMENT, case))
    assert told["A101"].state == "pass"
    assert told["A102"].state == "pass"


def test_too_few_rows_settle_nothing() -> None:
    told = found(ask(ALIGNMENT, binary(120)))["A102"]
    assert told.state == "inconclusive"
    assert (told.detectable or 0) > 0.02


@pytest.mark.slow
def test_a_weight_is_undone_without_labels() -> None:
    # The model that pos_weight = 9 makes: right log-odds, and log 9 too many.
    case = binary(4_000, shift=2.1972246, centre=-2.0, loss=wald.BinaryCrossEntropy(pos_weight=9.0))
    told = found(ask(ALIGNMENT, case))
    assert told["A101"].state == "warn"
    assert told["A102"].state == "fail"
    assert "subtract 2.2 from every logit" in told["A102"].fix
    right = found(ask(ALIGNMENT, replace(case, model=lambda x: x[:, 0])))["A102"].evidence["as it is"]
    assert told["A102"].evidence["undone"] == pytest.approx(right, rel=1e-3)


@pytest.mark.slow
def test_a_metric_that_feels_nothing_is_not_passed() -> None:
    stubborn = wald.Metric(name="cost", per_example=lambda p, y: torch.ones_like(y))
    told = found(ask(ALIGNMENT, binary(metric=stubborn)))["A102"]
    assert told.state == "inconclusive"
    assert "no decision changes" in told.says


def test_predictions_far_from_any_decision_have_a_planted_defect_all_the_same() -> None:
    # All are on one side of the threshold, and best there: only a large shift is felt.
    case = binary(model=lambda x: x[:, 0] - 9, centre=-5.0, metric=metrics.error_rate())
    assert found(ask(ALIGNMENT, case))["A102"].controls.positive is not None


@pytest.mark.slow
def test_a_metric_that_says_nothing_is_measured() -> None:
    own = wald.Metric(name="own", per_example=lambda p, y: 3 * (p - y).abs())
    told = found(ask(ALIGNMENT, skewed(400, metric=own)))["A101"]
    assert told.state == "warn"
    assert "own rewards: median" in told.says
    assert "from outside" in told.method
    squared = wald.Metric(name="own", per_example=lambda p, y: (torch.sigmoid(p) - y).square())
    assert found(ask(ALIGNMENT, binary(400, metric=squared)))["A101"].state == "pass"


def test_metrics_of_whole_samples_are_known_by_their_names() -> None:
    area = wald.Metric(name="ROC AUC", of=lambda p, y: 0.7, lower_is_better=False)
    assert "rewards: ranking" in found(ask(ALIGNMENT, binary(300, metric=area)))["A101"].says
    cut = wald.Metric(name="F1 score", of=lambda p, y: 0.7, lower_is_better=False)
    told = found(ask(ALIGNMENT, binary(300, metric=cut)))["A101"]
    assert told.state == "not_applicable"
    assert "cut at half the best F1" in told.says


def test_what_moving_costs_is_no_saving() -> None:
    told = found(ask(ALIGNMENT, binary(200, seed=14)))["A102"]
    assert told.effect == 0
    assert told.interval is not None
    assert told.interval[0] == 0
    assert "saves nothing" in told.says


def test_a_weight_counts_as_copies() -> None:
    # All the weight is on rows where the model is right; the rows where it is shifted hardly count.
    case = binary(2_000, metric=metrics.brier())
    wrong = torch.arange(2_000) % 2 == 0
    shifted = case.test[0][:, 0] + 2.0 * wrong
    weight = torch.where(wrong, 1e-3, 1.0)
    heavy = replace(case, model=None, prediction=shifted, weight=weight)
    plain = replace(case, model=None, prediction=shifted)
    assert found(ask(ALIGNMENT, heavy))["A102"].state in ("pass", "inconclusive")
    assert found(ask(ALIGNMENT, plain))["A102"].state in ("warn", "fail")


def alarm(trial: int) -> bool:
    seen = evidence(skewed(500, seed=7 * trial, model=lambda x: torch.exp(0.5 * x[:, 0]), loss=wald.Absolute(),
                           metric=metrics.absolute_error()))  # fmt: skip
    assert seen.space is not None
    return (
        price(seen.space, seen.by_metric, seen.score, seen.target, seen.sample, draws=200, splits=1).interval[0] > 0.02
    )


def test_moves_are_measured_on_rows_that_they_were_not_learnt_from() -> None:
    def saved(trial: int) -> float:
        seen = evidence(binary(200, seed=7 * trial))
        assert seen.space is not None
        found = price(seen.space, seen.by_metric, seen.score, seen.target, seen.sample, draws=2, splits=1)
        return found.effect

    # On its own rows a move always saves something; on others, where there is nothing to save, it costs.
    assert sum(map(saved, range(12))) < 0


@pytest.mark.slow
def test_matched_pairs_raise_no_false_alarm() -> None:
    assert rate_of(alarm, 25) == 0


@pytest.mark.slow
def test_matched_pairs_raise_no_false_alarm_in_many() -> None:
    assert rate_of(alarm, 200) <= 0.01


@pytest.mark.slow
def test_matched_probabilities_raise_no_false_alarm_in_many() -> None:
    def alarm(trial: int) -> bool:
        return found(ask(ALIGNMENT, binary(500, seed=11 * trial)))["A102"].state in ("warn", "fail")

    assert rate_of(alarm, 100) <= 0.02
