"""Agreement of orders, against SciPy."""

import math

import pytest
import torch

from wald.audits.statistics import kendall, spearman

from ..samples import source


def test_kendall_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    x = torch.randn(3, 20, generator=source(0)).round(decimals=1)
    y = x + torch.randn(3, 20, generator=source(1)).round(decimals=0)
    expected = [stats.kendalltau(a.numpy(), b.numpy()).statistic for a, b in zip(x, y, strict=True)]
    assert kendall(x, y).tolist() == pytest.approx(expected, abs=1e-9)
    assert math.isnan(float(kendall(torch.zeros(4), torch.arange(4.0))))


def test_spearman_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    x = torch.randn(40, generator=source(0)).round(decimals=1)
    y = x + torch.randn(40, generator=source(1)).round(decimals=0)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x.numpy(), y.numpy()).statistic, abs=1e-9)
    assert math.isnan(spearman(torch.zeros(4), torch.arange(4.0)))
