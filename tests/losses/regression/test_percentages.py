"""Errors as shares of a target, of both numbers, of a scale: where libraries disagree, both sides are here."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import wald

from .exact import same, value_and_slope

#: One target of 0, one below 1, one negative.
PREDICTION = torch.tensor([2.0, 0.5, 1.0, 0.25], dtype=torch.float64)
TARGET = torch.tensor([1.0, 2.0, -0.5, 0.0], dtype=torch.float64)


def _divided_by(size: Tensor) -> float:
    return ((PREDICTION - TARGET).abs() / size).mean().item()


def test_the_divisor_of_a_percentage_is_that_of_each_library() -> None:
    """The fourteenth disagreement: one batch, five divisors, five numbers."""
    size = TARGET.abs()
    wanted = {
        "keras": 100 * _divided_by(size.clamp(min=1e-7)),
        "sklearn": _divided_by(size.clamp(min=torch.finfo(torch.float64).eps)),
        "lightgbm": _divided_by(size.clamp(min=1.0)),
        "catboost": _divided_by(size.clamp(min=1.0)),
        "pytorch_forecasting": _divided_by(size + 1e-8),
    }
    for library, value in wanted.items():
        assert wald.Percentage(like=library)(PREDICTION, TARGET).item() == pytest.approx(value, rel=1e-12), library
    # Left out of sum and count, or, as in neuralforecast, of the sum alone.
    left = (PREDICTION - TARGET)[:3].abs() / size[:3]
    assert wald.Percentage(zero="mask")(PREDICTION, TARGET).item() == pytest.approx(left.mean().item())
    as_theirs = wald.Percentage(zero="mask")(PREDICTION, TARGET, normalizer=4.0)
    assert as_theirs.item() == pytest.approx(left.sum().item() / 4)


def test_a_fast_path_knows_what_it_divides_by() -> None:
    p, y = torch.rand(2, 5000, generator=torch.Generator().manual_seed(0)) + 0.1
    for loss in (
        wald.Percentage(zero="add", floor=0.5),
        wald.Percentage(factor=100.0),
        wald.Pinball(level=0.8, factor=2.0),
    ):
        torch.testing.assert_close(loss(p, y), loss.per_example(p.double(), y.double()).mean().float())


def test_symmetric_is_two_wherever_signs_differ() -> None:
    loss = wald.SymmetricPercentage()
    p = torch.tensor([-1.0, -100.0, 0.0, 5.0], dtype=torch.float64)
    value, slope = value_and_slope(loss.per_example, p, torch.tensor([3.0, 3.0, 3.0, 0.0], dtype=torch.float64))
    same(value, torch.full_like(p, 2.0))
    assert slope[[0, 1, 3]].abs().max() < 1e-15
    # Not symmetric in the error: too low costs more.
    low, high = loss.per_example(torch.tensor([90.0, 110.0]), torch.tensor([100.0, 100.0]))
    assert low > high


def test_where_both_are_0_a_field_decides() -> None:
    p, y = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 3.0])
    assert wald.SymmetricPercentage()(p, y).item() == 0.5
    assert wald.SymmetricPercentage(both_zero="mask")(p, y).item() == 1.0
    assert wald.SymmetricPercentage(like="pytorch_forecasting")(p, y).item() == pytest.approx(0.5)
    for loss in (wald.SymmetricPercentage(), wald.SymmetricPercentage(both_zero="mask")):
        x = torch.zeros(2, requires_grad=True)
        loss(x, torch.zeros(2)).backward()
        assert (x.grad == 0).all()


def test_a_naive_forecast_has_a_scaled_error_of_1() -> None:
    history = torch.tensor([[1.0, 3.0, 2.0, 4.0], [10.0, 30.0, 20.0, 40.0]])
    scale = (history[:, 1:] - history[:, :-1]).abs().mean(-1, keepdim=True).expand(2, 3)
    loss = wald.ScaledError()
    value = loss(history[:, :-1], history[:, 1:], scale)
    assert value.item() == pytest.approx(1.0) == loss.reference_points()["naive"]
    squared = wald.ScaledError(error="squared")(history[:, :-1], history[:, 1:], scale, reduction="none")
    torch.testing.assert_close(squared, ((history[:, 1:] - history[:, :-1]) / scale) ** 2)
    with pytest.raises(wald.DomainError, match=r"ScaledError: scale contains 0 .50.0%"):
        loss(torch.zeros(2), torch.zeros(2), torch.tensor([1.0, 0.0]))


def test_pinball_has_the_factor_and_the_sum_of_each_library() -> None:
    """The fifteenth disagreement: pytorch-forecasting doubles it, CatBoost adds up where others take the mean."""
    p, y = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    median = wald.Pinball(factor=2.0)
    same(median.per_example(p, y), wald.Absolute().per_example(p, y))
    levels = (0.1, 0.5, 0.9)
    each = torch.stack([wald.Pinball(level=q).per_example(p[:, k], y[:, 0]) for k, q in enumerate(levels)], -1)
    same(wald.Pinball(level=levels).per_example(p, y[:, 0]), each.mean(-1))
    same(wald.Pinball(level=levels, factor=3.0).per_example(p, y[:, 0]), each.sum(-1))
    same(
        wald.Pinball(like="pytorch_forecasting", level=levels).per_example(p, y[:, 0]),
        2 * each.mean(-1),
    )
    for library, level in {"chemprop": 0.1, "lightgbm": 0.9, "sklearn": 0.5, "xgboost": 0.5}.items():
        assert wald.Pinball(like=library).level == level


def test_the_weighted_mean_of_each_loss_has_one_denominator() -> None:
    """The first disagreement: torch divides the weighted squared error by Σ w, and the weighted Huber by N.

    Errors 1, 2, 3 of weights 1, 2, 5: 54 / 8 = 6.75 and half of 54 over 3 = 9.
    """
    p, y, w = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), torch.tensor([1.0, 2.0, 5.0])
    torch_squared = torch.nn.functional.mse_loss(p, y, weight=w).item()
    torch_huber = torch.nn.functional.huber_loss(p, y, weight=w, delta=10.0).item()
    assert (torch_squared, torch_huber) == (6.75, 9.0)
    assert wald.Squared()(p, y, weight=w).item() == torch_squared
    assert wald.Huber(delta=10.0)(p, y, weight=w).item() == torch_squared / 2 == 3.375
    assert wald.Huber(delta=10.0)(p, y, weight=w, normalizer="rows").item() == torch_huber
    # A weight of k is k copies.
    copies = torch.tensor([1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0])
    assert wald.Huber(delta=10.0)(copies, torch.zeros(8)).item() == 3.375


def test_bounds_are_those_of_chemprop() -> None:
    """A prediction that keeps to its bound is moved onto it, and its row still counts."""
    rng = torch.Generator().manual_seed(3)
    p, y = torch.randn(2, 60, generator=rng, dtype=torch.float64)
    side = torch.randint(-1, 2, (60,), generator=rng)
    moved = torch.where((side == -1) & (p < y), y, p)
    moved = torch.where((side == 1) & (moved > y), y, moved)
    for error, of in (("squared", torch.square), ("absolute", torch.abs)):
        ours = value_and_slope(lambda p, y, e=error: wald.OneSided(error=e).per_example(p, y, side), p, y)
        same(ours[0], of(moved - y))
        assert (ours[1][moved == y] == 0).all()
    assert wald.OneSided()(p, y, side).item() == pytest.approx(((moved - y) ** 2).mean().item())
    same(wald.OneSided().per_example(p, y, 0 * side), wald.Squared().per_example(p, y))
    with pytest.raises(wald.DomainError, match="OneSided"):
        wald.OneSided()(p, y, side * 2)


def test_zero_is_no_size() -> None:
    field = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(wald.DomainError, match=r'1 of 2 targets are 0 everywhere.*zero="mask"'):
        wald.RelativeNorm()(field, field)
    assert wald.RelativeNorm(zero="mask")(field + 1, field).item() == pytest.approx(math.sqrt(2 / 5))
    with pytest.raises(wald.DomainError, match=r"Sobolev\(relative=False\)"):
        wald.Sobolev()(field, field)
