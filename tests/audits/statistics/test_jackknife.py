"""Errors by leaving units out, and Student's law without SciPy."""

import math

import pytest
import torch

from wald.audits.statistics import Sample, jackknife
from wald.audits.statistics.jackknife import all_but_one, student_quantile, student_tail

from ..samples import rate_of, source


def test_the_error_of_a_mean_is_the_usual_one() -> None:
    values = torch.randn(40, generator=source(0), dtype=torch.float64)
    found = jackknife(float(values.mean()), all_but_one(values[None], None)[0] / 39)
    assert found.error == pytest.approx(float(values.std()) / 40**0.5)
    assert found.freedom == 39
    low, high = found.interval()
    assert low < found.value < high


def test_a_cluster_is_one_unit() -> None:
    values = torch.randn(30, generator=source(0), dtype=torch.float64)
    tripled = values.repeat_interleave(3)
    unit = torch.arange(90) // 3
    sums, sizes = all_but_one(torch.stack([tripled, torch.ones(90, dtype=torch.float64)]), unit)
    assert jackknife(float(values.mean()), sums / sizes).error == pytest.approx(float(values.std()) / 30**0.5)


def test_sample_errors_are_those_of_the_jackknife() -> None:
    values = torch.randn(60, generator=source(0), dtype=torch.float64)
    cluster = torch.arange(60) // 4
    sample = Sample(60, 0, None, cluster)
    sums = all_but_one(values[None], cluster)[0] / 56
    assert float(sample.errors(values)) == pytest.approx(jackknife(float(values.mean()), sums).error, rel=1e-6)


def test_what_is_not_known_is_said() -> None:
    lost = jackknife(1.0, torch.tensor([1.0, math.nan]))
    assert lost.interval() == (-math.inf, math.inf)
    assert lost.p() == 1.0
    assert jackknife(1.0, torch.tensor([1.0])).interval() == (-math.inf, math.inf)


@pytest.mark.parametrize("freedom", [3, 5, 10, 40, 1_000])
def test_student_is_nearly_that_of_scipy_and_never_narrower(freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    exact = float(stats.t.ppf(0.975, freedom))
    assert exact * 0.9999 <= student_quantile(0.975, freedom) <= exact * 1.012
    assert student_tail(student_quantile(0.975, freedom), freedom) == pytest.approx(0.025)
    assert student_tail(2.0, freedom) == pytest.approx(float(stats.t.sf(2.0, freedom)), rel=0.02)


def test_tiny_chances_stay_finite() -> None:
    assert 0 <= student_tail(60.0, 5_000) < 1e-100
    assert math.isfinite(student_quantile(1 - 1e-12, 1))


def test_intervals_of_few_clusters_cover() -> None:
    def missed(trial: int) -> bool:
        cluster = torch.arange(80) // 8
        values = torch.randn(80, generator=source(trial)) + torch.randn(10, generator=source(trial + 5_000))[cluster]
        sums = all_but_one(values[None], cluster)[0] / 72
        low, high = jackknife(float(values.mean()), sums).interval()
        return not low <= 0 <= high

    assert rate_of(missed, 200) <= 0.085
