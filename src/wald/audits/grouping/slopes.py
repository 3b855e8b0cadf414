"""Whether forecasts are as sure as they should be in each group: a calibration slope for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..statistics import Sample, centring, cox, permutation_p
from .members import Group

#: A group with fewer rows of either answer than this has no slope worth judging.
FEWEST = 20

#: Numbers that are worth holding at once.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Slopes:
    """The calibration slopes of groups, against the slope of all rows.

    Attributes:
        everyone: the slope of all rows.
        apart: for each group, its slope as a share of that of all rows, less 1.
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


def fit_for_slopes(label: Tensor, groups: list[Group]) -> list[Group]:
    """The groups that have enough rows of either answer."""
    kept: list[Group] = []
    for group in groups:
        yes = int((label[group.rows] >= 0.5).sum())
        if FEWEST <= yes <= len(group.rows) - FEWEST:
            kept.append(group)
    return kept


def slopes(
    score: Tensor, label: Tensor, groups: list[Group], sample: Sample, draws: int, source: torch.Generator
) -> Slopes | None:
    """Compare the calibration slope of each group with that of all rows; None where forecasts say nothing at all.

    A group keeps an intercept of its own. Labels are drawn from the slope of all rows and compared by the efficient
    score (Rao 1948, doi:10.1017/S0305004100023987); with clusters, the signs of whole clusters are drawn instead.
    """
    score, label = score.double(), label.double()
    weight = torch.ones_like(score) if sample.weight is None else sample.weight.double()
    slope = float(cox(score, label, weight)[1])
    if not slope > 0.05:
        return None
    cluster = sample.unit
    apart, error, sure = (torch.zeros(len(groups), dtype=torch.float64) for _ in range(3))
    null = torch.zeros(draws, len(groups), dtype=torch.float64)
    for index, group in enumerate(groups):
        x, y, w = score[group.rows], label[group.rows], weight[group.rows]
        chance = torch.sigmoid(centring(slope * x, y, w) + slope * x)
        bend = chance * (1 - chance)
        lean = w * (x - (w * bend * x).sum() / (w * bend).sum())
        known = (bend * lean * (x - x.mean())).sum().clamp_min(1e-300)
        pulls = lean * (y - chance)
        if cluster is None:
            spread = (lean.square() * bend).sum().sqrt()
            null[:, index] = torch.cat(
                [(torch.rand(some, len(x), generator=source, dtype=torch.float64) < chance).double() @ lean
                 for some in _parts(draws, len(x))]
            ).sub(chance @ lean) / spread  # fmt: skip
        else:
            _, place = cluster[group.rows].unique(return_inverse=True)
            by_cluster = torch.zeros(int(place.max()) + 1, dtype=torch.float64).index_add_(0, place, pulls)
            spread = by_cluster.norm()
            signs = torch.randint(2, (draws, len(by_cluster)), generator=source).double() * 2 - 1
            null[:, index] = signs @ by_cluster / spread.clamp_min(1e-300)
        fitted = float(cox(x, y, w)[1])
        step = float(pulls.sum() / known)
        apart[index] = (step if fitted != fitted else fitted - slope) / slope
        error[index] = spread / known / slope
        sure[index] = (pulls.sum() / spread.clamp_min(1e-300)).abs()
    biggest = null.abs().amax(-1)
    return Slopes(
        everyone=slope,
        apart=apart,
        error=error,
        width=float(torch.quantile(biggest, 0.95)),
        p=permutation_p(float(sure.max()), biggest),
        worst=int(sure.argmax()),
    )


def _parts(draws: int, rows: int) -> list[int]:
    step = max(1, _AT_ONCE // rows)
    return [min(step, draws - start) for start in range(0, draws, step)]
