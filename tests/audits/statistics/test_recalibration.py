"""Cox's recalibration: the fit, its error, and tests that keep their level and have power."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from wald.audits import statistics
from wald.audits.statistics import Bootstrap, Sample, cox, mean_estimate, mean_p, slope_estimate, slope_p

from ...sampling import daily
from ..samples import labels, rate_of, source


def calibrated(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Forecasts from Beta(2, 2), and labels drawn from them."""
    score = torch.logit(torch.from_numpy(np.random.default_rng(seed).beta(2, 2, rows)))
    return score, labels(score, seed + 10_000)


def in_clusters(rows: int, seed: int, size: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Forecasts that are alike in a cluster, and right; labels of a cluster go together beyond that."""
    random = np.random.default_rng(seed)
    cluster = torch.arange(rows) // size
    shared = torch.from_numpy(random.normal(size=(2, rows // size)))[:, cluster]
    score = shared[0] + 0.5 * torch.from_numpy(random.normal(size=rows))
    latent = (shared[1] + torch.from_numpy(random.normal(size=rows))) / math.sqrt(2)
    return score, (torch.special.ndtr(latent) < torch.sigmoid(score)).double(), cluster


def test_the_fit_is_of_maximum_likelihood() -> None:
    score = torch.randn(400, generator=source(0), dtype=torch.float64)
    label = labels(0.4 + 0.7 * score, 1)
    fitted = cox(score, label)
    design = np.stack([np.ones(400), score.numpy()], 1)
    slope = design.T @ (label - torch.sigmoid(fitted[0] + fitted[1] * score)).numpy()
    assert np.abs(slope).max() < 1e-6


def test_weights_are_copies() -> None:
    score = torch.randn(60, generator=source(0), dtype=torch.float64)
    label = labels(score, 1)
    counts = next(iter(Bootstrap(60, 1, seed=0).counts()))[0]
    many = counts.long()
    copied = cox(score.repeat_interleave(many), label.repeat_interleave(many))
    assert torch.allclose(cox(score, label, counts), copied, atol=1e-6)
    ratio = mean_estimate(score.repeat_interleave(many), label.repeat_interleave(many)).value
    assert mean_estimate(score, label, weight=counts).value == pytest.approx(ratio)


@pytest.mark.parametrize("label", [torch.ones(50), (torch.arange(50) > 25).double()])
def test_where_there_is_no_fit_it_says_so(label: Tensor) -> None:
    # One class only; and classes that the score separates.
    assert bool(cox(torch.arange(50.0), label).isnan().all())
    assert slope_estimate(torch.arange(50.0), label).interval() == (-math.inf, math.inf)


def test_constant_forecasts_have_a_mean_and_no_slope() -> None:
    label = (torch.arange(40) % 4 == 0).double()
    assert math.isnan(slope_estimate(torch.zeros(40), label).value)
    assert mean_estimate(torch.zeros(40), label).value == pytest.approx(math.log(2))


def test_forecasts_far_from_zero_are_fitted_as_well() -> None:
    score = torch.randn(500, generator=source(0), dtype=torch.float64)
    label = labels(score, 1)
    near, far = slope_estimate(score, label), slope_estimate(score + 1e4, label)
    assert far.value == pytest.approx(near.value, rel=1e-6)
    assert far.error == pytest.approx(near.error, rel=1e-4)


@pytest.mark.parametrize("clusters", [False, True])
def test_errors_are_those_of_refitted_resamples(clusters: bool) -> None:
    score, label, cluster = in_clusters(600, 0)
    unit = cluster if clusters else None
    bootstrap = Bootstrap(600, 400, seed=0, cluster=unit)
    drawn = torch.stack([cox(score[rows], label[rows])[1] for rows in bootstrap.indices()])
    assert slope_estimate(score, label, unit=unit).error == pytest.approx(float(drawn.std()), rel=0.15)


@pytest.mark.parametrize("kind", ["rows", "weights", "clusters"])
def test_intervals_cover(kind: str) -> None:
    def missed(trial: int) -> tuple[bool, bool]:
        score, label, cluster = in_clusters(250, trial)
        unit = cluster if kind == "clusters" else None
        weight = None
        if kind != "clusters":
            score, label = calibrated(250, trial)
        if kind == "weights":
            weight = torch.empty(250, dtype=torch.float64).exponential_(generator=source(trial)) + 0.05
        slope = slope_estimate(score, label, weight=weight, unit=unit).interval()
        mean = mean_estimate(score, label, weight=weight, unit=unit).interval()
        return not slope[0] <= 1 <= slope[1], not mean[0] <= 0 <= mean[1]

    slopes, means = zip(*(missed(trial) for trial in range(200)), strict=True)
    assert sum(slopes) / 200 <= 0.095
    assert sum(means) / 200 <= 0.095


@pytest.mark.parametrize("p", [slope_p, mean_p])
@pytest.mark.parametrize("kind", daily(["rows", "weights", "clusters"], 3))
def test_the_tests_keep_their_level(p: object, kind: str) -> None:
    def alarm(trial: int) -> bool:
        score, label, cluster = in_clusters(300, trial)
        given: dict[str, Tensor] = {"unit": cluster}
        if kind != "clusters":
            score, label = calibrated(300, trial)
            given = {}
        if kind == "weights":
            given["weight"] = torch.empty(300, dtype=torch.float64).exponential_(generator=source(trial)) + 0.05
        return p(score, label, 99, source(trial), **given) <= 0.05  # type: ignore[operator]

    # 5 %; 19 of 200 or more would be chance 0.006.
    assert rate_of(alarm, 200) <= 0.09


def test_clusters_that_are_ignored_raise_alarms() -> None:
    def alarm(trial: int) -> bool:
        score, label, _ = in_clusters(300, trial, size=15)
        return mean_p(score, label, 99, source(trial)) <= 0.05

    assert rate_of(alarm, 60) > 0.15


@pytest.mark.parametrize("rows", [500, 2_000])
def test_the_test_of_the_slope_has_power(rows: int) -> None:
    def found(trial: int) -> bool:
        score, label = calibrated(rows, trial)
        return slope_p(1.5 * score, label, 199, source(trial)) <= 0.05

    assert rate_of(found, 40) >= (0.5 if rows == 500 else 0.95)


def test_the_test_of_the_slope_has_power_where_events_are_rare() -> None:
    def found(trial: int) -> bool:
        score = torch.randn(300, generator=source(trial)) - 3
        return slope_p(2 * score, labels(score, trial + 7_000), 199, source(trial)) <= 0.05

    # The constant's own error, left in, would hide what the slope does.
    assert rate_of(found, 40) >= 0.7


def test_the_test_of_the_slope_does_not_mind_the_mean() -> None:
    def alarm(trial: int) -> bool:
        score, label = calibrated(400, trial)
        return slope_p(score + 2.0, label, 99, source(trial)) <= 0.05

    assert rate_of(alarm, 100) <= 0.12


def test_centring_brings_the_mean_to_what_happened() -> None:
    score, label = calibrated(200, 0)
    weight = torch.rand(200, generator=source(0), dtype=torch.float64)
    moved = torch.sigmoid(score + statistics.centring(score, label, weight))
    assert Sample(200, weight=weight).mean(moved) == pytest.approx(Sample(200, weight=weight).mean(label), abs=1e-9)
