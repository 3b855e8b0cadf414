"""The scale of residuals that a few wild ones do not move, and the delta that goes with it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
import math
from typing import Any, Final

import torch
from torch import Tensor

from ...core import Loss, Supervised
from ..correcting.slopes import slope
from .rows import slopes_at

#: The median of |z| for a standard normal, and the size beyond which a residual counts as wild.
_MEDIAN: Final = 0.6744897501960817
_WILD: Final = 2.5

#: What a robust loss may lose on clean normal errors against the mean: with 95 % a Huber's delta is 1.345 sigma.
EFFICIENCY: Final = 0.95


def robust_scale(residual: Tensor, weight: Tensor | None = None) -> float:
    """The standard deviation of the well-behaved residuals; 0 where more than half are equal.

    The median of |residual - median|, made to match a normal; then, a few times over, the spread of the residuals
    within 2.5 of it, made to match a normal that is cut there. A tenth of gross errors moves it by a few per cent
    where the median alone is off by twelve.
    """
    w = torch.full_like(residual, 1 / len(residual)) if weight is None else weight / weight.sum()
    off = (residual - _median(residual, w)).abs()
    scale = float(_median(off, w)) / _MEDIAN
    if scale == 0:
        return 0.0
    # The variance of a standard normal cut at the limit.
    density = math.exp(-(_WILD**2) / 2) / math.sqrt(2 * math.pi)
    cut = 1 - 2 * _WILD * density / math.erf(_WILD / math.sqrt(2))
    for _ in range(30):
        inside = off <= _WILD * scale
        found = math.sqrt(float((w * off.square())[inside].sum() / w[inside].sum()) / cut)
        if not found > 0:
            return scale
        moved, scale = abs(found / scale - 1), found
        if moved < 1e-6:
            break
    return scale


@dataclass(frozen=True)
class Bend:
    """Where a loss of residuals turns from squared to absolute.

    Attributes:
        field: the field that sets it.
        value: of that field.
        residual: from which on the second derivative is less than half of what it is at 0.
        curve: the second derivative at 0.
        per_scale: the value of the field, in robust scales of the residuals, that keeps 95 % efficiency.
    """

    field: str
    value: float
    residual: float
    curve: float
    per_scale: float


@lru_cache(maxsize=64)
def bend_of(loss: Supervised) -> Bend | None:
    """The bend of a loss, as it is measured; None where it has none that a field sets."""
    found = _bend(loss)
    if found is None:
        return None
    for field in fields(loss):  # pyright: ignore[reportArgumentType]
        value: Any = getattr(loss, field.name)
        if not isinstance(value, float) or value <= 0:
            continue
        try:
            twice = _bend(loss.replace(**{field.name: 2 * value}))
        except (ValueError, TypeError):
            continue
        if twice is not None and abs(twice[0] / found[0] - 2) < 0.03 and (per := _per_scale(loss, value)) is not None:
            return Bend(field.name, value, *found, per)
    return None


def _bend(loss: Loss) -> tuple[float, float] | None:
    sizes = torch.logspace(-9, 9, 18 * 200 + 1, dtype=torch.float64)
    zero = torch.zeros_like(sizes)
    _, curve = slopes_at(loss, sizes, zero)
    first = float(curve[0])
    if not first > 0 or not bool(curve.isfinite().all()):
        return None
    below = (curve < first / 2).nonzero()[:, 0]
    # Only what ends straight is a bend between squared and absolute.
    if not len(below) or float(curve[-1].abs()) > 1e-6 * first:
        return None
    return float(sizes[int(below[0])]), first


def _per_scale(loss: Loss, value: float) -> float | None:
    """How many scales of normal residuals the field must be for 95 % efficiency: found by bisection."""
    z = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    mass = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])

    def efficiency(scale: float) -> float:
        pull = slope(loss, z * scale, torch.zeros_like(z))
        return float((mass * z * pull).sum() ** 2 / (mass * pull.square()).sum())

    low, high = value * 1e-3, value * 1e3
    if not efficiency(low) > EFFICIENCY > efficiency(high):
        return None
    for _ in range(36):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if efficiency(middle) > EFFICIENCY else (low, middle)
    return value / low


def _median(x: Tensor, w: Tensor) -> Tensor:
    order = x.argsort()
    mass = w[order].cumsum(0)
    return x[order[int(torch.searchsorted(mass, 0.5 * float(mass[-1])).clamp_max(len(x) - 1))]]
