"""The slices of some rows whose values most surely exceed the rest: a tree of at most two conditions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..grouping.members import SMALLEST
from .conditions import Conditions

#: The smallest share of the rows that a slice has.
SMALLEST_SHARE = 0.05

#: First conditions that are followed by a second.
_BEAM = 40

#: Slices that are kept, and how much two of them may overlap.
_KEPT, _OVERLAP = 3, 0.5


@dataclass(frozen=True)
class Slice:
    """Rows for which one or two conditions hold.

    Attributes:
        parts: the conditions, each with whether it is meant or its opposite.
        sureness: by how many standard errors its values exceed the rest, where it was looked for.
    """

    parts: tuple[tuple[int, bool], ...]
    sureness: float


def worst_slices(known: Conditions, values: Tensor, weight: Tensor, rows: Tensor) -> list[Slice]:
    """The slices among these rows with the surest excess, the surest first; few of them, and different ones.

    Args:
        known: the conditions.
        values: what is too large, one for each of all rows, with a mean of about 0.
        weight: what each row counts for.
        rows: where to look.
    """
    holds, own, mass = known.holds[rows], values[rows].float(), weight[rows].float()
    if holds.shape[1] == 0:
        return []
    facts = torch.stack([mass, mass * own, (mass * own).square(), mass.square() * own, mass.square()])
    # A slice that is too small to be judged in the other half is not worth finding.
    least = max(SMALLEST_SHARE, 1.2 * SMALLEST / len(rows)) * float(facts[0].sum())
    single = _both(facts @ holds, facts.sum(1))
    sure = _sureness(single, facts.sum(1), least)
    found = [
        Slice(((index, side == 0),), float(sure[side, index])) for side in (0, 1) for index in range(sure.shape[1])
    ]
    found.sort(key=lambda one: -one.sureness)
    pairs: list[Slice] = []
    for first in found[:_BEAM]:
        if first.sureness == -torch.inf:
            break
        index, meant = first.parts[0]
        inside = facts * (holds[:, index] if meant else 1 - holds[:, index])
        second = _sureness(_both(inside @ holds, inside.sum(1)), facts.sum(1), least)
        for place in second.flatten().topk(min(3, second.numel())).indices.tolist():
            side, other = divmod(place, second.shape[1])
            pairs.append(Slice((*first.parts, (other, side == 0)), float(second[side, other])))
    ranked = sorted((one for one in found[:_BEAM] + pairs if one.sureness > 0), key=lambda one: -one.sureness)
    return _different(known, ranked, rows)


def _both(inside: Tensor, everything: Tensor) -> Tensor:
    """The facts where each condition holds and where it does not: (facts, conditions) → (2, facts, conditions)."""
    return torch.stack([inside, everything[:, None] - inside])


def _sureness(facts: Tensor, everything: Tensor, least: float) -> Tensor:
    """By how many standard errors the mean inside exceeds the mean of all: (2, facts, conditions) → (2, conditions)."""
    mass, total, squares, cross, square_mass = facts.double().unbind(1)
    safe = mass.clamp_min(1e-12)
    mean = total / safe
    spread = (everything[2] / everything[4].clamp_min(1e-12)).double().clamp_min(1e-24)
    own = (squares - 2 * mean * cross + mean.square() * square_mass).clamp_min(0)
    error = (0.5 * own + 0.5 * spread * square_mass).sqrt() / safe
    outside = float(everything[0]) - mass
    allowed = (mass >= least) & (outside >= least)
    apart = mean - float(everything[1]) / float(everything[0])
    return torch.where(allowed, apart / error.clamp_min(1e-12), -torch.inf)


def _different(known: Conditions, ranked: list[Slice], rows: Tensor) -> list[Slice]:
    kept: list[Slice] = []
    masks: list[Tensor] = []
    for one in ranked:
        mask = known.rows(one.parts)[rows]
        if all(float((mask & other).sum()) <= _OVERLAP * float((mask | other).sum()) for other in masks):
            kept.append(one)
            masks.append(mask)
        if len(kept) == _KEPT:
            break
    return kept
