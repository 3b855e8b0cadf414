"""Spread of returns: against moments by hand and as libraries of portfolios write them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, by_numbers, mean, of_port

near = torch.testing.assert_close


def _returns(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 0.001 + 0.02 * torch.randn(shape, generator=rng, dtype=torch.float64)


def test_moments_are_those_of_scipy() -> None:
    r = _returns(3, 29)
    x = r.numpy()
    for loss, wanted in {
        wald.CentralMoment(order=1): np.abs(x - x.mean(-1, keepdims=True)).mean(-1),
        wald.CentralMoment(): stats.moment(x, 2, axis=-1) ** 0.5,
        wald.CentralMoment(degree=2.0, correction=1): x.var(-1, ddof=1),
        wald.CentralMoment(order=4, degree=4.0): stats.moment(x, 4, axis=-1),
        wald.CentralMoment(order=4): stats.moment(x, 4, axis=-1) ** 0.25,
    }.items():
        near(loss(r, reduction="none"), torch.as_tensor(wanted), rtol=1e-11, atol=0)
    # What is called kurtosis elsewhere is a ratio of two of them.
    ratio = wald.CentralMoment(order=4, degree=4.0)(r[0]) / wald.CentralMoment(degree=4.0)(r[0])
    assert ratio.item() == pytest.approx(stats.kurtosis(x[0], fisher=False), rel=1e-11)


def test_semi_variances_of_both_sides_add_up() -> None:
    r = _returns(40)
    below, above = (wald.LowerPartialMoment(degree=2.0)(s) for s in (r, -r))
    near(below + above, wald.CentralMoment(degree=2.0)(r))
    half = wald.LowerPartialMoment(order=1)
    near(2 * half(r), wald.CentralMoment(order=1)(r))


def test_the_shortfall_of_sortino_is_its_second_moment() -> None:
    r = _returns(40)
    short = wald.LowerPartialMoment(threshold=0.0)(r)
    near(wald.SortinoRatio(epsilon=1e-12)(r), -r.mean() / short, rtol=1e-9, atol=0)


def test_gini_is_a_mean_over_pairs_and_known_of_a_normal_law() -> None:
    r = _returns(3, 17)
    pairs = (r[:, :, None] - r[:, None]).abs().sum((1, 2)) / (17 * 16)
    near(wald.GiniMeanDifference()(r, reduction="none"), pairs)
    # Twice the second L-moment; 2 / √π deviations of a normal law.
    law = torch.as_tensor(stats.norm.ppf((np.arange(4000) + 0.5) / 4000))
    assert wald.GiniMeanDifference()(law).item() == pytest.approx(2 / math.sqrt(math.pi), abs=1e-3)


EVERY = [
    wald.CentralMoment(order=1),
    wald.CentralMoment(),
    wald.CentralMoment(order=4, degree=2.0),
    wald.LowerPartialMoment(order=1),
    wald.LowerPartialMoment(order=3, threshold=0.01),
    wald.GiniMeanDifference(),
]


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_spread_grows_with_the_position_and_has_a_slope_at_its_ends(loss: wald.Loss) -> None:
    r = _returns(12)
    degree = getattr(loss, "degree", 1.0)
    if getattr(loss, "threshold", None) is None:
        near(loss(3 * r + 7), 3**degree * loss(r), rtol=1e-9, atol=0)
    # The fourth power of these is nothing in single precision.
    tiny, huge = ((k * r).float().requires_grad_() for k in (1e-12, 1e12))
    for x in (tiny, huge, torch.full((12,), 0.25, requires_grad=True)):
        value = loss(x)
        (slope,) = torch.autograd.grad(value, x)
        assert value.isfinite()
        assert slope.isfinite().all()
    if getattr(loss, "threshold", None) is None and degree == 1:
        assert loss((1e-12 * r).float()).item() == pytest.approx(1e-12 * loss(r).item(), rel=1e-5)
    torch.autograd.gradgradcheck(loss, (r.clone().requires_grad_(),))


@pytest.mark.parametrize("level", [0.05, 0.4])
def test_the_entropic_tail_is_the_least_bound_and_above_the_shortfall(level: float) -> None:
    r = _returns(25)
    loss = wald.EntropicValueAtRisk(level=level)
    bounds = [z * ((-r / z).logsumexp(0) - math.log(25 * level)) for z in np.geomspace(1e-4, 1, 4001)]
    assert loss(r).item() == pytest.approx(min(bounds).item(), rel=1e-5)
    assert wald.ExpectedShortfall(level=level)(r) < loss(r) < -r.min() or level <= 1 / 25
    near(loss(torch.stack([r, 2 * r]), reduction="none"), torch.stack([loss(r), 2 * loss(r)]))
    near(wald.EntropicValueAtRisk(level=1.0)(r), -r.mean())
    near(wald.EntropicValueAtRisk(level=0.04)(r), -r.min())
    torch.autograd.gradgradcheck(loss, (r.clone().requires_grad_(),))
    near(wald.Squared()(r, 0 * r, reduction=wald.KLDRO(-math.log(level))), loss(-r.square()))


def test_a_short_series_and_an_unknown_order_are_told() -> None:
    with pytest.raises(
        wald.ShapeError, match=r"GiniMeanDifference: returns \(5, 1\) are a series of 1 .* 2 are needed"
    ):
        wald.GiniMeanDifference()(torch.zeros(5, 1))
    with pytest.raises(wald.ShapeError, match="at least 2"):
        wald.CentralMoment(correction=1)(torch.zeros(1))
    assert wald.CentralMoment()(torch.zeros(1)) == 0
    with pytest.raises(ValueError, match="order"):
        wald.CentralMoment(order=3)


def test_they_are_found_by_the_name_that_people_know() -> None:
    for name, kind in {
        "semi-deviation": wald.LowerPartialMoment,
        "GMD": wald.GiniMeanDifference,
        "portfolio variance": wald.CentralMoment,
        "skfolio.measures.semi_variance": wald.LowerPartialMoment,
    }.items():
        assert wald.get(name) is kind


def _entropic(r: Tensor) -> float:
    return attribute("riskfolio.src.RiskFunctions.EVaR_Hist")(r.numpy())[0]


#: The other measures of these libraries are in tests/losses/parity/money.py.
CASES: list[Case] = [
    of_port("riskfolio.RiskFunctions.EVaR_Hist", by_numbers(_entropic), _returns(41), how=mean, within=1e-5)
]


@pytest.mark.peers
@pytest.mark.parametrize("beta", [1, 3])
def test_downside_risk_of_deepdow_takes_one_root_of_every_order(beta: int) -> None:
    """√(mean short^beta) grows with returns to the power beta / 2: no `degree` that is at least 1 below a beta of 2."""
    losses = pytest.importorskip("deepdow.losses", reason="compares with this library")
    r = _returns(31)
    theirs = losses.DownsideRisk(beta=beta, input_type="simple")(
        torch.ones(1, 1, dtype=r.dtype), r.reshape(1, 1, -1, 1)
    )
    assert theirs.item() == pytest.approx(wald.LowerPartialMoment(order=beta)(r).item() ** (beta / 2), rel=1e-10)
