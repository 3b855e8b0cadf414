"""Every attack there is, each on the rows that the ones before it left standing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .aims import Aim
from .ascent import ascend, random_start
from .record import Record
from .region import Region
from .searching import wander
from .victim import Victim


@dataclass(frozen=True)
class Effort:
    """How hard an attack tries.

    Attributes:
        steps: gradient steps from one start.
        restarts: random starts, beside the rows themselves.
        rivals: other classes to push towards, one by one.
        guesses: inputs that the search without slopes tries for each row.
    """

    steps: int
    restarts: int
    rivals: int
    guesses: int

    @property
    def passes(self) -> int:
        """How often a row goes through the model, a slope counted as three."""
        climbs = 1 + (1 + self.restarts) * (2 + self.rivals)
        return 3 * self.steps * climbs + self.guesses


def strongest(
    victim: Victim, region: Region, effort: Effort, source: torch.Generator, *, further: Sequence[Aim] = ()
) -> Record:
    """The worst that slopes and a search without them find together.

    Args:
        victim: what is attacked.
        region: where its inputs may go.
        effort: how hard to try.
        source: of random starts.
        further: more to climb.
    """
    record = Record(victim)
    if victim.has_slope:
        by_slopes(record, region, effort, source, further=further)
    wander(record, region, victim.lead, record.left, guesses=effort.guesses, source=source)
    if victim.has_slope and region.discrete:
        # Where options were swapped there are new slopes to follow.
        rows = record.left
        ascend(record, region, victim.lead, rows, record.inputs[rows], steps=effort.steps // 2)
    return record


def by_slopes(
    record: Record, region: Region, effort: Effort, source: torch.Generator, *, further: Sequence[Aim] = ()
) -> None:
    """The loss from every row as it is; then all else there is to climb, where rows can still cost more."""
    victim = record.victim
    ascend(record, region, victim.loss, victim.everyone, victim.inputs, steps=effort.steps, every=True)
    aims = [aim for aim in (victim.margin, *further) if aim is not None]
    _climb(record, region, [*aims, *victim.directions(effort.rivals)], effort, None)
    for _ in range(effort.restarts):
        _climb(record, region, [victim.loss, *aims, *victim.directions(effort.rivals)], effort, source)


def _climb(record: Record, region: Region, aims: Sequence[Aim], effort: Effort, source: torch.Generator | None) -> None:
    for aim in aims:
        rows = record.left
        if not len(rows):
            return
        start: Tensor = record.victim.inputs[rows] if source is None else random_start(region, rows, source)
        ascend(record, region, aim, rows, start, steps=effort.steps)
