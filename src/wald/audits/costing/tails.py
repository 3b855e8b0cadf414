"""The worst rows by weight: their mean, what they carry, and the worst mean that a reweighting can make."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from ...core import CVaR
from ..statistics import Sample


def tail_mean(values: Tensor, share: float, weight: Tensor | None = None) -> float:
    """The mean of the worst share of the rows, by weight."""
    mass = torch.ones_like(values) if weight is None else weight.to(values.dtype)
    return float(CVaR(share)(values, mass))


def tail_means(values: Tensor, shares: Sequence[float], sample: Sample, draws: int) -> Tensor:
    """The same for several shares, in bootstrap resamples: (shares, draws)."""
    ranked, order = values.sort(descending=True)
    found: list[Tensor] = []
    for masses in sample.bootstrap(draws).masses():
        mass = masses[:, order]
        found.append(_ranked_tails(ranked.expand_as(mass), mass, shares))
    return torch.cat(found, -1)


def tail_curves(values: Tensor, shares: Sequence[float], weight: Tensor | None = None) -> Tensor:
    """The tail means of several samples at several shares: (samples, rows) become (shares, samples)."""
    ranked, order = values.sort(-1, descending=True)
    mass = torch.ones_like(ranked) if weight is None else weight[order].to(ranked.dtype)
    return _ranked_tails(ranked, mass, shares)


def _ranked_tails(ranked: Tensor, mass: Tensor, shares: Sequence[float]) -> Tensor:
    """The means of the first rows up to each share of the mass: (draws, rows) become (shares, draws)."""
    upto, totals = mass.cumsum(-1), (mass * ranked).cumsum(-1)
    found: list[Tensor] = []
    for share in shares:
        border = share * upto[:, -1:]
        # The row on the border counts in part.
        last = torch.searchsorted(upto, border).clamp_max(ranked.shape[-1] - 1)
        beyond = upto.gather(-1, last) - border
        found.append(((totals.gather(-1, last) - beyond * ranked.gather(-1, last)) / border)[:, 0])
    return torch.stack(found)


def carried(values: Tensor, share: float, weight: Tensor | None = None) -> float:
    """The part of the total that the worst share of the rows carries; NaN where the total is not above 0."""
    mass = torch.ones_like(values) if weight is None else weight.to(values.dtype)
    mean = float((values * mass).sum() / mass.sum())
    return share * tail_mean(values, share, weight) / mean if mean > 0 else float("nan")


def worst_mean(values: Tensor, radius: float, weight: Tensor | None = None) -> float:
    """The largest mean under any reweighting of the rows within a χ² distance: max Σqx over ½Σp(q/p − 1)² ≤ radius.

    Computed as its dual, the least of η + √(1 + 2·radius) · √E[(x − η)₊²] over η: Duchi & Namkoong 2021,
    doi:10.1214/20-AOS2004. At radius 0 it is the mean.

    Args:
        values: (rows,).
        radius: 0 or more.
        weight: what each row counts for; None for 1.

    >>> worst_mean(torch.tensor([0.0, 1.0]), 0.125)
    0.75
    """
    x = values.double()
    p = torch.full_like(x, 1 / len(x)) if weight is None else weight.double() / weight.double().sum()
    mean, top = float((p * x).sum()), float(x.max())
    if radius <= 0 or top == float(x.min()):
        return mean
    factor = sqrt(1 + 2 * radius)
    spread = float((p * (x - mean).square()).sum()) ** 0.5

    def bound(eta: float) -> float:
        return eta + factor * float((p * (x - eta).clamp_min(0).square()).sum()) ** 0.5

    # Convex in η: the least lies between far below all values, where nothing is cut, and the largest.
    low, high = mean - (factor / sqrt(factor**2 - 1) + 1) * spread / min(1.0, sqrt(2 * radius)), top
    for _ in range(200):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, second) if bound(first) <= bound(second) else (first, high)
    return min(bound((low + high) / 2), top)
