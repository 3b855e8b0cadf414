"""Wrong labels: planted ones are counted and listed; labels that are only hard are not accused."""

from __future__ import annotations

import pytest
import torch

import wald
from wald.audits import Case, metrics
from wald.audits.inspecting.outliers import tail_of
from wald.audits.probes.labels import LABELS

from ..sampling import daily
from .defects import clean, mislabelled
from .samples import ask, binary, found, rate_of, skewed, source, three_classes


def told(case: Case, seed: int = 0) -> wald.findings.Finding:
    return found(ask(LABELS, case, "standard", seed))["D901"]


def test_wrong_labels_of_digits_are_counted_and_listed() -> None:
    case, wrong = mislabelled()
    finding = told(case)
    assert finding.state == "fail"
    assert finding.interval is not None
    assert finding.interval[0] <= float(wrong.double().mean()) <= finding.interval[1]
    listed = [one["row"] for one in finding.evidence["suspects"]]
    assert float(wrong[listed].double().mean()) >= 0.95
    # As many as there must be, to have found nine in ten.
    assert finding.evidence["suspected"] == pytest.approx(0.9 * int(wrong.sum()), rel=0.15)
    first = finding.evidence["suspects"][0]
    truth = mislabelled()[0].train
    assert truth is not None
    assert first["given"] == int(truth[1][first["row"]]) != first["suggested"]


def test_clean_digits_make_no_claim() -> None:
    finding = told(clean())
    assert finding.state == "pass"
    assert finding.interval is not None
    assert finding.interval[1] <= 0.02
    assert finding.controls.right
    assert finding.detectable == 0.05


def test_a_few_wrong_labels_are_a_warning() -> None:
    assert told(mislabelled(0.03)[0]).state == "warn"


@pytest.mark.parametrize("make", daily([binary, three_classes], 2, ["binary", "classes"]))
def test_hard_labels_are_not_wrong_labels(make: type[Case]) -> None:
    # Drawn from probabilities: many contradict every forecast, and none is wrong.
    assert rate_of(lambda trial: told(make(400, seed=100 * trial), trial).state in ("warn", "fail"), 6) == 0


@pytest.mark.slow
def test_without_training_rows_the_test_labels_are_examined() -> None:
    inputs = 3 * torch.randn(1_500, 4, generator=source(0))
    target = (inputs[:, 0] > 0).float()
    wrong = torch.rand(1_500, generator=source(1)) < 0.2
    target[wrong] = 1 - target[wrong]
    weight = torch.where(wrong, 0.001, 1.0)
    assert told(binary(test=(inputs, target))).state == "fail"
    # What hardly counts is hardly a fault.
    assert told(binary(test=(inputs, target), weight=weight)).state != "fail"
    assert told(binary(test=(inputs, target), clusters=(torch.arange(1_500) // 4).tolist())).state == "fail"


def test_a_misplaced_decimal_point_is_a_warning() -> None:
    inputs = torch.randn(500, 3, generator=source(0))
    target = inputs[:, 0] + 0.3 * torch.randn(500, generator=source(1))
    given = {"loss": wald.Squared(), "metric": metrics.squared_error(), "model": lambda x: x[:, 0]}
    assert told(Case(test=(inputs, target), **given)).state == "pass"
    spoilt = target.clone()
    spoilt[7], spoilt[90] = 120.0, -999.0
    finding = told(Case(test=(inputs, spoilt), **given))
    assert finding.state == "warn"
    assert {one["row"] for one in finding.evidence["suspects"]} == {7, 90}


def test_heavy_tails_are_no_outliers() -> None:
    def alarm(trial: int) -> bool:
        drawn = torch.randn(1_000, generator=source(trial)) / torch.rand(1_000, generator=source(trial + 500)).pow(0.4)
        return tail_of(drawn).outlying > 0

    assert rate_of(alarm, 300) <= 0.03
    assert told(skewed()).state == "pass"


def test_awkward_data_are_not_judged() -> None:
    assert told(binary(50)).state == "not_applicable"
    same = skewed(300, test=(torch.ones(300, 1), torch.arange(300.0)))
    assert told(same).state == "not_applicable"
    rows = torch.randn(300, 2, generator=source(0))
    constant = skewed(300, train=(rows[:, :1], torch.ones(300)), test=(rows[:, :1], rows[:, 1]))
    assert told(constant).state == "not_applicable"


def test_two_runs_say_the_same() -> None:
    case = three_classes(300)
    assert told(case) == told(case)
