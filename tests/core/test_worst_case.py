"""Worst means in a ball about the sample against their duals and their definition, and tilted means."""

from __future__ import annotations

from collections.abc import Callable
import math

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from scipy import optimize
import torch
from torch import Tensor

import wald
from wald.core import Reduction

near = torch.testing.assert_close

BALLS = [wald.KLDRO(0.3), wald.ChiSquareDRO(0.3)]
EVERY = [*BALLS, wald.TiltedMean(2.0), wald.TiltedMean(-2.0)]

#: Losses with ties, and whole weights, some of them none.
samples = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=12).filter(
    lambda rows: any(weight for _, weight in rows)
)


def reduced(values: Tensor | list[float], how: Reduction, weight: Tensor | None = None) -> Tensor:
    x = torch.as_tensor(values, dtype=torch.float64)
    return wald.Squared()(x.sqrt(), torch.zeros_like(x), weight=weight, reduction=how)


def least(cost: Callable[[float], float], intervals: list[tuple[float, float]]) -> float:
    found = (
        optimize.minimize_scalar(cost, bounds=each, method="bounded", options={"xatol": 1e-10}) for each in intervals
    )
    return min(each.fun for each in found)


@given(rows=samples, radius=st.sampled_from([1e-3, 0.05, 0.5, 2.0, 40.0]))
@settings(max_examples=15, deadline=None)
def test_they_are_the_least_of_their_duals(rows: list[tuple[int, int]], radius: float) -> None:
    x, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    given_weight = torch.as_tensor(p)
    x, p = x[p > 0] / 10, p[p > 0] / p.sum()
    top, width = x.max(), np.ptp(x)

    def over(e: float) -> float:
        return e + math.sqrt(1 + 2 * radius) * math.sqrt(p @ np.maximum(0, x - e) ** 2)

    chi_square = min(top, least(over, [(top - (2 + 2 / math.sqrt(radius)) * width - 1, top), (top - width / 5, top)]))
    divergence = least(
        lambda log_t: top + math.exp(log_t) * (radius + math.log(p @ np.exp((x - top) / math.exp(log_t)))),
        [(-25, -5), (-5, 1), (1, 15)],
    )
    values = [value / 10 for value, _ in rows]
    for how, wanted in ((wald.ChiSquareDRO(radius), chi_square), (wald.KLDRO(radius), divergence)):
        assert reduced(values, how, given_weight).item() == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize("how", BALLS, ids=repr)
def test_the_slope_is_the_worst_change_of_the_sample_that_is_allowed(how: wald.KLDRO | wald.ChiSquareDRO) -> None:
    x = torch.rand(30, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    value = how(x, torch.ones_like(x))
    (q,) = torch.autograd.grad(value, x)
    assert q.min() >= 0
    near(q.sum(), torch.ones_like(value))
    near((q * x).sum(), value)
    ratio = 30 * q
    spent = (ratio.xlogy(ratio)).mean() if isinstance(how, wald.KLDRO) else (ratio - 1).square().mean() / 2
    assert spent.item() == pytest.approx(how.radius, rel=1e-6)


@pytest.mark.parametrize("how", EVERY, ids=repr)
def test_slopes_are_right_to_the_second_order(how: wald.TiltedMean) -> None:
    x = torch.tensor([0.3, 1.1, 0.8, 2.0, 2.3], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, 2.0, 0.0, 1.0, 0.5], dtype=torch.float64)
    torch.autograd.gradcheck(how, (x, weight))
    torch.autograd.gradgradcheck(how, (x, weight))


@pytest.mark.parametrize("how", EVERY, ids=repr)
def test_weights_masks_ties_and_nothing(how: wald.TiltedMean) -> None:
    x, copies = torch.tensor([1.0, 5.0, 2.0, 9.0]).double(), torch.tensor([3, 1, 0, 2])
    wanted = reduced(x.repeat_interleave(copies), how)
    near(reduced(x, how, copies.double()), wanted)
    hidden = x.clone()
    hidden[2] = torch.nan
    near(wald.Squared()(hidden.sqrt(), 0 * x, weight=copies.double(), reduction=how), wanted)
    same = torch.full((4,), 3.0, requires_grad=True)
    value = how(same, torch.ones(4))
    value.backward()
    assert value.item() == pytest.approx(3)
    near(same.grad, torch.full((4,), 0.25))
    for rows in (0, 3):
        none = torch.ones(rows, requires_grad=True)
        nothing = how(none, torch.zeros(rows))
        nothing.backward()
        assert nothing.item() == 0
        assert (none.grad == 0).all()


@pytest.mark.parametrize("how", EVERY, ids=repr)
def test_they_lie_between_the_least_and_the_highest_and_follow_shifts(how: wald.TiltedMean) -> None:
    x = torch.rand(20, generator=torch.Generator().manual_seed(1))
    value, lower = how(x, torch.ones(20)), isinstance(how, wald.TiltedMean) and how.tilt < 0
    assert x.min() < value < x.max()
    assert (value < x.mean()) == lower
    near(how(x + 1e3, torch.ones(20)), value + 1e3)
    if not isinstance(how, wald.TiltedMean):
        near(how(1e-6 * x, torch.ones(20)), 1e-6 * value)
    huge = torch.tensor([0.0, 1.0, 1e30], requires_grad=True)
    how(huge, torch.ones(3)).backward()
    assert huge.grad.isfinite().all()
    assert how(torch.tensor([1.0, torch.inf]), torch.ones(2)) == torch.inf


@pytest.mark.slow
@pytest.mark.parametrize("how", EVERY, ids=repr)
def test_they_compile(how: wald.TiltedMean) -> None:
    x = torch.rand(20, generator=torch.Generator().manual_seed(1))
    compiled = torch.compile(lambda x: how(x, torch.ones(20)), fullgraph=True, backend="aot_eager")
    near(compiled(x), how(x, torch.ones(20)))


def test_small_radii_fear_spread_and_large_ones_the_worst() -> None:
    x = torch.rand(25, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    deviation = x.std(correction=0)
    for how in (wald.KLDRO(1e-10), wald.ChiSquareDRO(1e-10)):
        near(reduced(x, how) - x.mean(), math.sqrt(2e-10) * deviation, rtol=1e-4, atol=0)
    # Until the cheapest one has no weight left the second is exact.
    near(reduced(x, wald.ChiSquareDRO(0.05)), x.mean() + math.sqrt(0.1) * deviation)
    for none, all_of_it in ((wald.KLDRO(0.0), wald.KLDRO(math.log(25))), (wald.ChiSquareDRO(0), wald.ChiSquareDRO(12))):
        near(reduced(x, none), x.mean())
        near(reduced(x, all_of_it), x.max())
    for less in (1e-6, 1e-9, 1e-12, 1e-15):
        near(reduced(x, wald.KLDRO(math.log(25) - less)), x.max(), rtol=2 * less + 1e-12, atol=0)


def test_groups_that_are_large_enough_are_covered() -> None:
    x = torch.tensor([0.0] * 7 + [4.0] * 3, dtype=torch.float64)
    near(reduced(x, wald.KLDRO(-math.log(0.3))), torch.tensor(4.0).double())
    near(reduced(x, wald.ChiSquareDRO((1 / 0.3 - 1) / 2)), torch.tensor(4.0).double())
    assert reduced(x, wald.KLDRO(1.1)) < 4
    assert reduced(x, wald.ChiSquareDRO(1.1)) < 4


def test_a_tilt_goes_from_the_least_over_the_mean_to_the_highest() -> None:
    x = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)
    near(reduced(x, wald.TiltedMean(0.0)), x.mean())
    near(reduced(x, wald.TiltedMean(1.5)), (x * 1.5).exp().mean().log() / 1.5)
    near(reduced(x, wald.TiltedMean(1e-9)) - 3, 0.5e-9 * x.var(correction=0), rtol=1e-6, atol=1e-15)
    near(reduced(x, wald.TiltedMean(1e6)), x.max(), rtol=1e-5, atol=0)
    near(reduced(x, wald.TiltedMean(-1e6)), x.min(), rtol=1e-5, atol=0)
    # A ball is a tilt that the batch chooses.
    value = reduced(x, wald.KLDRO(0.2))
    tilts = [reduced(x, wald.TiltedMean(t)) + 0.2 / t for t in np.linspace(0.1, 2, 400)]
    assert value.item() == pytest.approx(min(tilts).item(), abs=1e-5)


def test_what_is_no_radius_and_no_tilt_is_told() -> None:
    for kind in (wald.KLDRO, wald.ChiSquareDRO):
        for radius in (-0.1, math.inf, math.nan):
            with pytest.raises(ValueError, match=f"{kind.__name__}: radius must be from 0 up"):
                kind(radius)
    with pytest.raises(ValueError, match=r"tilt must be a finite number, got inf. .*CVaR"):
        wald.TiltedMean(math.inf)
