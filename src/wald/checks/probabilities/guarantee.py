"""How near the least expected loss must be, for decisions to be near the best.

The transform ψ of a calibrated loss bounds the share of wrong decisions beyond the unavoidable by its excess loss:
ψ(excess error) ≤ excess loss. It is the convex hull of what a prediction on the wrong side costs beyond the best,
where the two labels differ in chance by that much.

Bartlett, Jordan & McAuliffe 2006, doi:10.1198/016214505000000907.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .curves import Curves

#: The excess error for which the guarantee is told.
EXCESS = 0.05


def excess_needed(curves: Curves) -> float | None:
    """The excess loss below which at most 5 % more decisions are wrong than need be; None if there is no such bound.

    For a loss that is calibrated at one half.
    """
    found = transform(curves)
    return None if found is None else float(f"{hull_at(*found, EXCESS):.9g}")


def transform(curves: Curves) -> tuple[Tensor, Tensor] | None:
    """The excess error and the least excess loss that it takes, rising, before the hull; None if there is none."""
    least = torch.minimum(curves.at(curves.best), curves.cost.amin(1))
    ends = curves.cost[:, [0, -1]]
    inner = curves.cost[:, curves.z.abs() <= curves.z[-1] / 2].amin(1)
    if bool((ends.amin(1) < inner - 1e-3 * (1 + inner.abs())).any()):
        return None  # it falls without end, so nothing is near its least value
    below, above = curves.halves()
    wrong = torch.where(curves.etas > 0.5, below, above) - least
    gap = (2 * curves.etas - 1).abs()
    off = gap > 1e-9
    gap, wrong = gap[off], wrong[off].clamp(min=0)
    theta = gap.mul(1e6).round().unique() / 1e6
    raw = torch.stack([wrong[(gap - t).abs() < 1e-5].amin() for t in theta])
    zero = torch.zeros(1, dtype=torch.float64)
    return torch.cat([zero, theta]), torch.cat([zero, raw])


def error_allowed(x: Tensor, hull: Tensor, excess: float) -> float:
    """The excess error that an excess loss allows at most: the inverse of a hull that rises over x."""
    inside = (hull <= excess).nonzero()[:, 0]
    last = int(inside[-1]) if len(inside) else 0
    if last + 1 == len(hull):
        return 1.0
    share = (excess - float(hull[last])) / float(hull[last + 1] - hull[last])
    return float(x[last]) + share * float(x[last + 1] - x[last])


def hull_at(x: Tensor, y: Tensor, at: float) -> float:
    """The lower convex hull of these points: the lowest chord over `at`."""
    left, right = x <= at + 1e-9, x >= at - 1e-9
    xl, xr = x[left].unsqueeze(1), x[right].unsqueeze(0)
    yl, yr = y[left].unsqueeze(1), y[right].unsqueeze(0)
    share = (at - xl) / (xr - xl).clamp(min=1e-12)
    return float((yl + share.clamp(0, 1) * (yr - yl)).amin())
