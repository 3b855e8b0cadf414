"""Finding the best of a few numbers without derivatives: metrics are often steps."""

from __future__ import annotations

from collections.abc import Callable
import math

import torch
from torch import Tensor

Values = Callable[[Tensor], Tensor]

#: Where less is better without end, a search must end by itself.
_MOST_STEPS = 100


def compass_search(values: Values, starts: Tensor, steps: Tensor, *, finest: float = 1 / 32) -> tuple[Tensor, float]:
    """The best point found from the best two starts, by trying each axis both ways with ever finer steps.

    What helps on several axes is also tried on all of them at once.
    The first start is kept unless something is better, so a search that finds nothing changes nothing.

    Args:
        values: (points, axes) → one value a point, less is better; NaN is never better.
        starts: (points, axes).
        steps: (axes,) the first step along each axis.
        finest: the share of the first step at which the search ends.

    Returns:
        The point and its value. Hooke & Jeeves 1961, doi:10.1145/321062.321069.
    """
    ways = torch.cat([torch.diag(steps), -torch.diag(steps)])
    found = _numbers(values(starts))
    order = found.argsort(stable=True)[:2]
    best, least = starts[0], float(found[0])
    for start in order:
        point, value, share = starts[start], float(found[start]), 1.0
        for _ in range(_MOST_STEPS):
            if share <= finest:
                break
            around = point + share * ways
            near = _numbers(values(around))
            if len(steps) > 1 and int((near < value).sum()) > 1:
                # What helps on each axis alone often helps on all at once, which saves many steps.
                together = _together(point, around, near, value)
                around, near = torch.cat([around, together]), torch.cat([near, _numbers(values(together))])
            nearest = int(near.argmin())
            if _less(float(near[nearest]), value):
                point, value = around[nearest], float(near[nearest])
            else:
                share /= 2
        if _less(value, least):
            best, least = point, value
    return best, least


def _together(point: Tensor, around: Tensor, near: Tensor, value: float) -> Tensor:
    """The point moved by the better step of each axis that helps, the whole way and half of it."""
    axes = len(point)
    better = torch.where(near[:axes] <= near[axes:], torch.arange(axes), torch.arange(axes) + axes)
    move = torch.where(near[better] < value, (around[better] - point).diagonal(), 0.0)
    return torch.stack([point + move, point + 0.5 * move])


def _less(one: float, other: float) -> bool:
    """Whether it is less by more than rounding."""
    return one < other and not math.isclose(one, other, rel_tol=1e-9)


def _numbers(values: Tensor) -> Tensor:
    return values.double().nan_to_num(nan=torch.inf)
