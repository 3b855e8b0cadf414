"""Huber, pseudo-Huber and log-cosh, as they are known to go wrong: mostly in what is scaled by delta."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ...losses import Huber, LogCosh, PseudoHuber, SmoothL1
from .mistake import also_called, also_scaled, mistake, usual

for _kind in (Huber, PseudoHuber):
    also_called(_kind, delta=("delta", "beta", "threshold", "huber_delta", "d"))
    usual(_kind, {"delta": 1.0}, {"delta": 0.5}, {"delta": 2.0}, {"delta": 1.345}, {"delta": 0.1}, {"delta": 5.0})
usual(SmoothL1, {"beta": 0.5}, {"beta": 0.25}, {"beta": 1 / 9}, {"beta": 0.1})
also_called(LogCosh, scale=("scale", "delta", "sigma"))
also_scaled(Huber, "smooth L1, which is Huber divided by its delta", lambda loss: 1 / loss.delta)
also_scaled(Huber, "Huber without the halves", lambda loss: 2.0)
also_scaled(Huber, "divided by delta squared", lambda loss: loss.delta**-2)
also_scaled(PseudoHuber, "divided by delta, as the Charbonnier loss is", lambda loss: 1 / loss.delta)
also_scaled(PseudoHuber, "divided by delta squared", lambda loss: loss.delta**-2)
also_scaled(LogCosh, "not multiplied by the square of its scale", lambda loss: loss.scale**-2)
also_scaled(LogCosh, "multiplied by its scale once", lambda loss: 1 / loss.scale)


def _not_one(loss: Any) -> bool:
    return loss.delta != 1


def _huber(loss: Any, x: Tensor, y: Tensor, near: str = "", far: str = "", inside: Tensor | None = None) -> Tensor:
    """Huber with one of its branches, or its threshold, replaced."""
    r, d = x - y, loss.delta
    size = r.abs()
    squares = {"": 0.5 * r.square(), "whole": r.square(), "over delta": 0.5 * r.square() / d}
    lines = {
        "": d * (size - 0.5 * d),
        "no half": d * (size - d),
        "no offset": d * size,
        "no delta": size - 0.5 * d,
        "half": d * (size - 0.5),
        "half, no delta": size - 0.5,
        "square kept": d * size - 0.5 * d,
    }
    return torch.where(size <= d if inside is None else inside, squares[near], lines[far])


@mistake(Huber, telling=True)
def half_missing_in_the_offset(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The linear part subtracts delta² where half of it is due, so the value jumps at the threshold."""
    return _huber(loss, x, y, far="no half")


@mistake(Huber, telling=True)
def offset_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The linear part has no offset, so the value jumps at the threshold."""
    return _huber(loss, x, y, far="no offset")


@mistake(Huber, telling=True, when=_not_one)
def delta_missing_in_the_linear_part(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The linear part is |r| - delta / 2 and not delta times that, so value and slope jump at the threshold."""
    return _huber(loss, x, y, far="no delta")


@mistake(Huber, telling=True, when=_not_one)
def offset_of_one_half(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The linear part is delta (|r| - 1/2): its offset is right at delta = 1 only, elsewhere the value jumps."""
    return _huber(loss, x, y, far="half")


@mistake(Huber, telling=True, when=_not_one)
def offset_not_squared(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The linear part is delta |r| - delta / 2: the delta of the offset is not squared, so the value jumps."""
    return _huber(loss, x, y, far="square kept")


@mistake(Huber, telling=True, when=_not_one)
def fixed_linear_part(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The linear part is |r| - 1/2 whatever delta is, so value and slope jump at the threshold."""
    return _huber(loss, x, y, far="half, no delta")


@mistake(Huber, telling=True)
def half_missing_in_the_square(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The quadratic part is r² and not half of it, so the value jumps at the threshold."""
    return _huber(loss, x, y, near="whole")


@mistake(Huber, telling=True, when=_not_one)
def only_the_square_divided_by_delta(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Only the quadratic part is divided by delta, as in smooth L1, so the value jumps at the threshold."""
    return _huber(loss, x, y, near="over delta")


@mistake(Huber, telling=True, when=_not_one)
def threshold_on_the_square(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The squared error is held against delta, so the branches change at its root."""
    return _huber(loss, x, y, inside=(x - y).square() <= loss.delta)


@mistake(Huber, telling=True)
def threshold_on_the_signed_error(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is held against delta with its sign, so that every negative error is squared, however wild."""
    return _huber(loss, x, y, inside=(x - y) <= loss.delta)


@mistake(Huber, telling=True)
def threshold_on_the_signed_error_the_other_way(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Target minus prediction is held against delta with its sign: every prediction too high is squared."""
    return _huber(loss, x, y, inside=(y - x) <= loss.delta)


@mistake(Huber, telling=True)
def branches_swapped(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The branches are swapped: large errors are squared and small ones are not."""
    return _huber(loss, x, y, inside=(x - y).abs() > loss.delta)


@mistake(PseudoHuber, when=_not_one, telling=True)
def error_not_divided_by_delta(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is not divided by delta before it is squared, so delta only rescales the loss."""
    return loss.delta**2 * ((1 + (x - y).square()).sqrt() - 1)


@mistake(PseudoHuber, when=_not_one)
def error_multiplied_by_delta(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is multiplied by delta and not divided, so a larger delta makes it less like the squared error."""
    return loss.delta**2 * ((1 + ((x - y) * loss.delta).square()).sqrt() - 1)


@mistake(PseudoHuber, when=_not_one)
def delta_not_squared_inside(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The squared error is divided by delta and not by its square."""
    return loss.delta**2 * ((1 + (x - y).square() / loss.delta).sqrt() - 1)


@mistake(PseudoHuber)
def root_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The root is missing, which leaves the squared error: no robustness at all."""
    return (x - y).square()


@mistake(PseudoHuber, telling=True)
def error_not_squared(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error inside the root is not squared."""
    return loss.delta**2 * ((1 + (x - y).abs() / loss.delta).sqrt() - 1)


@mistake(LogCosh)
def logarithm_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm is missing: cosh - 1 grows exponentially where log cosh grows linearly."""
    return loss.scale**2 * (((x - y) / loss.scale).cosh() - 1)


@mistake(LogCosh, telling=True)
def one_added_in_the_logarithm(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """One is added inside the logarithm, log1p(cosh r), which flattens the loss near the target."""
    return loss.scale**2 * ((x - y) / loss.scale).cosh().log1p()


@mistake(LogCosh, telling=True)
def sign_of_the_exponent(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """In r + softplus(-2 r) - log 2 the sign of the exponent is reversed, so errors below zero are rewarded."""
    r = (x - y) / loss.scale
    return loss.scale**2 * (r + torch.nn.functional.softplus(2 * r) - math.log(2))


@mistake(LogCosh, telling=True)
def factor_two_missing_in_the_exponent(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """In r + softplus(-2 r) - log 2 the factor 2 is missing, so the least value is no longer at the target."""
    r = (x - y) / loss.scale
    return loss.scale**2 * (r + torch.nn.functional.softplus(-r) - math.log(2))


@mistake(LogCosh, telling=True)
def cosh_of_each_side(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Log cosh is taken of prediction and target apart, in place of their difference."""
    return loss.scale**2 * ((x / loss.scale).cosh().log() - (y / loss.scale).cosh().log())
