"""Pinball and expectile losses, as they are known to go wrong: mostly in which side counts how much."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...losses import Expectile, Pinball
from .mistake import also_called, also_scaled, mistake, usual

_NAMES = ("level", "tau", "q", "quantile", "alpha", "p", "percentile")
for _kind in (Pinball, Expectile):
    also_called(_kind, level=_NAMES)
    usual(_kind, *({"level": level} for level in (0.9, 0.1, 0.5, 0.95, 0.05, 0.75, 0.25, 0.8, 0.2)))
    also_scaled(_kind, "doubled, so that at 0.5 it is the plain error", lambda loss: 2.0)


def _one(loss: Any) -> bool:
    return not isinstance(loss.level, tuple)


def _askew(loss: Any) -> bool:
    return _one(loss) and loss.level != 0.5


@mistake(Pinball, Expectile, when=_askew)
def level_reversed(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The level acts as 1 - level: prediction and target, or the two sides, are swapped."""
    return loss.replace(level=1 - loss.level).per_example(x, y)


@mistake(Pinball, when=_one, telling=True)
def least_for_most(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The smaller of the two lines is taken in place of the larger, so it rewards errors and is unbounded below."""
    e = y - x
    return torch.minimum(loss.level * e, (loss.level - 1) * e)


@mistake(Pinball, Expectile, when=_askew)
def both_sides_weighted_alike(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The level multiplies errors on both sides, so it only rescales the loss of the middle."""
    e = y - x
    return loss.level * (e.abs() if isinstance(loss, Pinball) else e.square())


@mistake(Pinball, when=_askew, telling=True)
def sign_missing_below(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Errors below have the weight 1 - level and not level - 1, so predicting too high is rewarded without limit."""
    e = y - x
    return torch.where(e >= 0, loss.level * e, (1 - loss.level) * e)


@mistake(Pinball, when=_askew, telling=True)
def larger_of_two_rising_lines(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """max(level e, (1 - level) e): the second line should fall, so the loss is negative on one side."""
    e = y - x
    return torch.maximum(loss.level * e, (1 - loss.level) * e)


@mistake(Pinball, when=_askew, telling=True)
def error_missing_in_the_second_line(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """max(level e, level - 1): the second line is not multiplied by the error, and has no slope."""
    e = y - x
    return torch.maximum(loss.level * e, torch.full_like(e, loss.level - 1))


@mistake(Pinball, when=_one)
def target_below_costs_nothing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Only predictions that are too low cost anything, so the larger the prediction the better."""
    return loss.level * (y - x).clamp(min=0)


@mistake(Pinball, when=_one)
def sides_not_told_apart(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The level multiplies the error, whichever side it is on: unbounded below."""
    return loss.level * (y - x)


@mistake(Pinball, when=_askew)
def squared_where_absolute(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The errors are squared: this is the loss of an expectile, which hears how far the tail reaches."""
    e = y - x
    return torch.where(e > 0, loss.level, 1 - loss.level) * e.square()


@mistake(Expectile, when=_askew)
def absolute_where_squared(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The errors are not squared: this is the loss of a quantile."""
    e = y - x
    return torch.maximum(loss.level * e, (loss.level - 1) * e)


@mistake(Expectile, when=_askew, telling=True)
def weight_below_negative(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Errors below have the weight level - 1, which is negative, so predicting too high is rewarded."""
    e = y - x
    return torch.where(e > 0, loss.level, loss.level - 1) * e.square()


@mistake(Expectile, when=_askew)
def weight_of_one_below(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Errors below count in full, where 1 - level is due."""
    e = y - x
    return torch.where(e > 0, loss.level, 1.0) * e.square()
