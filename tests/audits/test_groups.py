"""Gaps between groups: found where one is served worse, and not made of noise."""

import pytest
import torch

import wald
from wald.audits import metrics
from wald.audits.grouping import Group, Quantity, compare
from wald.audits.probes.groups import GROUPS
from wald.audits.statistics import Sample

from .samples import ask, binary, found, labels, rate_of, skewed, source

ROWS = 1_500
HALVES = {"half": ["a" if i % 3 else "b" for i in range(ROWS)]}


def test_equal_groups_pass() -> None:
    told = found(ask(GROUPS, binary(groups=HALVES), level="standard"))
    assert [told[code].state for code in ("F701", "F702", "F703")] == ["pass"] * 3
    assert all(told[code].controls.right for code in ("F701", "F702", "F703", "F706"))
    assert {one.state for one in told.values()} <= {"pass", "inconclusive", "not_applicable"}


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
    groups = [Group(str(k), torch.arange(k, 300, 6)) for k in range(6)]
    quantity = Quantity("loss", values, 1.0, torch.arange(300) % 2)
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
        groups = [Group(str(k), torch.arange(k, 600, 6)) for k in range(6)]
        gaps = compare(Quantity("x", values, 1.0, torch.zeros(600)), groups, 99, source(trial + 900))
        return any(not low <= 0 <= high for low, high in map(gaps.interval, range(6)))

    assert rate_of(missed, 60) <= 0.12


def test_the_picture_shows_the_groups() -> None:
    outcome = ask(GROUPS, binary(groups=HALVES))
    assert isinstance(outcome.figures[0], wald.findings.Figure)
    assert outcome.figures[0].series[0]["labels"] == ["half = a (1000)", "half = b (500)"]


def six(rows: int) -> list[Group]:
    return [Group(str(k), torch.arange(k, rows, 6)) for k in range(6)]


def test_a_weight_of_three_is_three_rows() -> None:
    values = torch.empty(300, dtype=torch.float64).exponential_(generator=source(0))
    weight = torch.randint(1, 4, (300,), generator=source(1)).double()
    copies = weight.long()
    many = [Group(one.name, torch.isin(torch.arange(300).repeat_interleave(copies), one.rows).nonzero()[:, 0])
            for one in six(300)]  # fmt: skip
    alone = torch.zeros(300, dtype=torch.long)
    weighted = compare(Quantity("x", values, 1.0, alone), six(300), 19, source(2), Sample(300, weight=weight))
    copied = Quantity("x", values.repeat_interleave(copies), 1.0, alone.repeat_interleave(copies))
    assert torch.allclose(weighted.excess, compare(copied, many, 19, source(2)).excess)


@pytest.mark.parametrize("inside", [True, False], ids=["a cluster is in one group", "groups cut through clusters"])
def test_rows_of_one_cluster_are_not_counted_as_many(inside: bool) -> None:
    """60 clusters of 20 rows that share most of their value, and groups that mean nothing."""

    def p(trial: int, *, told: bool) -> float:
        cluster = torch.arange(60).repeat_interleave(20)
        values = 2 * torch.randn(60, generator=source(trial))[cluster] + torch.randn(1_200, generator=source(trial + 1))
        own = torch.randint(3, (60,), generator=source(trial + 2))[cluster]
        if not inside:
            other = torch.randint(3, (1_200,), generator=source(trial + 3))
            own = torch.where(torch.rand(1_200, generator=source(trial + 4)) < 0.7, own, other)
        groups = [Group(str(k), (own == k).nonzero()[:, 0]) for k in range(3)]
        quantity = Quantity("x", values, 1.0, torch.zeros(1_200, dtype=torch.long))
        return compare(quantity, groups, 99, source(trial), Sample(1_200, cluster=cluster if told else None)).p

    assert rate_of(lambda trial: p(trial, told=True) <= 0.05, 60) <= 0.12
    assert rate_of(lambda trial: p(trial, told=False) <= 0.05, 20) >= 0.5


def test_a_gap_of_half_a_spread_is_found_or_its_detectable_size_is_said() -> None:
    for rows in (300, 1_800):
        x = torch.randn(rows, 3, generator=source(rows))
        worse = torch.arange(rows) % 6 == 2
        # Absolute errors of a normal law with 0.3 on top: half of their standard deviation.
        noise = torch.randn(rows, generator=source(1))
        target = x[:, 0] + noise + 0.3 * worse * noise.sign()
        case = skewed(model=lambda z: z[:, 0], test=(x, target), metric=metrics.absolute_error(),
                      groups={"six": [i % 6 for i in range(rows)]})  # fmt: skip
        told = found(ask(GROUPS, case, level="standard"))["F701"]
        assert told.state in ("warn", "fail") or (told.detectable or 0) > 0.3
    assert told.state in ("warn", "fail")
    assert "six = 2" in told.says


def crossing(rows: int, meets: float, alone: float = 1.0) -> wald.Case:
    """Errors `meets` as large where a = 1 meets b = 1, and `alone` as large in all of a = 1."""
    x = torch.randn(rows, 1, generator=source(0))
    a, b = (torch.randint(2, (rows,), generator=source(one)) for one in (1, 2))
    spread = torch.where((a == 1) & (b == 1), meets, torch.where(a == 1, alone, 1.0))
    target = x[:, 0] + spread * torch.randn(rows, generator=source(3))
    groups = {"a": a.tolist(), "b": b.tolist()}
    return skewed(model=lambda z: z[:, 0], test=(x, target), metric=metrics.absolute_error(), groups=groups)


def test_a_gap_where_two_groups_meet_is_found() -> None:
    told = found(ask(GROUPS, crossing(2_000, 3.0)))["F704"]
    assert told.state in ("warn", "fail")
    assert "a = 1 and b = 1" in told.evidence["beyond chance"]
    assert told.controls.right
    # A gap of one group is that group's, and no intersection's.
    told = found(ask(GROUPS, crossing(2_000, 2.0, alone=2.0)))
    assert told["F701"].state in ("warn", "fail")
    assert "a = 1" in told["F701"].says
    assert told["F704"].state in ("pass", "inconclusive")
    assert told["F704"].evidence["beyond chance"] == []


def test_a_group_that_is_told_too_surely_is_found() -> None:
    x = 2 * torch.randn(2_400, 3, generator=source(0))
    half = torch.arange(2_400) % 2 == 1
    target = torch.where(half, labels(0.4 * x[:, 0], 1), labels(x[:, 0], 2))
    groups = {"half": half.tolist()}
    told = found(ask(GROUPS, binary(test=(x, target), groups=groups)))["F706"]
    assert told.state in ("warn", "fail")
    even = found(ask(GROUPS, binary(test=(x, labels(x[:, 0], 2)), groups=groups)))["F706"]
    assert even.state in ("pass", "inconclusive")
    assert even.controls.right
    assert even.evidence["slopes"] == pytest.approx([1.0, 1.0], abs=0.2)


def test_a_loss_that_neglects_a_group_is_told_of() -> None:
    # The slope of a percentage error is 1 / target: large targets count for little.
    base = torch.where(torch.arange(1_000) % 2 == 1, 10.0, 1.0)
    noise = 1 + 0.2 * torch.rand(1_000, generator=source(0))
    groups = {"size": ["large" if i % 2 else "small" for i in range(1_000)]}
    case = skewed(model=lambda z: z[:, 0], test=(base[:, None], base * noise), loss=wald.Percentage(), groups=groups)
    told = found(ask(GROUPS, case))["F707"]
    assert told.state == "not_applicable"
    large, small = told.evidence["pull by the loss"]
    assert large / small == pytest.approx(0.1, rel=0.1)
    plain = found(ask(GROUPS, binary(groups=HALVES)))["F707"]
    assert plain.effect == pytest.approx(1.0)


def test_a_metric_of_whole_samples_is_shown_and_not_compared() -> None:
    told = found(ask(GROUPS, binary(metric=metrics.auc(), groups=HALVES)))
    assert told["F701"].state == "not_applicable"
    assert set(told["F701"].evidence["values"]) == {"half = a", "half = b"}
    assert told["F702"].state in ("pass", "inconclusive")


def test_a_group_of_few_clusters_is_not_judged() -> None:
    clusters = [i // 100 for i in range(ROWS)]
    groups = {"place": ["a" if i < 300 else "b" if i < 1_300 else "c" for i in range(ROWS)]}
    told = found(ask(GROUPS, binary(groups=groups, clusters=clusters)))["F701"]
    assert told.state == "not_applicable"
