"""Losses of the shape of a series: against all alignments, one by one, and against the authors' formulas."""

from __future__ import annotations

from collections.abc import Iterator
import math

import pytest
import torch
from torch import Tensor

import wald


def _ways(i: int, j: int) -> Iterator[list[tuple[int, int]]]:
    """Every alignment that ends at the moments i and j."""
    if i == j == 0:
        yield [(0, 0)]
        return
    for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)):
        if a >= 0 and b >= 0:
            yield from ([*way, (i, j)] for way in _ways(a, b))


def _series(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (4, 3), (4, 5)])
@pytest.mark.parametrize("gamma", [0.05, 1.0])
def test_soft_dtw_is_the_soft_minimum_over_all_alignments(shape: tuple[int, int], gamma: float) -> None:
    p, y = _series(shape[0]), _series(shape[1], seed=1)
    costs = torch.tensor([sum((p[i] - y[j]) ** 2 for i, j in way) for way in _ways(shape[0] - 1, shape[1] - 1)])
    wanted = -gamma * torch.logsumexp(-costs / gamma, 0)
    assert wald.SoftDTW(gamma=gamma)(p, y).item() == pytest.approx(wanted.item(), rel=1e-12)


def test_its_gradient_is_the_one_by_differences() -> None:
    p, y = _series(4).requires_grad_(), _series(3, seed=1).requires_grad_()
    for loss in (wald.SoftDTW(gamma=0.3), wald.SoftDTW(gamma=0.3, divergence=True)):
        assert torch.autograd.gradcheck(loss.per_example, (p, y))
    square = _series(4, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(wald.DILATE(gamma=0.3).per_example, (p, square))


def test_as_it_hardens_it_is_dynamic_time_warping_and_equal_series_cost_nothing() -> None:
    p, y = _series(6), _series(5, seed=1)
    least = min(sum(((p[i] - y[j]) ** 2).item() for i, j in way) for way in _ways(5, 4))
    assert wald.SoftDTW(gamma=1e-4)(p, y).item() == pytest.approx(least, rel=1e-2)
    assert wald.SoftDTW()(y, y) < 0
    assert wald.SoftDTW(divergence=True)(y, y).item() == pytest.approx(0, abs=1e-12)
    assert wald.SoftDTW(divergence=True)(p, y) > 0
    # A perfect forecast is not the least of the plain form, and is a resting place of the other.
    x = y.clone().requires_grad_()
    plain, taken = (torch.autograd.grad(loss(x, y), x)[0] for loss in (wald.SoftDTW(), wald.SoftDTW(divergence=True)))
    assert plain.abs().max() > 0.1
    assert taken.abs().max() < 1e-12


def test_large_and_small_numbers_are_finite() -> None:
    for scale in (0.0, 1e-6, 1e4):
        p, y = (scale * _series(2, 5)).float().requires_grad_(), (scale * _series(2, 5, seed=1)).float()
        for loss in (wald.SoftDTW(), wald.DILATE(), wald.TildeQ(gamma=1.0)):
            value = loss(p, y)
            (slope,) = torch.autograd.grad(value, p)
            assert value.isfinite(), loss
            assert slope.isfinite().all(), loss


def _dilate(p: Tensor, y: Tensor, alpha: float, gamma: float) -> Tensor:
    """The authors' definition: the expected alignment is the gradient of the soft minimum in the costs."""
    size = len(p)
    costs = ((p[:, None] - y[None]) ** 2).detach().requires_grad_()
    all_ways = list(_ways(size - 1, size - 1))
    each = torch.stack([sum(costs[i, j] for i, j in way) for way in all_ways])
    shape = -gamma * torch.logsumexp(-each / gamma, 0)
    (alignment,) = torch.autograd.grad(shape, costs)
    far = (torch.arange(size)[:, None] - torch.arange(size)) ** 2 / size**2
    return alpha * shape.detach() + (1 - alpha) * (alignment * far).sum()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_dilate_is_that_of_its_authors(alpha: float) -> None:
    p, y = _series(4), _series(4, seed=1)
    ours = wald.DILATE(alpha=alpha, gamma=0.2)(p, y)
    torch.testing.assert_close(ours, _dilate(p, y, alpha, 0.2), rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(wald.DILATE(alpha=1.0, gamma=0.2)(p, y), wald.SoftDTW(gamma=0.2)(p, y))


def test_late_costs_more_than_a_little_late_in_dilate_alone() -> None:
    peaks = torch.eye(8, dtype=torch.float64)
    target = peaks[1].expand(3, 8)
    timing = wald.DILATE(alpha=0.0)(peaks[[1, 3, 6]], target, reduction="none")
    assert timing[0] < timing[1] < timing[2]
    warped = wald.SoftDTW(gamma=1e-3)(peaks[[1, 3, 6]], target, reduction="none")
    assert (warped.max() - warped.min()).item() < 0.02


def _tilde_q(p: Tensor, y: Tensor, alpha: float, gamma: float) -> Tensor:
    """The formulas of the authors' code, for one series."""
    size = len(p)
    level = size * (1 / size - (p - y).softmax(0)).abs().mean()
    ours, theirs = torch.fft.fft(p), torch.fft.fft(y)
    power = theirs.abs() ** 2
    dominant = power > size
    dominant[power.topk(int(math.sqrt(size))).indices] = True
    dominant[0] = True
    phase = ((ours - theirs).abs()[dominant].mean() + ours.abs()[~dominant].mean()) / math.sqrt(size)

    def lags(a: Tensor, b: Tensor) -> Tensor:
        a, b = a / a.norm(), b / b.norm()
        return torch.stack([(a[max(0, k) : size + min(0, k)] * b[max(0, -k) : size - max(0, k)]).sum() for k in
                            range(-size + 1, size)])  # fmt: skip

    return alpha * level + (1 - alpha) * phase + gamma * (lags(y, y) - lags(y, p)).abs().mean()


@pytest.mark.parametrize("gamma", [0.0, 0.4])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_tilde_q_is_that_of_its_authors(alpha: float, gamma: float) -> None:
    # Mean and one wave are strongest, so that no pair of equal frequencies is torn apart.
    time = torch.arange(9, dtype=torch.float64)
    y = 2 + (2 * math.pi * time / 9).sin() + 0.01 * _series(9)
    p = _series(9, seed=1)
    ours = wald.TildeQ(alpha=alpha, gamma=gamma)(p, y)
    torch.testing.assert_close(ours, _tilde_q(p, y, alpha, gamma), rtol=1e-10, atol=1e-12)


def test_what_tilde_q_forgives() -> None:
    y = _series(12)
    level, size = wald.TildeQ(alpha=1.0, gamma=0.0), wald.TildeQ(alpha=1.0, gamma=1.0)
    assert level(y + 3, y).item() == pytest.approx(0, abs=1e-12)
    assert (size(2 * y, y) - level(2 * y, y)).item() == pytest.approx(0, abs=1e-12)
    assert level(2 * y, y) > 0.1
    assert size(-y, y) - level(-y, y) > 0.1
