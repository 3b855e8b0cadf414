"""How heavy the tails of numbers are, and which numbers lie apart from the others."""

from __future__ import annotations

from math import sqrt
from typing import Literal

import torch
from torch import Tensor

from ...audits.inspecting.outliers import tail_of
from .facts import Outliers, Tail

#: Shares of the rows in which the tail is seen; the middle one is reported.
_SEEN = (0.025, 0.05, 0.1)

#: Fewer rows in the outermost 5 % tell nothing of a shape.
_FEWEST = 20

#: How many times as large as the next the least value beyond a gap must be.
_WIDE = 1.5


def tail(values: Tensor, centre: float) -> Tail | None:
    """The heavier of the two tails of some numbers (rows,), seen from their centre."""
    if len(values) * _SEEN[1] < _FEWEST:
        return None
    above, below = (side[side > 0].sort(descending=True).values for side in (values - centre, centre - values))
    sides: tuple[tuple[Literal["upper", "lower"], Tensor], ...] = (("upper", above), ("lower", below))
    found = [one for side, sizes in sides if (one := _shapes(side, sizes, len(values))) is not None]
    if not found:
        return None
    side, hill, moment, weighted, interval, stable = max(found, key=lambda one: one[2])
    far = (values - values.mean()).square().sort(descending=True).values
    total = float(far.sum())
    fourth = float(far.square().mean()) / (total / len(far)) ** 2
    return Tail(
        side=side, hill=hill, moment=moment, weighted=weighted, interval=interval, stable=stable, kurtosis=fourth,
        top=float(far[: max(1, round(0.01 * len(far)))].sum()) / total,
    )  # fmt: skip


def _shapes(
    side: Literal["upper", "lower"], sizes: Tensor, rows: int
) -> tuple[Literal["upper", "lower"], float, float, float, tuple[float, float], bool] | None:
    """Estimates of the shape of one tail, of sizes above 0 from the largest down."""
    # Where few rows lie on this side, as where most values are 0, its tail is a share of what there is.
    most = min(rows, len(sizes))
    if most * _SEEN[1] < _FEWEST / 2:
        return None
    moments: list[tuple[float, float]] = []
    for share in _SEEN:
        far = max(10, round(share * most))
        shape = _moment(sizes[: far + 1])
        moments.append((shape, sqrt(1 + max(0.0, shape) ** 2) / sqrt(far)))
    far = max(10, round(_SEEN[1] * most))
    hill = float((sizes[:far].log() - sizes[far].log()).mean())
    shape, error = moments[1]
    # The tails overlap, so this is lenient: the narrowest has the largest error.
    stable = max(one for one, _ in moments) - min(one for one, _ in moments) <= 2 * moments[0][1]
    return side, hill, shape, _weighted(sizes[: far + 1]), (shape - 1.96 * error, shape + 1.96 * error), stable


def _moment(sizes: Tensor) -> float:
    """Dekkers, Einmahl & de Haan 1989, "A moment estimator for the index of an extreme-value distribution"."""
    logs = sizes[:-1].log() - sizes[-1].log()
    first, second = float(logs.mean()), float(logs.square().mean())
    if second <= 0 or first**2 >= second * (1 - 1e-12):
        return -1.0
    return first + 1 - 0.5 / (1 - first**2 / second)


def _weighted(sizes: Tensor) -> float:
    """Hosking & Wallis 1987, doi:10.1080/00401706.1987.10488243: the shape of a generalised Pareto law of excesses."""
    excess = (sizes[:-1] - sizes[-1]).flip(0)
    many = len(excess)
    place = (torch.arange(1, many + 1, dtype=torch.float64) - 0.35) / many
    whole, part = float(excess.mean()), float(((1 - place) * excess).mean())
    return 2 - whole / (whole - 2 * part) if whole > 2 * part else 1.0


def outliers(
    values: Tensor, loose: Tensor, quartiles: tuple[float, float], centre: float, weight: Tensor | None
) -> Outliers | None:
    """Values beyond robust fences; None where the quartiles are equal, so that there are no fences.

    Args:
        values: the numbers, (rows,).
        loose: the same without the steps to which they were rounded.
        quartiles: at 25 and 75 %.
        centre: the median.
        weight: what each counts for.
    """
    low, high = quartiles
    reach = 1.5 * (high - low)
    if reach <= 0:
        return None
    beyond = (values < low - reach) | (values > high + reach)
    far = (values < low - 2 * reach) | (values > high + 2 * reach)
    mass = torch.ones_like(values) if weight is None else weight
    within = mass * ~far
    return Outliers(
        fences=(low - reach, high + reach),
        share=float((mass * beyond).sum() / mass.sum()),
        far=int(far.sum()),
        apart=_apart(loose - centre),
        mean_within=float((values * within).sum() / within.sum()),
    )


def _apart(residual: Tensor) -> int:
    """How many values lie beyond a gap that the tail of the others does not explain, and that is wide."""
    if len(residual) < 100:
        return 0
    found = tail_of(residual)
    return found.outlying if found.gap >= _WIDE else 0
