"""Losses whose example is a vector, a series or a field."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from .exact import same, value_and_slope


def _random(*shape: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=rng, dtype=torch.float64), torch.randn(
        shape, generator=rng, dtype=torch.float64
    )


def _agree(loss: wald.Loss, theirs: object, p: Tensor, y: Tensor) -> None:
    for a, b in zip(value_and_slope(loss.per_example, p, y), value_and_slope(theirs, p, y), strict=True):
        same(a, b, 1e-11)


def test_the_cosine_is_torch_s() -> None:
    p, y = _random(6, 5)
    _agree(wald.CosineDistance(), lambda p, y: 1 - F.cosine_similarity(p, y, dim=-1), p, y)
    _agree(wald.CosineDistance(form="negative"), lambda p, y: -F.cosine_similarity(p, y, dim=-1), p, y)
    same_side = F.cosine_embedding_loss(p, y, torch.ones(6), reduction="none")
    same(wald.CosineDistance().per_example(p, y), same_side, 1e-11)


def test_the_cosine_of_nearly_the_same_keeps_its_digits_and_of_nothing_is_0() -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1e-4]])
    assert wald.CosineDistance()(a, b).item() == pytest.approx(5e-9, rel=1e-3)
    assert (1 - F.cosine_similarity(a, b)).item() != pytest.approx(5e-9, rel=1e-3)
    nothing = torch.zeros(1, 2, requires_grad=True)
    for other in (a, torch.zeros(1, 2)):
        value = wald.CosineDistance()(nothing, other)
        (slope,) = torch.autograd.grad(value, nothing)
        assert value.item() == 1
        assert (slope == 0).all()
    assert wald.CosineDistance()(a, -a).item() == 2


def test_a_root_is_of_one_example() -> None:
    p, y = _random(4, 7)
    _agree(wald.RootMeanSquared(), lambda p, y: (p - y).square().mean(-1).sqrt(), p, y)
    # Over a whole batch it is one example, and the mean over parts is not it.
    whole = wald.RootMeanSquared()(p.flatten(), y.flatten())
    assert whole.item() == pytest.approx(F.mse_loss(p, y).sqrt().item(), rel=1e-12)
    assert wald.RootMeanSquared()(p, y) < whole
    x = torch.zeros(2, 3, requires_grad=True)
    wald.RootMeanSquared()(x, torch.zeros(2, 3)).backward()
    assert (x.grad == 0).all()


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0, 4.0])
def test_a_relative_norm_is_that_of_torch(exponent: float) -> None:
    p, y = _random(5, 9)
    norm = torch.linalg.vector_norm
    _agree(
        wald.RelativeNorm(exponent=exponent),
        lambda p, y: norm(p - y, exponent, -1) / norm(y, exponent, -1),
        p,
        y,
    )
    _agree(
        wald.RelativeNorm(exponent=exponent, squared=True),
        lambda p, y: (norm(p - y, exponent, -1) / norm(y, exponent, -1)) ** 2,
        p,
        y,
    )
    # Zeros, and numbers whose squares leave the range.
    odd = torch.tensor([[0.0, 1e30, 0.0], [0.0, 1e-30, 0.0]])
    value, slope = value_and_slope(wald.RelativeNorm(exponent=exponent).per_example, 0.5 * odd, odd)
    torch.testing.assert_close(value, torch.full((2,), 0.5))
    assert slope.isfinite().all()


@pytest.mark.parametrize("border", ["periodic", "one-sided"])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_h1_is_that_of_neuraloperator(dimensions: int, border: str) -> None:
    """Its formula: central differences by rolling, at the ends of a field that is not periodic one-sided ones."""
    p, y = _random(2, *(5, 4, 6)[:dimensions])
    axes = range(-dimensions, 0)

    def slope(x: Tensor, axis: int) -> Tensor:
        h = 0.3
        d = (torch.roll(x, -1, axis) - torch.roll(x, 1, axis)) / (2 * h)
        if border == "one-sided":
            first, second, last, before = (x.select(axis, k) for k in (0, 1, -1, -2))
            d = torch.cat(
                [
                    ((second - first) / h).unsqueeze(axis),
                    d.narrow(axis, 1, x.shape[axis] - 2),
                    ((last - before) / h).unsqueeze(axis),
                ],
                axis,
            )
        return d

    def squares(x: Tensor) -> Tensor:
        return sum(part.square().flatten(1).sum(-1) for part in (x, *(slope(x, axis) for axis in axes)))

    loss = wald.Sobolev(dimensions=dimensions, border=border, spacing=0.3)
    _agree(loss, lambda p, y: (squares(p - y) / squares(y)).sqrt(), p, y)
    _agree(loss.replace(relative=False), lambda p, y: (0.3**dimensions * squares(p - y)).sqrt(), p, y)


def test_slopes_see_what_values_do_not() -> None:
    x = torch.linspace(0, 2 * math.pi, 65, dtype=torch.float64)[:-1]
    spacing = 2 * math.pi / 64
    calm, wild = 0.01 * x.cos(), 0.01 * (20 * x).cos()
    field = x.sin()
    flat, h1 = wald.RelativeNorm(), wald.Sobolev(spacing=spacing)
    assert flat(field + calm, field).item() == pytest.approx(flat(field + wild, field).item(), rel=1e-6)
    assert h1(field + wild, field) > 5 * h1(field + calm, field)


def test_rmse_is_the_root_and_squared_is_not() -> None:
    for name in ("rmse", "RMSELoss", "root_mean_squared_error"):
        assert wald.get(name) is wald.RootMeanSquared
