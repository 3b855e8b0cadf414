"""Follow the slope."""

from __future__ import annotations

import torch
from torch import Tensor

from .aims import Aim
from .record import Record
from .region import Region

#: A step is this share of the region's size at the beginning and at the end.
_FIRST, _LAST = 0.5, 0.04

#: Steps between two looks at which rows are done.
_LOOK = 8


def ascend(
    record: Record, region: Region, aim: Aim, rows: Tensor, start: Tensor, *, steps: int, every: bool = False
) -> None:
    """Projected gradient ascent of `aim` from `start`; the worst of all that is passed goes into the record.

    Inputs are held in the region before the graph is built, never inside it: a clamp in the graph has no gradient
    at its ends, and hides there what it should find. Madry et al. 2018, arXiv:1706.06083.

    Args:
        record: of the victim.
        region: around all of its rows.
        aim: what is climbed.
        rows: which rows are attacked.
        start: (rows, ...) where from.
        steps: how many steps.
        every: go on with rows that can cost no more, for the sake of their loss.
    """
    if not len(rows):
        return
    within, moved = region.part(rows), within_clip(region, rows, start)
    for step in range(steps):
        if step % _LOOK == 0 and not every:
            going = record.open(rows)
            if not bool(going.all()):
                rows, moved, within = rows[going], moved[going], within.part(going)
            if not len(rows):
                return
        settled = within.settle(moved)
        score, slope = record.victim.slope(aim, settled, rows)
        record.see(rows, settled, score)
        share = _FIRST * (_LAST / _FIRST) ** (step / max(1, steps - 1))
        moved = within.clip(moved + share * region.size * slope.sign())
    settled = within.settle(moved)
    record.see(rows, settled, record.victim.scores(settled))


def within_clip(region: Region, rows: Tensor, start: Tensor) -> Tensor:
    """The starts, brought inside."""
    return region.part(rows).clip(start)


def random_start(region: Region, rows: Tensor, source: torch.Generator) -> Tensor:
    """Any inputs in the region."""
    return region.part(rows).scattered(source)
