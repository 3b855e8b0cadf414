"""Search without any slope."""

from __future__ import annotations

import torch
from torch import Tensor

from .aims import Aim
from .record import Record
from .region import Region

#: Of this share of the guesses some features go anywhere, not to an end: a tree's worst may lie between.
_BETWEEN = 0.3


def wander(record: Record, region: Region, aim: Aim, rows: Tensor, *, guesses: int, source: torch.Generator) -> None:
    """Throw some entries of each row to their ends, keep what climbs; many entries at first, few at the end.

    It needs scores and no slopes, and so sees through masked gradients. Squares of pixels and stretches of time are
    thrown together. After Andriushchenko et al. 2020, arXiv:1912.00049.
    """
    if not len(rows):
        return
    victim, within = record.victim, region.part(rows)
    best = record.inputs[rows].clone()
    value = _values(aim, victim.scores(best), rows)
    for guess in range(guesses):
        if guess % 16 == 0:
            going = record.open(rows)
            rows, best, value, within = rows[going], best[going], value[going], within.part(going)
            if not len(rows):
                return
        moved = _thrown(within, best, guess / guesses, source)
        score = victim.scores(moved)
        record.see(rows, moved, score)
        found = _values(aim, score, rows)
        better = found > value
        value = torch.where(better, found, value)
        best = torch.where(better.reshape(-1, *[1] * (best.ndim - 1)), moved, best)


def _values(aim: Aim, score: Tensor, rows: Tensor) -> Tensor:
    with torch.no_grad():
        return aim(score, rows).double().nan_to_num(nan=-torch.inf)


def _thrown(region: Region, best: Tensor, done: float, source: torch.Generator) -> Tensor:
    share = max(0.5 * (1 - done) ** 2, 1.0 / best[0].numel())
    chosen, up = (one.to(best.device) for one in _patches(best, share, source))
    ends = region.ends(up)
    if float(torch.rand((), generator=source)) < _BETWEEN:
        between = torch.rand(best.shape, generator=source).to(best)
        ends = torch.where(region.size > 0, best + between * (ends - best), best)
    moved = torch.where(chosen & (region.size > 0), ends, best)
    moved = region.swapped(moved, torch.full((len(best),), 0.5), source)
    return region.settle(moved)


def _patches(like: Tensor, share: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which entries of each row are thrown (a square, a stretch, or any; at least one), and whether up."""
    rows, shape = len(like), like.shape[1:]
    if len(shape) < 2:
        drawn = torch.rand(like.shape, generator=source)
        chosen = drawn < share
        if shape:
            chosen.scatter_(1, torch.randint(shape[0], (rows, 1), generator=source), True)
        # One draw serves both: below a half of what is chosen, up.
        return chosen, (drawn < share / 2) | ((drawn >= share) & (drawn < (1 + share) / 2))
    # The last two axes are a picture's, the first of two is a series' time.
    axes = (len(shape) - 2, len(shape) - 1) if len(shape) > 2 else (0,)
    chosen = torch.ones(like.shape, dtype=torch.bool)
    for axis in axes:
        length = shape[axis]
        side = max(1, round(share ** (1 / len(axes)) * length))
        begin = torch.randint(length - side + 1, (rows, 1), generator=source)
        place = torch.arange(length)
        held = (place >= begin) & (place < begin + side)
        chosen &= held.reshape(rows, *[length if one == axis else 1 for one in range(len(shape))])
    # One sign for a patch: what is thrown together must not cancel.
    up = torch.rand(rows, *[1] * len(shape), generator=source) < 0.5
    return chosen, up.expand_as(chosen)
