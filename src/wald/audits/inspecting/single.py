"""What one column alone, or the place in the file alone, tells of the target."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from ..statistics import Sample, percentiles, wilson

#: Neighbours that a row is predicted from, on either side; a column of fewer values is taken value by value.
_SIDE, _VALUES = 2, 32

_DRAWS = 200

#: Columns that are looked at, at most.
_COLUMNS = 100

#: Rows that must be got wrong without the column, so that getting them right means something.
_FEWEST = 20

#: The strongest columns that are listed.
_LISTED = 5


@dataclass(frozen=True, eq=False)
class Told:
    """How well the best single column predicts.

    Attributes:
        column: which.
        explained: the share of the error of a constant that it removes.
        interval: of that.
        best: the strongest columns, with what each explains.
    """

    column: int
    explained: float
    interval: tuple[float, float]
    best: tuple[tuple[int, float], ...]


def single_columns(columns: Tensor, target: Tensor, sample: Sample, *, numbers: bool) -> Told | None:
    """How well each column (rows, columns) predicts on its own, seen on one half and measured on the other, both ways.

    Args:
        columns: the columns.
        target: numbers, or classes.
        sample: what each row counts for.
        numbers: whether targets are numbers, judged by squared errors, and not classes.

    Returns:
        What the best one explains, or None where there are too few rows.
    """
    first, second = sample.halves("single columns")
    if min(len(first), len(second)) < _FEWEST:
        return None
    if numbers and sample.ordered:
        # What follows the last value is no news: only what changes counts.
        change = torch.cat([torch.zeros(1), target.diff()])
        columns = columns.double() - (target - change)[:, None]
        target = change
    # Ranks, so that neither a long tail nor a bend decides.
    wide = _ranks(target)[:, None] if numbers else _one_hot(target)
    weight = torch.ones(sample.rows, dtype=torch.float64) if sample.weight is None else sample.weight.double()
    chosen = _promising(columns, wide)
    columns = columns[:, chosen]
    constant = torch.zeros(sample.rows, dtype=torch.float64)
    errors = torch.zeros(columns.shape[1], sample.rows, dtype=torch.float64)
    for fitted, held in ((first, second), (second, first)):
        middle = (wide[fitted] * weight[fitted, None]).sum(0) / weight[fitted].sum()
        constant[held] = _errors(middle.expand(len(held), -1), wide[held], numbers=numbers)
        for column in range(columns.shape[1]):
            forecast = _forecast(columns[:, column].double(), wide, weight, fitted, held, middle)
            errors[column, held] = _errors(forecast, wide[held], numbers=numbers)
    wrong = float(constant.count_nonzero()) if numbers else float(constant.sum())
    if wrong < _FEWEST or float(constant.sum()) <= 0:
        return None
    base = sample.mean(constant)
    explained = 1 - (errors @ weight) / weight.sum() / base
    column = int(explained.argmax())
    draws = sample.bootstrap(_DRAWS).means(torch.stack([errors[column], constant]))
    low, high = percentiles(1 - draws[0] / draws[1].clamp_min(1e-300))
    if not numbers:
        # No error in few rows is not proof that there are none.
        units = sample.effective if sample.cluster is None else min(sample.effective, float(sample.cluster.max()) + 1)
        rate = sample.mean(errors[column])
        low = min(low, 1 - wilson(rate * units, int(units))[1] / base)
    value = float(explained[column])
    best = explained.topk(min(_LISTED, len(explained)))
    return Told(
        int(chosen[column]),
        value,
        (min(low, value), max(high, value)),
        tuple(zip(chosen[best.indices].tolist(), best.values.tolist(), strict=True)),
    )


def alikeness(target: Tensor, cluster: Tensor | None, *, numbers: bool) -> tuple[float, float] | None:
    """How alike neighbours are, beyond chance: 0 for not at all and 1 for the same; and its standard error by chance.

    Of classes it is the share of neighbours that agree, as a share of what chance leaves room for; of numbers, the
    correlation of their ranks. With clusters, it is that of the clusters' mean ranks, in the order of the file.
    """
    if cluster is not None or numbers:
        values = _ranks(target) if numbers else target.double()
        if cluster is not None:
            values = _by_cluster(values, cluster)
        if len(values) < 30:
            return None
        centred = values - values.mean()
        total = float(centred.square().sum())
        if total <= 0:
            return None
        return float((centred[1:] * centred[:-1]).sum()) / total, 1 / sqrt(len(values))
    shares = torch.unique(target, return_counts=True)[1].double() / len(target)
    chance = float(shares.square().sum())
    if chance >= 1:
        return None
    agree = float((target[1:] == target[:-1]).double().mean())
    # The variance of the share of agreeing neighbours when these very targets are put in a random order.
    variance = (chance + chance**2 - 2 * float(shares.pow(3).sum())) / (len(target) - 1)
    return (agree - chance) / (1 - chance), sqrt(max(variance, 1e-12)) / (1 - chance)


def _by_cluster(values: Tensor, cluster: Tensor) -> Tensor:
    """The means of the clusters, in the order in which they begin."""
    many = int(cluster.max()) + 1
    sums = torch.zeros(many, dtype=torch.float64).index_add_(0, cluster, values)
    means = sums / torch.bincount(cluster, minlength=many)
    begins = torch.full((many,), len(values)).scatter_reduce_(0, cluster, torch.arange(len(values)), "amin")
    return means[begins.argsort()]


def _promising(columns: Tensor, wide: Tensor) -> Tensor:
    """The columns that are looked at: all, or of very many those that go most with the target."""
    if columns.shape[1] <= _COLUMNS:
        return torch.arange(columns.shape[1])
    exact = columns.double()
    spread = exact.std(0, correction=0).clamp_min(1e-300)
    together = ((exact - exact.mean(0)) / spread).T @ (
        (wide - wide.mean(0)) / wide.std(0, correction=0).clamp_min(1e-9)
    )
    return together.abs().amax(1).topk(_COLUMNS).indices.sort().values


def _one_hot(target: Tensor) -> Tensor:
    kinds, places = target.unique(return_inverse=True)
    return torch.nn.functional.one_hot(places, len(kinds)).double()


def _errors(forecast: Tensor, truth: Tensor, *, numbers: bool) -> Tensor:
    if numbers:
        return (forecast - truth).square()[:, 0]
    return (forecast.argmax(1) != truth.argmax(1)).double()


def _forecast(column: Tensor, wide: Tensor, weight: Tensor, fitted: Tensor, held: Tensor, middle: Tensor) -> Tensor:
    """What the rows of one half with like values in this column say of the rows of the other half."""
    kinds, bins = column.unique(return_inverse=True)
    if len(kinds) <= _VALUES:
        mass = torch.zeros(len(kinds), dtype=torch.float64).index_add_(0, bins[fitted], weight[fitted])
        sums = torch.zeros(len(kinds), wide.shape[1], dtype=torch.float64)
        sums.index_add_(0, bins[fitted], wide[fitted] * weight[fitted, None])
        means = torch.where(mass[:, None] > 0, sums / mass.clamp_min(1e-300)[:, None], middle)
        return means[bins[held]]
    values, order = column[fitted].sort()
    place = torch.searchsorted(values, column[held])
    near = (place[:, None] + torch.arange(-_SIDE, _SIDE + 1)).clamp(0, len(values) - 1)
    return wide[fitted[order[near]]].mean(1)


def _ranks(values: Tensor) -> Tensor:
    """The places of values in their order, equal values sharing one."""
    kinds, place, counts = values.unique(return_inverse=True, return_counts=True)
    del kinds
    return (counts.cumsum(0) - 0.5 * (counts - 1))[place].double()
