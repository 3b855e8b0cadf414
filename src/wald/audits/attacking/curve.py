"""How the damage grows with the reach of the attack."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from .ascent import ascend
from .record import Record
from .region import Region
from .searching import wander
from .threat import Threat
from .union import Effort, strongest
from .victim import Victim

#: Multiples of the reach at which the damage is measured; the last has no limit but what can occur.
SHARES = (0.125, 0.25, 0.5, 1.0, 2.0, inf)

#: Rows whose inputs are given to others where there is no limit.
_DONORS = 10


@dataclass(frozen=True, eq=False)
class Curve:
    """What was found at each reach.

    Attributes:
        found: the worst of each row, by multiples of the reach.
        chance: scores of inputs moved at random, by multiples of the reach.
    """

    found: dict[float, Record]
    chance: dict[float, Tensor]

    @property
    def stated(self) -> Record:
        """What was found at the reach that the case states."""
        return self.found[1.0]


def draw(victim: Victim, threat: Threat, effort: Effort, source: torch.Generator) -> Curve:
    """Attack with all there is at the stated reach, and from what that found at the others.

    A finding of a small reach lies inside a larger one, so what is found there counts there too; one of a larger
    reach that happens to lie inside a smaller counts as well.
    """
    regions = {share: threat.region(victim.inputs, share) for share in SHARES}
    found = {1.0: strongest(victim, regions[1.0], effort, source)}
    for share in sorted((one for one in SHARES if one < 1), reverse=True):
        found[share] = _near(victim, regions[share], found[1.0], share, effort, source)
    for share in sorted(one for one in SHARES if one > 1):
        found[share] = _beyond(victim, regions[share], found[1.0], share, effort, source)
    smaller: Record | None = None
    for share in sorted(SHARES):
        if smaller is not None:
            found[share].absorb(smaller)
        smaller = found[share]
    chance = {
        share: victim.scores(regions[share].scattered(source)).cpu() for share in SHARES if share != inf
    }  # fmt: skip
    return Curve(found, chance)


def _near(
    victim: Victim, region: Region, outer: Record, share: float, effort: Effort, source: torch.Generator
) -> Record:
    """Inside a reach that was searched: along the moves that did harm there."""
    record = Record(victim)
    record.absorb(outer, region)
    # What the whole reach could not harm, a part of it will not either.
    harmed = (outer.harm > record.harm) if victim.ceiling is not None else torch.ones_like(outer.harm, dtype=torch.bool)
    _follow(record, region, outer, share, harmed, effort, source)
    return record


def _beyond(
    victim: Victim, region: Region, inner: Record, share: float, effort: Effort, source: torch.Generator
) -> Record:
    """Outside a reach that was searched: on along the moves found there, and for some to where other rows are."""
    record = Record(victim)
    record.absorb(inner)
    if share == inf:
        _transplant(record, region)
    _follow(record, region, inner, 2.0 if share == inf else share, record.open(victim.everyone).cpu(), effort, source)
    return record


def _follow(
    record: Record, region: Region, known: Record, factor: float, rows: Tensor, effort: Effort, source: torch.Generator
) -> None:
    victim = record.victim
    place = rows.nonzero()[:, 0].to(victim.inputs.device)
    place = place[record.open(place)]
    if not len(place):
        return
    moved = known.inputs[place] - victim.inputs[place]
    start = victim.inputs[place] + factor * moved
    if region.choices:
        for choice in region.choices:
            start[:, choice.columns] = known.inputs[place][:, choice.columns]
    settled = region.part(place).settle(start)
    record.see(place, settled, victim.scores(settled))
    if victim.has_slope:
        ascend(record, region, victim.lead, place, start, steps=max(4, effort.steps // 4))
    else:
        left = place[record.open(place)]
        wander(record, region, victim.lead, left, guesses=max(10, effort.guesses // 5), source=source)


def _transplant(record: Record, region: Region) -> None:
    """Make every row like those of the most extreme scores, as far as its entries move."""
    victim = record.victim
    score = victim.plain.reshape(len(victim.plain), -1)
    extremes = torch.cat([score.argmax(0)[:_DONORS], score.argmin(0)[:_DONORS]]).unique()
    everyone = victim.everyone
    for donor in extremes.tolist():
        given = victim.inputs[donor].expand_as(victim.inputs)
        moved = torch.where(region.size > 0, given, victim.inputs)
        for choice in region.choices:
            moved[:, choice.columns] = given[:, choice.columns]
        settled = region.settle(moved)
        record.see(everyone, settled, victim.scores(settled))
