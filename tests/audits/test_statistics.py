"""Intervals cover, tests keep their level, and what is known in closed form comes out."""

import math

import numpy as np
import pytest
import torch

from wald.audits import statistics
from wald.audits.statistics import bootstrap as bootstrap_file
from wald.audits.statistics import Bootstrap, generator, holm, kendall, percentiles, permutation_p, wilson

from .samples import labels, rate_of, source


def test_a_purpose_has_a_stream_of_its_own_and_keeps_it() -> None:
    def drawn(*purpose: object) -> list[float]:
        return torch.rand(3, generator=generator(0, *purpose)).tolist()

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")
    assert drawn("a", 1) != drawn("a", 2)


def test_bootstrap_counts_are_resamples_and_means_follow() -> None:
    bootstrap = Bootstrap(7, 50, seed=3)
    values = torch.randn(2, 7, generator=source(0))
    counts = torch.cat(list(bootstrap.counts()))
    assert counts.shape == (50, 7)
    assert bool((counts.sum(-1) == 7).all())
    assert bootstrap.means(values).shape == (2, 50)
    assert torch.allclose(bootstrap.means(values), values.double() @ counts.T / 7)


def test_bootstrap_in_pieces_is_the_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.randn(40, generator=source(0))
    whole = Bootstrap(40, 33, seed=1).means(values)
    monkeypatch.setattr(bootstrap_file, "_HELD", 400)
    pieces = Bootstrap(40, 33, seed=1)
    assert len(list(pieces.counts())) == 4
    assert torch.equal(pieces.means(values), whole)


def test_indices_draw_the_same_resamples_one_by_one() -> None:
    found = list(Bootstrap(6, 4, seed=0).indices())
    assert len(found) == 4
    assert all(len(rows) == 6 and int(rows.max()) < 6 for rows in found)
    assert all(torch.equal(a, b) for a, b in zip(found, Bootstrap(6, 4, seed=0).indices(), strict=True))


def test_percentile_intervals_cover() -> None:
    def missed(trial: int) -> bool:
        values = torch.randn(80, generator=source(trial))
        low, high = percentiles(Bootstrap(80, 300, seed=trial).means(values))
        return not low <= 0 <= high

    # 5 % in the limit, a little more with 80 rows; 14 of 120 would be chance 0.002.
    assert rate_of(missed, 120) <= 0.12


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


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_permutation_p_is_never_zero() -> None:
    assert permutation_p(9.0, torch.zeros(99)) == 0.01
    assert permutation_p(0.0, torch.zeros(99)) == 1.0


def test_kendall_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    x = torch.randn(3, 20, generator=source(0)).round(decimals=1)
    y = x + torch.randn(3, 20, generator=source(1)).round(decimals=0)
    expected = [stats.kendalltau(a.numpy(), b.numpy()).statistic for a, b in zip(x, y, strict=True)]
    assert kendall(x, y).tolist() == pytest.approx(expected, abs=1e-9)
    assert math.isnan(float(kendall(torch.zeros(4), torch.arange(4.0))))


def test_cox_is_the_maximum_likelihood_fit() -> None:
    score = torch.randn(400, generator=source(0), dtype=torch.float64)
    label = labels(0.4 + 0.7 * score, 1)
    fitted = statistics.cox(score, label)
    design = np.stack([np.ones(400), score.numpy()], 1)
    slope = design.T @ (label - torch.sigmoid(fitted[0] + fitted[1] * score)).numpy()
    assert np.abs(slope).max() < 1e-6


def test_cox_weights_are_copies() -> None:
    score = torch.randn(60, generator=source(0), dtype=torch.float64)
    label = labels(score, 1)
    counts = next(iter(Bootstrap(60, 1, seed=0).counts()))[0]
    copied = statistics.cox(score.repeat_interleave(counts.long()), label.repeat_interleave(counts.long()))
    assert torch.allclose(statistics.cox(score, label, counts), copied, atol=1e-6)


def test_one_step_from_the_whole_is_nearly_a_fit_of_each_resample() -> None:
    score = torch.randn(500, generator=source(0), dtype=torch.float64)
    label = labels(2 * score - 1.5, 1)
    bootstrap = Bootstrap(500, 300, seed=0)
    full = torch.cat([statistics.cox(score, label, counts) for counts in bootstrap.counts()])
    quick = statistics.cox_draws(score, label, bootstrap)
    assert float((quick - full).abs().median()) < 0.03
    for axis in (0, 1):
        assert percentiles(quick[:, axis]) == pytest.approx(percentiles(full[:, axis]), abs=0.12)


@pytest.mark.parametrize("label", [torch.ones(50), (torch.arange(50) > 25).double()])
def test_cox_says_when_there_is_no_fit(label: torch.Tensor) -> None:
    # One class only; and classes that the score separates.
    assert bool(statistics.cox(torch.arange(50.0), label).isnan().all())


def calibrated(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    score = torch.logit(torch.from_numpy(np.random.default_rng(seed).beta(2, 2, rows)))
    return score, labels(score, seed + 10_000)


@pytest.mark.parametrize(("p", "rows"), [(statistics.slope_p, 300), (statistics.mean_p, 300)])
def test_the_tests_of_calibration_keep_their_level(p: object, rows: int) -> None:
    def alarm(trial: int) -> bool:
        score, label = calibrated(rows, trial)
        return p(score, label, 99, source(trial)) <= 0.05  # type: ignore[operator]

    # Exact tests: 5 %, whatever the size of the sample. 18 of 200 or more would be chance 0.01.
    assert rate_of(alarm, 200) <= 0.085


def test_the_test_of_the_slope_has_power() -> None:
    def found(trial: int) -> bool:
        score, label = calibrated(500, trial)
        return statistics.slope_p(1.5 * score, label, 199, source(trial)) <= 0.05

    assert rate_of(found, 40) >= 0.5


def test_the_test_of_the_slope_has_power_where_events_are_rare() -> None:
    def found(trial: int) -> bool:
        score = torch.randn(300, generator=source(trial)) - 3
        return statistics.slope_p(2 * score, labels(score, trial + 7_000), 199, source(trial)) <= 0.05

    # The constant's own error, left in, would hide what the slope does.
    assert rate_of(found, 40) >= 0.7


def test_the_test_of_the_slope_does_not_mind_the_mean() -> None:
    def alarm(trial: int) -> bool:
        score, label = calibrated(400, trial)
        return statistics.slope_p(score + 2.0, label, 99, source(trial)) <= 0.05

    assert rate_of(alarm, 100) <= 0.12


def test_detectable_is_the_usual_sum_of_quantiles() -> None:
    assert statistics.detectable(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
