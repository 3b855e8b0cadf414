"""Losses of portfolios: what they are by hand, what deepdow and skfolio write, and what must not be taken for them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize
from sklearn import metrics
import torch
from torch import Tensor

import wald


def _returns(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 0.001 + 0.02 * torch.randn(shape, generator=rng, dtype=torch.float64)


def test_ratios_are_those_of_deepdow() -> None:
    """Its formulas, on the returns of a portfolio: torch's deviation, and a shortfall below 0, each plus 1e-4."""
    r = _returns(4, 30).requires_grad_()
    theirs = {
        wald.SharpeRatio(like="deepdow"): -r.mean(-1) / (r.std(-1) + 1e-4),
        wald.SortinoRatio(like="deepdow"): -r.mean(-1) / (torch.relu(-r).square().mean(-1).sqrt() + 1e-4),
    }
    for loss, wanted in theirs.items():
        value = loss(r, reduction="none")
        torch.testing.assert_close(value, wanted, rtol=1e-12, atol=0)
        ours, other = (torch.autograd.grad(x.sum(), r, retain_graph=True)[0] for x in (value, wanted))
        torch.testing.assert_close(ours, other, rtol=1e-11, atol=1e-14)


def test_a_ratio_is_quoted_for_a_year_and_over_a_rate() -> None:
    r = _returns(252)
    plain, year = wald.SharpeRatio(epsilon=1e-12), wald.SharpeRatio(epsilon=1e-12, periods=252, risk_free=0.0005)
    wanted = -(r.mean() - 0.0005) / r.std() * math.sqrt(252)
    assert year(r).item() == pytest.approx(wanted.item(), rel=1e-9)
    # The same for every size of position, and not the mean of its halves.
    assert plain(3 * r).item() == pytest.approx(plain(r).item(), rel=1e-9)
    assert plain(r.view(2, -1)).item() != pytest.approx(plain(r).item(), rel=1e-3)


def test_a_return_that_never_varies_has_a_finite_slope() -> None:
    for loss in (wald.SharpeRatio(), wald.SortinoRatio(), wald.UlcerIndex()):
        r = torch.full((5,), 0.01, requires_grad=True)
        value = loss(r)
        (slope,) = torch.autograd.grad(value, r)
        assert value.isfinite()
        assert slope.isfinite().all()
    with pytest.raises(wald.ShapeError, match=r"SharpeRatio: returns \(3, 1\) are a series of 1 .* returns.T"):
        wald.SharpeRatio()(torch.zeros(3, 1))


@pytest.mark.parametrize("level", [0.05, 0.13, 0.5, 1.0])
def test_the_shortfall_is_the_minimum_of_rockafellar_and_uryasev(level: float) -> None:
    r = _returns(37).numpy()
    found = optimize.minimize_scalar(
        lambda v: v + np.maximum(0, -r - v).mean() / level, bounds=(-1, 1), method="bounded", options={"xatol": 1e-12}
    )
    ours = wald.ExpectedShortfall(level=level)(torch.from_numpy(r)).item()
    assert ours == pytest.approx(found.fun, abs=1e-9)
    # As skfolio has it: the whole ones of the tail, and the border in part.
    k = level * len(r)
    ik = max(0, math.ceil(k) - 1)
    worst = np.sort(r)
    assert ours == pytest.approx(-worst[:ik].sum() / k + worst[ik] * (ik / k - 1), abs=1e-12)


def test_the_shortfall_of_all_is_the_mean_and_of_few_the_worst() -> None:
    r = _returns(20)
    assert wald.ExpectedShortfall(level=1.0)(r).item() == pytest.approx(-r.mean().item())
    assert wald.ExpectedShortfall(level=0.05)(r).item() == pytest.approx(-r.min().item())
    assert wald.Absolute()(r.abs(), 0 * r, reduction=wald.CVaR(0.3)).item() == pytest.approx(
        wald.ExpectedShortfall(level=0.3)(-r.abs()).item()
    )


@pytest.mark.parametrize("compounded", [False, True])
@pytest.mark.parametrize("start", [False, True])
def test_drawdowns_are_what_one_finds_by_looking_back(compounded: bool, start: bool) -> None:
    r = _returns(25, seed=3)
    wealth = (1 + r).cumprod(0).tolist() if compounded else (1 + r.cumsum(0)).tolist()
    path = [1.0, *wealth] if start else wealth
    falls = []
    for t in range(len(path)):
        peak = max(path[: t + 1])
        falls.append((peak - path[t]) / (peak if compounded else 1.0))
    falls = np.array(falls[1:] if start else falls)
    fields = {"compounded": compounded, "start": start}
    k = 0.3 * 25
    tail = np.sort(falls)[::-1]
    wanted = {
        wald.MaxDrawdown(**fields): falls.max(),
        wald.AverageDrawdown(**fields): falls.mean(),
        wald.ConditionalDrawdown(level=0.3, **fields): (tail[:7].sum() + (k - 7) * tail[7]) / k,
        wald.UlcerIndex(**fields): math.sqrt((falls**2).mean()),
    }
    for loss, value in wanted.items():
        assert loss(r).item() == pytest.approx(value, rel=1e-11), loss


def test_a_first_loss_is_a_fall_only_from_the_start() -> None:
    r = torch.tensor([-0.10, 0.02, 0.03])
    assert wald.MaxDrawdown()(r).item() == pytest.approx(0.10)
    assert wald.MaxDrawdown(like="deepdow")(r).item() == 0
    assert wald.ConditionalDrawdown(level=1.0)(r).item() == pytest.approx(wald.AverageDrawdown()(r).item())
    assert wald.ConditionalDrawdown(level=0.1)(r).item() == pytest.approx(0.10)
    with pytest.raises(wald.DomainError, match="MaxDrawdown"):
        wald.MaxDrawdown(compounded=True)(torch.tensor([-1.5, 0.0]))


def test_a_drawdown_knows_the_order_of_time() -> None:
    r = _returns(60)
    assert wald.MaxDrawdown()(r.sort().values) > wald.MaxDrawdown()(r)
    assert wald.ExpectedShortfall()(r.sort().values).item() == pytest.approx(wald.ExpectedShortfall()(r).item())


def test_utilities_agree_near_nothing_and_differ_far_from_it() -> None:
    r = torch.tensor([-0.3, -0.01, 0.0, 0.01, 0.5], dtype=torch.float64)
    power, exponential = wald.Utility(aversion=3.0), wald.Utility(kind="exponential", aversion=3.0)
    torch.testing.assert_close(power.per_example(r), ((1 + r) ** -2 - 1) / 2)
    torch.testing.assert_close(exponential.per_example(r), torch.expm1(-3 * r) / 3)
    near = r[[1, 3]]
    for loss in (power, exponential):
        torch.testing.assert_close(loss.per_example(near), -near + 1.5 * near**2, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(wald.Utility().per_example(r), -r.log1p())
    for kind in ("power", "exponential"):
        for aversion in (0.0, 1e-9):
            torch.testing.assert_close(wald.Utility(kind=kind, aversion=aversion).per_example(r), -r)
    torch.testing.assert_close(wald.Utility(aversion=1 + 1e-9).per_example(r), -r.log1p())
    with pytest.raises(wald.DomainError, match="Utility"):
        wald.Utility()(torch.tensor([-1.0]))


def test_what_a_trade_costs() -> None:
    new, old = torch.tensor([[0.6, 0.4, 0.0]]), torch.tensor([[0.2, 0.5, 0.3]])
    assert wald.Turnover()(new, old).item() == pytest.approx(0.8)
    assert wald.Turnover(rate=0.001, impact=0.1)(new, old).item() == pytest.approx(0.0008 + 0.1 * 0.26)
    x = old.clone().requires_grad_()
    wald.Turnover()(x, old).backward()
    assert (x.grad == 0).all()


def test_qlike_is_half_the_gamma_deviance_and_gamma_less_a_constant() -> None:
    h, y = 0.1 + torch.rand(2, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = metrics.mean_gamma_deviance(y.numpy(), h.numpy()) / 2
    assert wald.QLIKE(log_input=False)(h, y).item() == pytest.approx(wanted, rel=1e-12)
    assert wald.QLIKE()(h.log(), y).item() == pytest.approx(wanted, rel=1e-12)
    less = wald.Gamma(log_input=False)(h, y) - wald.Gamma(log_input=False)(y, y)
    assert wald.QLIKE(log_input=False)(h, y).item() == pytest.approx(less.item(), rel=1e-10)
    # Near the truth no digits are lost.
    close = wald.QLIKE()(torch.tensor([1e-6], dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    assert close.item() == pytest.approx(0.5e-12 * (1 - 1e-6 / 3), rel=1e-12)


def test_it_is_found_by_the_name_that_people_know() -> None:
    for name, kind in {
        "MDD": wald.MaxDrawdown,
        "CDaR": wald.ConditionalDrawdown,
        "Sharpe": wald.SharpeRatio,
        "CRRA": wald.Utility,
        "transaction cost": wald.Turnover,
        "expected shortfall": wald.ExpectedShortfall,
        "FZ0": wald.FisslerZiegel,
        "tick loss": wald.Pinball,
    }.items():
        assert wald.get(name) is kind
