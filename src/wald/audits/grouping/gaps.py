"""By how much each group exceeds what is usual, how surely, and how large that gets by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from ..statistics import Sample, permutation_p, shuffles
from .members import Group

#: Numbers that are worth holding at once.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Quantity:
    """What is compared.

    Attributes:
        name: what to call it.
        values: one a row.
        scale: what an excess is a share of.
        strata: the number of the stratum of each row: rows are compared within their stratum only.
        either: whether too little is as bad as too much.
    """

    name: str
    values: Tensor
    scale: float
    strata: Tensor
    either: bool = False


@dataclass(frozen=True)
class Gaps:
    """By how much each group exceeds the others, with intervals that hold for all groups at once.

    Attributes:
        excess: the mean of each group beyond what rows of its strata have on average, (groups,).
        error: its standard error.
        width: how many standard errors an interval reaches, so that all hold together.
        p: the chance of so large an excess somewhere, if groups had nothing to do with it.
        each: the chance of so large an excess in each group, seen alone, (groups,).
        worst: the group that most surely exceeds.
    """

    excess: Tensor
    error: Tensor
    width: float
    p: float
    each: Tensor
    worst: int

    def interval(self, group: int) -> tuple[float, float]:
        """Of one group."""
        half = self.width * float(self.error[group])
        return float(self.excess[group]) - half, float(self.excess[group]) + half


def compare(
    quantity: Quantity, groups: list[Group], draws: int, source: torch.Generator, sample: Sample | None = None
) -> Gaps:
    """The excess of each group over rows of its strata, and how large it gets by chance.

    Values, with their weights, are permuted: rows within strata; whole clusters, where each belongs to a group or
    not as a whole. Groups that cut through clusters are tested by resampling whole clusters (the bootstrap-t of
    Cameron, Gelbach & Miller 2008, doi:10.1162/rest.90.3.414). Every draw is in units of its own standard error; the
    largest over all groups gives both the test and intervals that hold for all groups at once.
    """
    rows = len(quantity.values)
    sample = Sample(rows) if sample is None else sample
    cluster = sample.unit
    weight = torch.ones(rows, dtype=torch.float64) if sample.weight is None else sample.weight.double()
    own = within_strata(quantity.values, quantity.strata, weight)
    member = torch.zeros(rows, len(groups), dtype=torch.float64)
    for index, group in enumerate(groups):
        member[group.rows, index] = 1
    if cluster is None:
        excess, error = _studentised(own * weight, weight, member)
        null = torch.cat(list(_permuted(own * weight, weight, member, quantity.strata, draws, source)))
    else:
        excess, error, null = _by_cluster(own * weight, weight, member, cluster, draws, source)
    sure, chance = (excess / error, null) if not quantity.either else ((excess / error).abs(), null.abs())
    return Gaps(
        excess=excess,
        error=error,
        width=float(torch.quantile(null.abs().amax(-1), 0.95)),
        p=permutation_p(float(sure.max()), chance.amax(-1)),
        each=_each_p(sure, chance),
        worst=int(sure.argmax()),
    )


def within_strata(values: Tensor, strata: Tensor, weight: Tensor) -> Tensor:
    """Values less the mean of their stratum."""
    _, place = strata.unique(return_inverse=True)
    values = values.double()
    totals = torch.zeros(int(place.max()) + 1, 2, dtype=torch.float64)
    totals.index_add_(0, place, torch.stack([values * weight, weight], -1))
    return values - (totals[:, 0] / totals[:, 1])[place]


def _studentised(total: Tensor, mass: Tensor, member: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of each group and its standard error: (..., units) of totals and masses become (..., groups).

    The error knows that the mean of all, from which the totals are counted, is an estimate as well. Half of the
    variance is borrowed from all units: a group of few does not know its own.
    """
    squares, cross, square_mass = total.square(), total * mass, mass.square()
    masses, everything = mass @ member, mass.sum(-1, keepdim=True)
    excess = total @ member / masses
    own_squares, own_cross, own_square_mass = squares @ member, cross @ member, square_mass @ member
    all_squares, all_square_mass = squares.sum(-1, keepdim=True), square_mass.sum(-1, keepdim=True)
    inside = own_squares - 2 * excess * own_cross + excess.square() * own_square_mass
    shared = own_squares - excess * own_cross
    own = inside / masses.square() - 2 * shared / (masses * everything) + all_squares / everything.square()
    spread = all_squares.clamp_min(1e-24) / all_square_mass
    lent = spread * (
        own_square_mass / masses.square() - 2 * own_square_mass / (masses * everything)
        + all_square_mass / everything.square()
    )  # fmt: skip
    return excess, (0.5 * own.clamp_min(0) + 0.5 * lent.clamp_min(1e-300)).sqrt()


def _permuted(
    total: Tensor, mass: Tensor, member: Tensor, strata: Tensor | None, draws: int, source: torch.Generator
) -> Iterator[Tensor]:
    for mixed in shuffles(torch.zeros(len(total)), draws, source, strata=strata):
        for some in mixed.split(max(1, _AT_ONCE // len(total))):
            # Where all masses are equal, one row of them serves all draws.
            moved = mass[None] if bool((mass == mass[0]).all()) else mass[some]
            excess, error = _studentised(total[some], moved, member)
            yield excess / error


def _by_cluster(
    total: Tensor, mass: Tensor, member: Tensor, cluster: Tensor, draws: int, source: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    _, place, sizes = cluster.unique(return_inverse=True, return_counts=True)
    units = len(sizes)

    def summed(values: Tensor) -> Tensor:
        return torch.zeros(units, *values.shape[1:], dtype=torch.float64).index_add_(0, place, values)

    own, own_mass, inside = summed(total), summed(mass), summed(member)
    whole = ((inside == 0) | (inside == sizes[:, None])).all(0)
    excess, error = (torch.zeros(member.shape[1], dtype=torch.float64) for _ in range(2))
    null = torch.zeros(draws, member.shape[1], dtype=torch.float64)
    if bool(whole.any()):
        belongs = (inside[:, whole] > 0).double()
        excess[whole], error[whole] = _studentised(own, own_mass, belongs)
        null[:, whole] = torch.cat(list(_permuted(own, own_mass, belongs, None, draws, source)))
    if not bool(whole.all()):
        cut = member[:, ~whole]
        parts = _Parts(own, own_mass, summed(total[:, None] * cut), summed(mass[:, None] * cut))
        (centre, spread) = (one[0] for one in parts.studentised(torch.ones(1, units, dtype=torch.float64)))
        excess[~whole], error[~whole] = centre, spread
        for start in range(0, draws, step := max(1, _AT_ONCE // units)):
            some = min(step, draws - start)
            drawn = torch.randint(units, (some, units), generator=source)
            counts = torch.zeros(some, units, dtype=torch.float64).scatter_add_(
                1, drawn, torch.ones(some, units).double()
            )
            moved, its_error = parts.studentised(counts)
            # A resample without any row of a group says nothing of it.
            null[start : start + some, ~whole] = ((moved - centre) / its_error).nan_to_num(0, 0, 0)
    return excess, error, null


@dataclass(frozen=True)
class _Parts:
    """What each cluster holds: in all, and of each group that cuts through it.

    Attributes:
        total: of all its rows, (clusters,).
        mass: of all its rows.
        parts: the totals of its rows in each group, (clusters, groups).
        masses: their masses.
    """

    total: Tensor
    mass: Tensor
    parts: Tensor
    masses: Tensor

    def studentised(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """The excess of each group over the mean of all, and its error, in resamples of clusters: (draws, groups)."""
        mass, masses = (counts @ self.mass)[:, None], counts @ self.masses
        middle, mean = (counts @ self.total)[:, None] / mass, counts @ self.parts / masses

        def product(one: Tensor, other: Tensor) -> Tensor:
            return counts @ (one * other)

        total, each = self.total[:, None], self.mass[:, None]
        inside = (
            product(self.parts, self.parts)
            - 2 * mean * product(self.parts, self.masses)
            + mean.square() * product(self.masses, self.masses)
        )
        shared = (
            product(self.parts, total)
            - middle * product(self.parts, each)
            - mean * product(self.masses, total)
            + mean * middle * product(self.masses, each)
        )
        around = product(total, total) - 2 * middle * product(total, each) + middle.square() * product(each, each)
        variance = inside / masses.square() - 2 * shared / (masses * mass) + around / mass.square()
        return mean - middle, variance.clamp_min(1e-300).sqrt()


def _each_p(sure: Tensor, chance: Tensor) -> Tensor:
    """The p-value of each group alone; beyond all draws, by the normal law that has their mean and spread."""
    count = (chance >= sure).sum(0)
    p = (1 + count) / (1 + len(chance))
    z = (sure - chance.mean(0)) / chance.std(0).clamp_min(1e-12)
    beyond = torch.tensor([max(NormalDist().cdf(-float(one)), 1e-6) for one in z], dtype=torch.float64)
    return torch.where(count == 0, torch.minimum(p, beyond), p.double())
