"""Gradient and Hessian of the commonest losses in closed form: nothing but faster, and held to autograd by one test.

CatBoost asks for them a thousand rows at a time, where starting autograd costs more than the rows do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core import Loss
from ...losses import (
    Absolute,
    BinaryCrossEntropy,
    CrossEntropy,
    Gamma,
    Huber,
    Pinball,
    Poisson,
    PseudoHuber,
    Squared,
    Tweedie,
)

Array = NDArray[Any]
ClosedForm = Callable[[Any, Array, Array], tuple[Array, Array]]


def closed_form(loss: Loss) -> ClosedForm | None:
    """(loss, score, target) → gradient and Hessian diagonal of each row; None where none is written down."""
    found = _TABLE.get(type(loss))
    if found is None:
        return None
    form, free = found
    usual = {field.name: field.default for field in fields(loss)}  # pyright: ignore[reportArgumentType]
    changed = {name for name, value in usual.items() if getattr(loss, name) != value}
    return form if changed <= free.keys() and all(free[name](getattr(loss, name)) for name in changed) else None


def _squared(_: Any, score: Array, target: Array) -> tuple[Array, Array]:
    return 2 * (score - target), np.full_like(score, 2)


def _absolute(_: Any, score: Array, target: Array) -> tuple[Array, Array]:
    return np.sign(score - target), np.zeros_like(score)


def _pinball(loss: Any, score: Array, target: Array) -> tuple[Array, Array]:
    return (score > target) * (1 - loss.level) - (score < target) * loss.level, np.zeros_like(score)


def _huber(loss: Any, score: Array, target: Array) -> tuple[Array, Array]:
    error = score - target
    # np.clip spends more on looking at its arguments than a block of rows takes.
    return np.minimum(np.maximum(error, -loss.delta), loss.delta), (np.abs(error) <= loss.delta).astype(score.dtype)


def _pseudo_huber(loss: Any, score: Array, target: Array) -> tuple[Array, Array]:
    error = score - target
    # 1 over the root, in a form in which no square overflows.
    flat = 1 / np.hypot(1, error / loss.delta)
    return error * flat, flat**3


def _binary(loss: Any, score: Array, target: Array) -> tuple[Array, Array]:
    # From exp(-|score|), which never overflows, and in which neither 1 - p nor p loses its digits.
    small = np.exp(-np.abs(score))
    right = small / (1 + small)
    yes = np.where(score >= 0, 1 - right, right)
    counted = loss.pos_weight * target + (1 - target)
    return counted * yes - loss.pos_weight * target, counted * right * (1 - right)


def _classes(_: Any, score: Array, target: Array) -> tuple[Array, Array]:
    odds = np.exp(score - score.max(-1, keepdims=True))
    probability = odds / odds.sum(-1, keepdims=True)
    slope = probability.copy()
    slope[np.arange(len(slope)), target.astype(np.intp)] -= 1
    return slope, probability * (1 - probability)


def _poisson(_: Any, score: Array, target: Array) -> tuple[Array, Array]:
    rate = np.exp(score)
    return rate - target, rate


def _gamma(_: Any, score: Array, target: Array) -> tuple[Array, Array]:
    ratio = target * np.exp(-score)
    return 1 - ratio, ratio


def _tweedie(loss: Any, score: Array, target: Array) -> tuple[Array, Array]:
    own, seen = np.exp((2 - loss.power) * score), target * np.exp((1 - loss.power) * score)
    return own - seen, (2 - loss.power) * own - (1 - loss.power) * seen


def _any(_: Any) -> bool:
    return True


#: The form of each loss, and the fields that it knows beside the defaults, with the values for which it does.
_TABLE: Final[dict[type[Loss], tuple[ClosedForm, dict[str, Callable[[Any], bool]]]]] = {
    Squared: (_squared, {}),
    Absolute: (_absolute, {}),
    Pinball: (_pinball, {"level": lambda level: isinstance(level, float)}),
    Huber: (_huber, {"delta": _any}),
    PseudoHuber: (_pseudo_huber, {"delta": _any}),
    BinaryCrossEntropy: (_binary, {"pos_weight": lambda weight: isinstance(weight, float)}),
    CrossEntropy: (_classes, {}),
    Poisson: (_poisson, {"full": _any}),
    Gamma: (_gamma, {}),
    Tweedie: (_tweedie, {"power": _any}),
}
