"""Attacks, environments and domains: the authors' formulas, and what autograd says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

near = torch.testing.assert_close


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slope(value: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(value, x, retain_graph=True)[0]


def test_trades_and_mart_are_those_of_the_authors() -> None:
    clean, attacked = drawn(6, 4).requires_grad_(), drawn(6, 4, seed=1)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    kl = F.kl_div(attacked.log_softmax(-1), clean.softmax(-1), reduction="none").sum(-1)
    trades = F.cross_entropy(clean, y) + 6 * kl.mean()
    ours = wald.TRADES()(clean, attacked, y)
    near(ours, trades)
    near(slope(ours, clean), slope(trades, clean))
    p, q = clean.softmax(-1), attacked.softmax(-1)
    others = q.masked_fill(F.one_hot(y, 4).bool(), 0.0).amax(-1)
    own = p.gather(-1, y[:, None])[:, 0]
    mart = F.cross_entropy(attacked, y) - (1 - others).log().mean() + 5 * (kl * (1 - own)).mean()
    ours = wald.MART()(clean, attacked, y)
    near(ours, mart)
    near(slope(ours, clean), slope(mart, clean))


def test_the_penalty_is_the_gradient_by_a_scale() -> None:
    z, y = drawn(2, 6, 4), torch.randint(4, (2, 6), generator=torch.Generator().manual_seed(2))
    for unbiased in (False, True):
        found = wald.InvariantRisk(unbiased=unbiased).per_example(z, y)
        for environment in range(2):
            w = torch.ones((), dtype=torch.float64, requires_grad=True)
            parts = [slice(0, None, 2), slice(1, None, 2)] if unbiased else [slice(None)] * 2
            a, b = (slope(F.cross_entropy(w * z[environment][k], y[environment][k]), w) for k in parts)
            near(found[environment], a * b)


def test_risks_vary_as_their_means_do() -> None:
    risk, group = drawn(7), torch.tensor([0, 0, 1, 3, 3, 3, 1])
    means = torch.stack([risk[group == k].mean() for k in (0, 1, 3)])
    near(wald.VREx()(risk, group), means.var(correction=0))
    mask = group != 3
    near(wald.VREx()(risk, group, mask=mask), means[:2].var(correction=0))
    with pytest.raises(wald.ShapeError, match=r"risk|prediction \(7, 1\)"):
        wald.VREx()(risk[:, None], group[:, None])


def test_covariances_are_those_of_torch() -> None:
    x, y = drawn(6, 3).requires_grad_(), drawn(5, 3, seed=1)
    wanted = (torch.cov(x.T) - torch.cov(y.T)).square().sum() / 36
    near(wald.DeepCORAL()(x, y), wanted)
    near(slope(wald.DeepCORAL()(x, y), x), slope(wanted, x))
    with pytest.raises(wald.ShapeError, match="2 or more"):
        wald.DeepCORAL()(x[:1], y)


def test_confusion_is_that_of_the_authors() -> None:
    z = drawn(8, 4).requires_grad_()
    p = (z / 2.5).softmax(-1)
    weight = 1 + (p * p.log()).sum(-1).exp()
    weight = 8 * weight / weight.sum()
    confusion = (p * weight[:, None]).T @ p
    confusion = confusion / confusion.sum(1, keepdim=True)
    wanted = (confusion.sum() - confusion.trace()) / 4
    ours = wald.MinimumClassConfusion()(z)
    near(ours, wanted)
    near(slope(ours, z), slope(wanted, z))
    assert wald.MinimumClassConfusion()(1e4 * torch.eye(3)[[0, 0]]) == 0  # everything in one class
