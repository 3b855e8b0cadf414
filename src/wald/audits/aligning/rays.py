"""Predictions driven far out along a ray: does the loss come to an end, or fall without one?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..costing.space import Space
from ..costing.yardstick import Yardstick
from ..evidence import Evidence

Ray = Callable[[float], Tensor]

#: How far the rays go, in multiples of the predictions or in units of the task.
SIZES = (1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6)

#: Rows that are followed, at most: what falls without end does so on any of them.
_ROWS = 1_000


@dataclass(frozen=True)
class Fall:
    """A ray along which the loss falls without end.

    Attributes:
        ray: what is done to the predictions.
        values: the loss at `SIZES`.
    """

    ray: str
    values: tuple[float, ...]


def endless_fall(evidence: Evidence, space: Space, stick: Yardstick) -> Fall | None:
    """The first ray along which a yardstick falls without end, below what the targets cost; None where none is."""
    rows = torch.arange(0, evidence.rows, max(1, evidence.rows // _ROWS))
    perfect = stick.mean(space.perfect(evidence.score, evidence.target, 8.0)[rows], rows)
    for name, ray in _rays(evidence, space).items():
        values = stick.means(torch.stack([ray(size)[rows] for size in SIZES]), rows).tolist()
        if _falls(values, perfect):
            return Fall(name, tuple(values))
    return None


def _rays(evidence: Evidence, space: Space) -> dict[str, Ray]:
    score = evidence.score
    unit, truth = space.unit(evidence.target), space.perfect(score, evidence.target, 1.0)
    return {
        "the predictions, made larger": lambda t: t * score,
        "the predictions, turned around and made larger": lambda t: -t * score,
        "all predictions, moved up": lambda t: score + t * unit,
        "all predictions, moved down": lambda t: score - t * unit,
        "the targets, made larger": lambda t: t * truth,
        "the targets, turned around and made larger": lambda t: -t * truth,
    }


def _falls(values: list[float], perfect: float) -> bool:
    if any(value != value for value in values[-3:]) or not values[-1] < perfect:
        return False
    if values[-1] == -torch.inf:
        return True
    first, second = values[-3] - values[-2], values[-2] - values[-1]
    # A logarithm falls by the same amount in each decade, a line by ten times as much; a loss with a floor by less.
    return first > 1e-3 * max(abs(values[0]), abs(perfect), 1e-12) and second > 0.5 * first
