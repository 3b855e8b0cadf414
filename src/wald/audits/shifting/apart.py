"""Can two sets of rows be told apart by their inputs? A classifier tries, on rows that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from ..statistics import Sample

#: Rows of either set, at most.
ROWS = 2_000

#: The ridge of the discriminant, as a share of the rows; columns have spread 1.
_RIDGE = 0.1

#: With at most so many columns their squares are looked at too, so that a change of spread shows.
_SQUARED = 128


@dataclass(frozen=True)
class Apart:
    """How well two sets of rows are told apart.

    Attributes:
        auc: the chance that a row of the second set looks more like the second than a row of the first: 0.5 is not
            at all.
        error: its standard error.
        p: the one-sided p-value of "they come from the same source".
        means: by how many standard deviations the mean of each column differs, (columns,).
    """

    auc: float
    error: float
    p: float
    means: Tensor

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the AUC."""
        return max(0.0, self.auc - 1.96 * self.error), min(1.0, self.auc + 1.96 * self.error)


def apart(first: Tensor, second: Tensor, one: Sample, other: Sample) -> Apart:
    """Tell two sets of rows apart by a ridge discriminant that is fitted on one half and tried on the other.

    This is a two-sample test by a classifier: Lopez-Paz & Oquab 2017, arXiv:1610.06545. The error of the AUC is that
    of its placement values (DeLong et al. 1988, doi:10.2307/2531595), by whole clusters where rows have them.

    Args:
        first: (rows, columns) numbers that describe each row, of spread about 1.
        second: the same columns.
        one: what the rows of the first set count for.
        other: what those of the second do.
    """
    means = other.means(second.T) - one.means(first.T)
    x, y = _columns(first, second)
    halves = list(zip(one.halves("apart"), other.halves("apart"), strict=True))
    areas: list[float] = []
    variances: list[float] = []
    for (fit_one, fit_other), (own, others) in (halves, halves[::-1]):
        line = _discriminant(x[fit_one], y[fit_other], _mass(one, fit_one), _mass(other, fit_other))
        low, high = x[own] @ line, y[others] @ line
        held, held_other = one.part(own), other.part(others)
        # How much of the other set lies on the right side of each row.
        above = _placement(high, low, _mass(one, own))
        below = 1 - _placement(low, high, _mass(other, others))
        areas.append(held_other.mean(above))
        variances.append(float(held_other.errors(above)) ** 2 + float(held.errors(below)) ** 2)
    # Both ways weigh the difference of one half by that of the other, so they err together and not apart.
    auc, error = sum(areas) / 2, max((sum(variances) / 2) ** 0.5, 1e-12)
    return Apart(auc, error, 1 - NormalDist().cdf((auc - 0.5) / error), means)


def _columns(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    both = torch.cat([first, second]).double()
    if both.shape[1] <= _SQUARED:
        both = torch.cat([both, both.clamp(-4, 4).square()], 1)
    spread = both.std(0, correction=0)
    both = (both - both.mean(0)) / torch.where(spread > 1e-9, spread, torch.inf)
    return both[: len(first)], both[len(first) :]


def _mass(sample: Sample, rows: Tensor) -> Tensor:
    weight = torch.ones(len(rows), dtype=torch.float64) if sample.weight is None else sample.weight[rows].double()
    return weight / weight.sum()


def _discriminant(first: Tensor, second: Tensor, mass: Tensor, other_mass: Tensor) -> Tensor:
    """The direction along which the second set lies above the first, both counted alike."""
    middle, its_middle = mass @ first, other_mass @ second
    a, b = first - middle, second - its_middle
    within = 0.5 * ((a.T * mass) @ a + (b.T * other_mass) @ b)
    return torch.linalg.solve(within + _RIDGE * torch.eye(len(within), dtype=torch.float64), its_middle - middle)


def _placement(points: Tensor, others: Tensor, mass: Tensor) -> Tensor:
    """For each point, how much of the others lies below it; ties count half."""
    ranked, order = others.sort()
    below = torch.cat([torch.zeros(1, dtype=torch.float64), mass[order].cumsum(0)])
    return 0.5 * (below[torch.searchsorted(ranked, points)] + below[torch.searchsorted(ranked, points, right=True)])
