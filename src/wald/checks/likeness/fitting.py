"""Finding the fields at which a loss is the same function as another: typical values first, then a search.

The search is Levenberg's and Marquardt's for least squares, over the one, two or three fields that are numbers, each
in a scale in which it may be anything: the logarithm of what is positive, the log-odds of what lies between bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import dataclasses
from dataclasses import dataclass
from functools import cache
import math
from typing import Any

import torch
from torch import Tensor

from ...core import Loss
from ..mistakes import USUAL
from ..subjects.draw import variants
from .battery import battery
from .traces import Likeness, Trace, compared

Fields = dict[str, float]
_STEPS = 12
#: What is further off than this after some steps, as a mean square, is another loss.
_HOPELESS = 0.02
#: Counts and places are no shape of a loss.
_NOT_SHAPES = ("ignore_index", "axis", "factor")


@cache
def starts(kind: type[Loss]) -> tuple[Loss, ...]:
    """The loss at the fields that people use: its defaults, what its card holds typical, and what is usual."""
    found: dict[Loss, None] = {}
    first = next(iter(variants(kind)))
    for loss in (*variants(kind), *(first.replace(**fields) for fields in USUAL.get(kind.__name__, ()))):
        found.setdefault(loss)
    return tuple(found)


@dataclass(frozen=True)
class _Axis:
    """One field, and the scale in which it is searched."""

    name: str
    low: float
    high: float

    def out(self, value: float) -> float:
        if self.low > -math.inf and self.high < math.inf:
            share = min(max((value - self.low) / (self.high - self.low), 1e-4), 1 - 1e-4)
            return math.log(share / (1 - share))
        return math.log(max(value - self.low, 1e-4)) if self.low > -math.inf else value

    def back(self, place: float) -> float:
        place = min(max(place, -40.0), 40.0)
        if self.low > -math.inf and self.high < math.inf:
            return self.low + (self.high - self.low) / (1 + math.exp(-place))
        return self.low + math.exp(place) if self.low > -math.inf else place


def numeric(loss: Loss) -> tuple[_Axis, ...]:
    """The fields of `loss` that are numbers now."""
    found: list[_Axis] = []
    for field in dataclasses.fields(loss):  # pyright: ignore[reportArgumentType]
        value: Any = getattr(loss, field.name)
        if isinstance(value, bool) or not isinstance(value, float) or field.name in _NOT_SHAPES:
            continue
        bounds: dict[str, float] = field.metadata.get("bounds", {})
        low = bounds.get("above", bounds.get("at_least", -math.inf))
        high = bounds.get("below", bounds.get("at_most", math.inf))
        if field.name == "alpha" and low == 0:
            high = 1.0
        found.append(_Axis(field.name, low, high))
    return tuple(found)


def fitted(candidate: Trace, loss: Loss, traced: Callable[[Loss], Trace]) -> tuple[Loss, Likeness]:
    """The fields near those of `loss` at which it is most like the candidate, and how like.

    Args:
        candidate: what the other loss gives.
        loss: where the search starts.
        traced: what the loss gives at some fields; a factor and a constant are free.
    """
    axes = numeric(loss)
    here = torch.tensor([axis.out(getattr(loss, axis.name)) for axis in axes], dtype=torch.float64)
    if not len(axes):
        return loss, compared(candidate, traced(loss))

    def at(place: Tensor) -> Loss:
        return loss.replace(**{axis.name: axis.back(float(x)) for axis, x in zip(axes, place, strict=True)})

    def residual(place: Tensor) -> Tensor | None:
        try:
            return _residual(candidate, traced(at(place)))
        except ValueError:
            return None

    now, damping = residual(here), 1e-2
    if now is None:
        return loss, Likeness(relation="different")
    for round_ in range(_STEPS):
        columns: list[Tensor] = []
        for i in range(len(axes)):
            moved = here.clone()
            moved[i] += 1e-5
            there = residual(moved)
            columns.append(torch.zeros_like(now) if there is None else (there - now) / 1e-5)
        slope = torch.stack(columns, 1)
        square, pull = slope.mT @ slope, slope.mT @ now
        cost = float(now @ now)
        for _ in range(4):
            matrix = square + damping * torch.diag(square.diagonal() + 1e-9)
            step = torch.linalg.solve(matrix, -pull).clamp(-2, 2)
            after = residual(here + step)
            if after is not None and float(after @ after) < cost:
                break
            damping *= 8
        else:
            break
        here, now, damping = here + step, after, damping / 5
        if float(now @ now) > 0.999 * cost and float(step.abs().max()) < 1e-3:
            break
        if round_ == 4 and float(now @ now) > _HOPELESS:
            break
        if float(now @ now) < 1e-16 * len(now):
            break
    return _rounded(candidate, at(here), axes, traced)


def _residual(one: Trace, other: Trace) -> Tensor | None:
    rows = one.finite & other.finite & one.slopes.isfinite().all(1) & other.slopes.isfinite().all(1)
    if int(rows.sum()) < len(rows) // 2:
        return None
    f, v = one.values[rows], other.values[rows]
    g, h = one.slopes[rows], other.slopes[rows]
    size = f.abs() + 0.1 * f.abs().median() + 1e-12
    length = g.norm(dim=1, keepdim=True)
    length = length + 0.1 * length.median() + 1e-12
    wide = h / length
    power = float((wide * wide).sum())
    scale = float((wide * (g / length)).sum()) / power if power > 0 else 0.0
    shift = float(((f - scale * v) / size.square()).sum() / (1 / size.square()).sum())
    return torch.cat([(f - scale * v - shift) / size, ((g - scale * h) / length).flatten()]) / math.sqrt(len(f))


def _rounded(
    candidate: Trace, loss: Loss, axes: tuple[_Axis, ...], traced: Callable[[Loss], Trace]
) -> tuple[Loss, Likeness]:
    """The same with each number as round as it may be without being less like."""
    best = compared(candidate, traced(loss))
    for axis in axes:
        for digits in (1, 2, 3, 4, 5):
            value = getattr(loss, axis.name)
            short = float(f"{value:.{digits}g}")
            if abs(short - axis.low) < 2e-3 and axis.low > -math.inf:
                short = axis.low
            try:
                other = loss.replace(**{axis.name: short})
            except ValueError:
                continue
            found = compared(candidate, traced(other))
            if found.relation == best.relation and _worth(found) <= 1.05 * _worth(best) + 1e-9:
                loss, best = other, found
                break
        else:
            value = getattr(loss, axis.name)
            # Next to a value that is another loss (an order of 1, say) only the number as it was found is left.
            with suppress(ValueError):
                loss = loss.replace(**{axis.name: float(f"{value:.7g}")})
    return loss, best


def _worth(found: Likeness) -> float:
    return found.gap + found.bend


def round_fields(loss: Loss) -> bool:
    """Whether every number of the loss is one that a person would write."""
    return all(math.isclose(getattr(loss, a.name), float(f"{getattr(loss, a.name):.2g}")) for a in numeric(loss))


@cache
def same_inputs(loss: Loss) -> tuple[object, ...]:
    """What must agree for two losses to be held beside each other on one battery."""
    # Where examples meet, a unit of the battery is a batch.
    return (loss.named_domains, loss.card.coupling, id(battery(loss)))
