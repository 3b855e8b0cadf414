"""Intervals for means, shares and several numbers at once, against SciPy and by simulation."""

import math

import pytest
import torch

from wald.audits import statistics
from wald.audits.statistics import clopper_pearson, percentiles, simultaneous, t_interval, wilson

from ..samples import rate_of, source


def test_too_few_finite_draws_leave_an_interval_unknown() -> None:
    draws = torch.zeros(100)
    draws[:11] = math.nan
    assert percentiles(draws) == (-math.inf, math.inf)


def test_wilson_stays_inside_and_agrees_with_the_formula() -> None:
    assert wilson(0, 20)[0] == 0
    assert wilson(20, 20)[1] == 1
    assert wilson(0, 0) == (0.0, 1.0)
    # The worked example of Newcombe 1998: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 7), (7, 7), (1, 500)])
def test_shares_are_those_of_scipy(successes: int, trials: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    test = stats.binomtest(successes, trials)
    for ours, name in ((wilson, "wilson"), (clopper_pearson, "exact")):
        expected = test.proportion_ci(method=name)
        assert ours(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_takes_an_effective_number_of_rows() -> None:
    assert wilson(12.5, 50.5)[0] < 12.5 / 50.5 < wilson(12.5, 50.5)[1]
    narrow, wide = wilson(250, 1_000), wilson(25, 100)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_clopper_pearson_covers_where_events_are_rare() -> None:
    pytest.importorskip("scipy")
    drawn = (torch.rand(400, 60, generator=source(0)) < 0.02).sum(-1).tolist()
    covered = {k: clopper_pearson(k, 60)[0] <= 0.02 <= clopper_pearson(k, 60)[1] for k in set(drawn)}
    assert sum(covered[k] for k in drawn) / len(drawn) >= 0.95


def test_student_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = torch.tensor([0.2, -0.1, 0.4, 0.3, 0.25], dtype=torch.float64)
    mean, interval = t_interval(values)
    expected = stats.ttest_1samp(values.numpy(), 0).confidence_interval(0.95)
    assert mean == pytest.approx(0.21)
    assert interval == pytest.approx((expected.low, expected.high))
    assert t_interval(values[:1])[1] == (-math.inf, math.inf)


def test_student_covers_with_five_seeds() -> None:
    pytest.importorskip("scipy")

    def missed(trial: int) -> bool:
        low, high = t_interval(torch.randn(5, generator=source(trial)))[1]
        return not low <= 0 <= high

    assert rate_of(missed, 300) <= 0.09


def test_simultaneous_intervals_hold_all_at_once() -> None:
    def missed(trial: int) -> bool:
        rows = torch.randn(8, 300, generator=source(trial), dtype=torch.float64)
        # Numbers that go together need no wider intervals than one.
        rows = rows + 2 * rows[:1]
        drawn = statistics.Bootstrap(300, 300, seed=trial).means(rows)
        intervals, width = simultaneous(rows.mean(-1), rows.std(-1) / 300**0.5, drawn)
        assert 1.9 < width < 3.2
        return bool(((intervals[:, 0] > 0) | (intervals[:, 1] < 0)).any())

    assert rate_of(missed, 150) <= 0.10


def test_detectable_is_the_usual_sum_of_quantiles() -> None:
    assert statistics.detectable(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert statistics.detectable(math.nan) == math.inf


def test_an_effect_of_the_detectable_size_is_seen_four_times_in_five() -> None:
    size = statistics.detectable(0.1)
    seen = (0.1 * torch.randn(2_000, generator=source(0)) + size).abs() > 1.96 * 0.1
    assert float(seen.double().mean()) == pytest.approx(0.8, abs=0.03)
