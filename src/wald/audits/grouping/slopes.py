"""Whether forecasts are as sure as they should be in each group: a calibration slope for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..statistics import Sample, centring, cox, permutation_p, slope_factor
from .members import Group, units_of

#: A group with fewer rows of either answer than this, or in fewer clusters, has no slope worth judging.
FEWEST = 20

#: Forecasts with a smaller slope say nothing of what happens.
_LEAST = 0.05

#: Newton steps towards the slope that groups share.
_STEPS = 20

#: Numbers that are worth holding at once.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Slopes:
    """The calibration slopes of groups, against the slope of all rows.

    Attributes:
        everyone: the slope of all rows.
        apart: for each group, its slope as a share of the one that the groups of its grouping share, less 1.
        error: its standard error.
        width: how many standard errors an interval reaches, so that all hold together.
        p: the chance of so large a difference somewhere, if all groups had the slope of everyone.
        worst: the group that differs most surely.
    """

    everyone: float
    apart: Tensor
    error: Tensor
    width: float
    p: float
    worst: int


def fit_for_slopes(label: Tensor, groups: list[Group], sample: Sample) -> list[Group]:
    """The groups that have enough rows of either answer, in enough clusters."""
    kept: list[Group] = []
    for group in groups:
        yes = int((label[group.rows] >= 0.5).sum())
        enough = units_of(sample.part(group.rows)) >= FEWEST
        if enough and FEWEST <= yes <= len(group.rows) - FEWEST:
            kept.append(group)
    return kept


def slopes(
    score: Tensor, label: Tensor, groups: list[Group], sample: Sample, draws: int, source: torch.Generator
) -> Slopes | None:
    """Compare the calibration slope of each group with the common one; None where forecasts say nothing at all.

    Each group keeps an intercept of its own. Labels are drawn from the common slope and compared by the efficient
    score (Rao 1948, doi:10.1017/S0305004100023987); with clusters, the signs of whole clusters are drawn instead.
    """
    score, label = score.double(), label.double()
    weight = torch.ones_like(score) if sample.weight is None else sample.weight.double()
    everyone = float(cox(score, label, weight)[1])
    if not everyone > _LEAST:
        return None
    parts = [_Part(score[one.rows], label[one.rows], weight[one.rows]) for one in groups]
    common = {
        name: _common(everyone, [part for part, one in zip(parts, groups, strict=True) if one.grouping == name])
        for name in {one.grouping for one in groups}
    }
    if not min(common.values()) > _LEAST:
        return None
    apart, error, sure = (torch.zeros(len(groups), dtype=torch.float64) for _ in range(3))
    null = torch.zeros(draws, len(groups), dtype=torch.float64)
    for index, (part, group) in enumerate(zip(parts, groups, strict=True)):
        slope = common[group.grouping]
        chance, lean, known = part.at(slope)
        pulls = lean * (part.label - chance)
        if sample.unit is None:
            spread = (lean.square() * chance * (1 - chance)).sum().sqrt()
            for some in torch.arange(draws).split(max(1, _AT_ONCE // len(lean))):
                drawn = torch.rand(len(some), len(lean), generator=source, dtype=torch.float64) < chance
                null[some, index] = (drawn.double() @ lean - chance @ lean) / spread
        else:
            _, place = sample.unit[group.rows].unique(return_inverse=True)
            units = int(place.max()) + 1
            by_unit = torch.zeros(units, dtype=torch.float64).index_add_(0, place, pulls)
            signs = torch.randint(2, (draws, units), generator=source).double() * 2 - 1
            null[:, index] = signs @ by_unit / by_unit.norm().clamp_min(1e-300)
            # An intercept and a slope were fitted, so what is left is smaller than it was: the more so, the fewer
            # clusters know of the slope.
            facts = torch.zeros(units, dtype=torch.float64).index_add_(0, place, lean.square() * chance * (1 - chance))
            many = float(facts.sum().square() / facts.square().sum())
            spread = by_unit.norm() * (many / max(1.0, many - 4)) ** 0.5
        # One Newton step, which is what the test knows the error of; a full fit of few rows strays further.
        apart[index] = pulls.sum() / known / slope
        error[index] = spread / known / slope
        sure[index] = (pulls.sum() / spread.clamp_min(1e-300)).abs()
    biggest = null.abs().amax(-1)
    return Slopes(
        everyone=everyone,
        apart=apart,
        error=error,
        width=float(torch.quantile(biggest, 0.95)),
        p=permutation_p(float(sure.max()), biggest),
        worst=int(sure.argmax()),
    )


@dataclass(frozen=True)
class _Part:
    """The rows of one group."""

    score: Tensor
    label: Tensor
    weight: Tensor

    def at(self, slope: float) -> tuple[Tensor, Tensor, Tensor]:
        """The chances at this slope with the group's own intercept, what labels say of the slope, and how much."""
        chance = torch.sigmoid(centring(slope * self.score, self.label, self.weight) + slope * self.score)
        lean = slope_factor(self.score, chance, self.weight)
        known = (chance * (1 - chance) * lean * (self.score - self.score.mean())).sum().clamp_min(1e-300)
        return chance, lean, known


def _common(start: float, parts: list[_Part]) -> float:
    """The slope that the groups share, each with its own intercept; one intercept for all would flatten it."""
    slope = start
    for _ in range(_STEPS):
        pulls, knowns = 0.0, 0.0
        for part in parts:
            chance, lean, known = part.at(slope)
            pulls += float((lean * (part.label - chance)).sum())
            knowns += float(known)
        step = max(-1.0, min(1.0, pulls / max(knowns, 1e-300)))
        slope += step
        if abs(step) < 1e-6:
            break
    return slope
