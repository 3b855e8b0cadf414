"""Gaps between groups: found where one is served worse, and not made of noise."""

import pytest
import torch

import wald
from wald.audits import metrics
from wald.audits.probes.groups import GROUPS, _Group, _Quantity, compare

from .samples import ask, binary, found, labels, rate_of, skewed, source

ROWS = 1_500
HALVES = {"half": ["a" if i % 3 else "b" for i in range(ROWS)]}


def test_equal_groups_pass() -> None:
    told = found(ask(GROUPS, binary(groups=HALVES), level="standard"))
    assert {one.state for one in told.values()} == {"pass"}
    assert all(one.controls.right for one in told.values())


def test_a_group_that_is_served_worse_is_found() -> None:
    inputs = torch.randn(ROWS, 3, generator=source(0))
    noisy = torch.tensor([label == "b" for label in HALVES["half"]])
    noise = torch.where(noisy, 3.0, 0.5) * torch.randn(ROWS, generator=source(1))
    case = skewed(
        model=lambda x: x[:, 0], test=(inputs, inputs[:, 0] + noise), groups=HALVES, metric=metrics.absolute_error()
    )
    told = found(ask(GROUPS, case, level="standard"))
    assert told["F701"].state == "fail"
    assert told["F702"].state == "fail"
    assert "half = b" in told["F701"].says


def test_a_group_whose_forecasts_are_too_high_is_found() -> None:
    inputs = torch.randn(ROWS, 3, generator=source(0))
    rarer = torch.tensor([label == "b" for label in HALVES["half"]])
    target = torch.where(rarer, labels(inputs[:, 0] - 2, 1), labels(inputs[:, 0], 1))
    told = found(ask(GROUPS, binary(test=(inputs, target), groups=HALVES), level="standard"))["F703"]
    assert told.state == "fail"
    assert "higher for half = b" in told.says


def test_more_hard_cases_are_no_worse_service() -> None:
    # Group b has more positives, which cost more; among rows with the same target nothing differs.
    inputs = torch.randn(ROWS, 3, generator=source(0))
    more = torch.tensor([label == "b" for label in HALVES["half"]])
    target = (torch.rand(ROWS, generator=source(2)) < torch.where(more, 0.5, 0.1)).float()
    told = found(ask(GROUPS, binary(test=(inputs, target), model=lambda x: 0.5 * x[:, 1] - 1.5, groups=HALVES)))
    assert told["F702"].state in ("pass", "inconclusive")
    assert abs(told["F702"].effect or 0) < 0.08


def test_small_groups_are_named_and_not_judged() -> None:
    groups = {"kind": ["rare" if i < 20 else "b" if i % 2 else "a" for i in range(ROWS)]}
    told = found(ask(GROUPS, binary(groups=groups)))["F701"]
    assert told.evidence["not judged"] == ["kind = rare"]
    assert "rare" not in " ".join(told.evidence["groups"])


def test_without_groups_it_says_so() -> None:
    assert found(ask(GROUPS, binary()))["F701"].state == "not_run"
    alone = {"kind": ["all"] * ROWS}
    assert found(ask(GROUPS, binary(groups=alone)))["F701"].state == "not_applicable"


def null_p(trial: int) -> float:
    """Six groups of 50 and exponential losses: nothing to find."""
    values = torch.empty(300).exponential_(generator=source(trial))
    groups = [_Group(str(k), torch.arange(k, 300, 6)) for k in range(6)]
    quantity = _Quantity("loss", values, 1.0, torch.arange(300) % 2)
    return compare(quantity, groups, 99, source(trial + 5_000)).p


def test_noise_raises_no_more_alarms_than_the_level() -> None:
    # 5 %; 9 of 80 or more would be chance 0.02.
    assert rate_of(lambda trial: null_p(trial) <= 0.05, 80) <= 0.1


@pytest.mark.slow
def test_noise_raises_no_more_alarms_than_the_level_in_many() -> None:
    assert rate_of(lambda trial: null_p(trial) <= 0.05, 600) <= 0.073


@pytest.mark.slow
def test_equal_groups_are_never_failed() -> None:
    def accused(trial: int) -> bool:
        case = binary(600, seed=31 * trial, groups={"six": [i % 6 for i in range(600)]})
        return any(one.state in ("fail", "warn") for one in ask(GROUPS, case).findings)

    assert rate_of(accused, 60) <= 0.05


def test_intervals_hold_for_all_groups_at_once() -> None:
    def missed(trial: int) -> bool:
        values = torch.randn(600, generator=source(trial))
        groups = [_Group(str(k), torch.arange(k, 600, 6)) for k in range(6)]
        gaps = compare(_Quantity("x", values, 1.0, torch.zeros(600)), groups, 99, source(trial + 900))
        return any(not low <= 0 <= high for low, high in map(gaps.interval, range(6)))

    assert rate_of(missed, 60) <= 0.12


def test_the_picture_shows_the_groups() -> None:
    outcome = ask(GROUPS, binary(groups=HALVES))
    assert isinstance(outcome.figures[0], wald.findings.Figure)
    assert outcome.figures[0].series[0]["labels"] == ["half = a (1000)", "half = b (500)"]
