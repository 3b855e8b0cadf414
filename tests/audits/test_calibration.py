"""Forecasts that mean what they say, and forecasts that do not."""

import numpy as np
import pytest
import torch

import wald
from wald.audits.probes.calibration import CALIBRATION, read
from wald.audits.probes.tail import TAIL
from wald.findings import Controls

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


def accused(trial: int, rows: int = 500) -> bool:
    """Forecasts from Beta(2, 2), and labels drawn from them."""
    score = torch.logit(torch.from_numpy(np.random.default_rng(trial).beta(2, 2, rows)))
    return "fail" in read(score, labels(score, trial + 10_000), 200, 499, trial).states(RIGHT)


def test_calibrated_forecasts_raise_no_false_alarm() -> None:
    assert rate_of(accused, 40) <= 0.025


@pytest.mark.slow
def test_calibrated_forecasts_raise_no_false_alarm_in_many() -> None:
    # The level is 1 % for both tests together; 8 of 300 or more would be chance 0.01.
    assert rate_of(accused, 300) <= 0.025


def test_a_tail_that_the_model_expects_passes() -> None:
    assert found(ask(TAIL, binary()))["R204"].state == "pass"
    assert found(ask(TAIL, three_classes()))["R204"].state == "pass"


def test_wrong_labels_make_the_tail_heavier_than_expected() -> None:
    inputs = 2 * torch.randn(3_000, 3, generator=source(0))
    target = labels(3 * inputs[:, 0], 1)
    wrong = torch.rand(3_000, generator=source(2)) < 0.06
    case = binary(factor=3.0, test=(inputs, torch.where(wrong, 1 - target, target)))
    told = found(ask(TAIL, case))["R204"]
    assert told.state == "warn"
    assert told.evidence["p"] <= 0.01
