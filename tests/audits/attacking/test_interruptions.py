"""Series with gaps, jumps and spikes."""

from typing import Any

import pytest
import torch

import wald
from wald.audits import Attack, InputSpace
from wald.audits.attacking.interruptions import interruptions
from wald.audits.probes.attack import ATTACK
from wald.audits.probes.interruptions import INTERRUPTIONS

from ..samples import ask, found, skewed, source


def series(**more: Any) -> wald.Case:
    """Random walks, forecast by their last value."""
    walk = torch.randn(200, 20, generator=source(0)).cumsum(1)
    given: dict[str, Any] = {
        "model": lambda x: x[:, -1],
        "test": (walk, walk[:, -1] + torch.randn(200, generator=source(1))),
        "input_space": InputSpace(series=True),
        "attack": Attack(tolerance=0.5),
    }
    return skewed(**(given | more))


def test_each_kind_does_what_it_says() -> None:
    inputs = torch.arange(40.0).reshape(2, 20) + 1
    kinds = interruptions(inputs, torch.ones(20))
    frozen = kinds["a feed that froze"][0]
    assert frozen[0].tolist() == [*range(1, 19), 18, 18]
    held = kinds["a gap, filled with the last value before it"][1]
    assert int((held != inputs).sum()) == 4
    assert float(kinds["a gap, filled with zeros"][0][0, :2].sum()) == 0
    jump = kinds["a jump of the level by 1 sd"][0]
    assert torch.equal(jump - inputs, torch.ones(2, 20))
    spike = kinds["a spike of 4 sd in one step"][0]
    assert (spike - inputs).sum(-1).tolist() == [4.0, 4.0]
    fixed = torch.ones(20)
    fixed[:5] = 0
    assert all(
        torch.equal(one[:, :5], inputs[:, :5]) for tried in interruptions(inputs, fixed).values() for one in tried
    )


def test_a_forecast_of_the_last_value_is_at_the_mercy_of_a_spike() -> None:
    outcome = ask(INTERRUPTIONS, series())
    told = found(outcome)["R209"]
    assert told.state == "warn"
    assert told.controls.right
    assert "spike" in told.says
    assert set(told.evidence["metric"]) == set(outcome.figures[0].series[0]["labels"])


def test_a_forecast_that_is_a_median_is_not() -> None:
    flat = torch.randn(200, 20, generator=source(0))
    case = series(model=lambda x: x.median(-1).values, test=(flat, torch.randn(200, generator=source(1))))
    assert found(ask(INTERRUPTIONS, case))["R209"].state == "warn"  # the jump moves it
    steady = series(model=lambda x: x.mean(-1) * 0, test=(flat, torch.randn(200, generator=source(1))))
    told = found(ask(INTERRUPTIONS, steady))["R209"]
    assert told.state == "pass"
    assert told.effect == 0


def test_without_a_tolerance_it_is_a_measurement() -> None:
    assert found(ask(INTERRUPTIONS, series(attack=Attack())))["R209"].state == "not_applicable"


def test_what_the_case_rules_out_does_not_happen() -> None:
    loose = found(ask(INTERRUPTIONS, series()))["R209"]
    tight = found(ask(INTERRUPTIONS, series(input_space=InputSpace(series=True, low=-3.0, high=3.0))))["R209"]
    assert (tight.effect or 0) < (loose.effect or 0)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (skewed(), "does not say that its inputs are series"),
        (
            series(metric=wald.Metric(name="rmse", of=lambda p, y: float((p - y).square().mean().sqrt()))),
            "no value for",
        ),
    ],
    ids=["table", "whole"],
)
def test_what_cannot_be_asked_says_why(case: wald.Case, why: str) -> None:
    told = found(ask(INTERRUPTIONS, case))["R209"]
    assert told.state == "not_applicable"
    assert why in told.says


def test_several_features_at_once_and_the_attack_on_them() -> None:
    walk = torch.randn(120, 16, 2, generator=source(0)).cumsum(1)
    case = series(model=lambda x: x[:, -1, 0], test=(walk, walk[:, -1, 0] + torch.randn(120, generator=source(1))))
    assert found(ask(INTERRUPTIONS, case))["R209"].controls.right
    told = found(ask(ATTACK, case))["R202"]
    assert told.controls.right
    assert told.state == "fail"
