"""Least values of many small problems at once, smooth or with kinks.

Every row is a problem of its own, and takes quasi-Newton steps (BFGS) of its own. The line search asks for the weak
Wolfe conditions by bisection, with which BFGS also descends along kinks to a least value that has no derivative:
Lewis & Overton 2013, doi:10.1007/s10107-012-0514-2. All rows are called together, each wherever its own search stands.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: The value and the slope of some rows: (points, which rows) -> (values, slopes).
Sloped = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_DESCENT, _CURVATURE = 1e-4, 0.9
_TRIES = 40


def minimise(sloped: Sloped, start: Tensor, *, calls: int, gain: float, shortest: float, far: float) -> Tensor:
    """The lowest point that each row reaches; shape of `start`.

    Args:
        sloped: value and slope of rows, in double precision.
        start: where each row begins; shape (rows, entries).
        calls: how often `sloped` is called at most.
        gain: where a step promises less than this the row is done.
        shortest: a search for a step shorter than this has come to nothing.
        far: a row that gets this far away has no least value near, and is left there.
    """
    x = start.clone()
    rows = torch.arange(len(x))
    value, slope = sloped(x, rows)
    identity = torch.eye(x.shape[1], dtype=x.dtype)
    bend = identity.repeat(len(x), 1, 1)
    fresh = torch.ones(len(x), dtype=torch.bool)
    step = -slope
    length = 1 / slope.norm(dim=1).clamp(min=1)
    low, high = torch.zeros_like(length), torch.full_like(length, torch.inf)
    tries = torch.zeros(len(x), dtype=torch.long)
    live = value.isfinite() & slope.isfinite().all(1) & (slope.norm(dim=1) > 0)
    for _ in range(calls - 1):
        rows = live.nonzero().squeeze(1)
        if not len(rows):
            break
        tried = x[rows] + length[rows].unsqueeze(1) * step[rows]
        there, steep = sloped(tried, rows)
        along = (slope[rows] * step[rows]).sum(1)
        down = there.isfinite() & steep.isfinite().all(1) & (there <= value[rows] + _DESCENT * length[rows] * along)
        bent = (steep * step[rows]).sum(1) >= _CURVATURE * along
        taken = down & (bent | (tried.abs().amax(1) >= far))
        # Where the search goes on: between what is too far and what is not far enough.
        high[rows] = torch.where(down, high[rows], length[rows])
        low[rows] = torch.where(down, length[rows], low[rows])
        length[rows] = torch.where(high[rows].isfinite(), (low[rows] + high[rows]) / 2, 2 * low[rows])
        tries[rows] += 1
        spent = ~taken & ((tries[rows] >= _TRIES) | (length[rows] * step[rows].norm(dim=1) < shortest))
        # A search that came to nothing begins again straight downhill, once; then the row is done.
        again, done = rows[spent & ~fresh[rows]], rows[spent & fresh[rows]]
        live[done] = False
        bend[again], fresh[again] = identity, True
        moved, tried, there, steep = rows[taken], tried[taken], there[taken], steep[taken]
        _bend(bend, fresh, moved, tried - x[moved], steep - slope[moved])
        x[moved], value[moved], slope[moved] = tried, there, steep
        live[moved] &= tried.abs().amax(1) < far
        begun = torch.cat([moved, again])
        step[begun] = -(bend[begun] @ slope[begun].unsqueeze(2)).squeeze(2)
        uphill = begun[(step[begun] * slope[begun]).sum(1) >= 0]
        step[uphill], bend[uphill] = -slope[uphill], identity
        # A quasi-Newton step promises half of this; the very first has no measure of the curvature yet.
        promised = -(step[begun] * slope[begun]).sum(1)
        live[begun] &= promised > torch.where(fresh[begun], gain**1.5, gain)
        length[begun] = torch.where(fresh[begun], 1 / slope[begun].norm(dim=1).clamp(min=1), 1.0)
        low[begun], high[begun], tries[begun] = 0.0, torch.inf, 0
    return x


def _bend(bend: Tensor, fresh: Tensor, rows: Tensor, moved: Tensor, turned: Tensor) -> None:
    """Update the inverse Hessians of these rows, in place, by how far they moved and how the slope turned."""
    product = (moved * turned).sum(1)
    sound = product > 1e-14 * moved.norm(dim=1) * turned.norm(dim=1)
    rows, moved, turned, product = rows[sound], moved[sound], turned[sound], product[sound]
    identity = torch.eye(moved.shape[1], dtype=moved.dtype)
    scale = (product / turned.square().sum(1)).reshape(-1, 1, 1)
    old = torch.where(fresh[rows].reshape(-1, 1, 1), scale * identity, bend[rows])
    outer = moved.unsqueeze(2) * turned.unsqueeze(1) / product.reshape(-1, 1, 1)
    left = identity - outer
    bend[rows] = left @ old @ left.mT + moved.unsqueeze(2) * moved.unsqueeze(1) / product.reshape(-1, 1, 1)
    fresh[rows] = False
