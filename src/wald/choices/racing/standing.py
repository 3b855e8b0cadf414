"""What held-out predictions are worth, with all pairs of candidates on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, nan
from typing import Any

import torch
from torch import Tensor

from ...audits.statistics import Bootstrap, Sample, generator
from ...audits.statistics.bootstrap import FEWEST
from .folds import Split
from .orders import Kind, Order, ranking_kind
from .problem import Problem
from .reading import Judge
from .tables import tensor

#: Resamples for a metric that is no mean over rows.
_DRAWS = 200

#: What one candidate predicts for the held-out rows of each division, in the order of divisions.
Predictions = Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class Standing:
    """The metric of several predictions of the same rows, the last of them a constant, and how surely they differ.

    The variance of a difference has two parts. What other test rows would have said is known from the rows (or
    clusters, runs of time, or resamples of them). What other training rows and seeds would have changed is what
    folds differ by beyond that; it counts 1/J + 1/(K-1) for J divisions into K folds, as the models of different
    folds share most of their rows: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366. They apply this to both parts
    together; but held-out rows are not shared by folds, and there are many more of them than folds to know them by.

    Attributes:
        values: the metric of each, (k,), as people read it.
        costs: the same with less better, (k,).
        rows: covariances of these means by the rows, (k, k).
        splits: the costs in each division, (k, J).
        folds: into how many parts rows were dealt.
        units: how many independent things were held out.
        same: which cannot be told apart on any row, (k, k).
    """

    values: Tensor
    costs: Tensor
    rows: Tensor
    splits: Tensor
    folds: int
    units: int
    same: Tensor

    @cached_property
    def training(self) -> Tensor:
        """The variance of each difference by training, (k, k)."""
        many = self.splits.shape[1]
        if many < 2:
            return torch.zeros_like(self.rows)
        gaps = self.splits[:, None] - self.splits[None]
        known = gaps.isfinite()
        count = known.sum(-1)
        middle = gaps.nan_to_num(0.0).sum(-1) / count.clamp_min(1)
        away = torch.where(known, gaps - middle[..., None], 0.0)
        spread = away.square().sum(-1) / (count - 1).clamp_min(1)
        # A division holds a part of the rows, so by rows alone it varies as much more. (With repeats a single one
        # varies more than their average, which errs on the careful side.)
        expected = self.folds * self.by_rows
        # What a few folds say of one pair is a guess; half of it is what all pairs say together, which makes twice
        # the degrees of freedom. Smyth 2004, doi:10.2202/1544-6115.1027, has the idea and a finer rule. A constant
        # learns next to nothing, so that what is compared with it is typical of itself alone.
        constant = torch.zeros_like(self.same)
        constant[-1] = constant[:, -1] = True
        for of_kind in (constant, ~constant):
            counted = of_kind & (expected > 0) & expected.isfinite() & spread.isfinite()
            if bool(counted.any()):
                ratio = spread[counted] / expected[counted]
                typical = ratio.median() if of_kind is constant else ratio.mean()
                spread = torch.where(counted, (spread + typical * expected) / 2, spread)
        beyond = (spread - expected).clamp_min(0)
        return torch.where(self.same, 0.0, beyond * (1 / many + 1 / max(1, self.folds - 1)))

    @cached_property
    def by_rows(self) -> Tensor:
        """The variance of each difference by rows, (k, k)."""
        own = self.rows.diagonal()
        found = own[:, None] + own[None] - 2 * self.rows
        return torch.where(self.same, 0.0, found.clamp_min(0))

    @cached_property
    def errors(self) -> Tensor:
        """The standard error of each difference, (k, k)."""
        return (self.by_rows + self.training).sqrt()

    def halves(self, pairs: Sequence[tuple[int, int]], level: float = 0.95) -> Tensor:
        """Half the width of the intervals of these differences that hold for all of them at once, (pairs,).

        The largest of all standardised differences is drawn from the normal law with the covariances of the rows.
        Either part of the variance is then taken as far out as its own degrees of freedom demand.
        """
        from scipy.stats import norm, t  # pyright: ignore[reportMissingTypeStubs]

        first, second = torch.tensor(list(pairs), dtype=torch.long).reshape(-1, 2).T
        by_rows, training = self.by_rows[first, second], self.training[first, second]
        drawn = self._drawn[first] - self._drawn[second]
        counted = (by_rows > 0) & by_rows.isfinite()
        width = float(norm.ppf((1 + level) / 2))
        if int(counted.sum()) > 1:
            width = float(torch.quantile((drawn[counted] / by_rows[counted, None].sqrt()).abs().amax(0), level))
        tail = float(norm.cdf(width))
        freedom = (self.units - 1, 2 * (self.splits.shape[1] - 1))
        seen, learned = (float(t.ppf(tail, max(1, one))) for one in freedom)
        half = (by_rows * seen**2 + training * learned**2).sqrt()
        return torch.where(self.same[first, second], 0.0, half.nan_to_num(inf, inf))

    @cached_property
    def _drawn(self) -> Tensor:
        """Costs as they would vary by the rows alone, (k, draws)."""
        cov = self.rows.nan_to_num(0.0, 0.0, 0.0)
        size, turn = torch.linalg.eigh(cov)
        root = turn * size.clamp_min(0).sqrt()
        return root @ torch.randn(len(cov), 10_000, generator=generator(0, "max-t", len(cov)), dtype=torch.float64)


def standing(
    predictions: Sequence[Predictions], problem: Problem, judge: Judge, splits: Sequence[Split], seed: int
) -> Standing:
    """Judge several predictions of the same held-out rows."""
    folds = len({split.fold for split in splits})
    tested, place = torch.unique(torch.cat([tensor(split.test) for split in splits]), return_inverse=True)
    where = list(place.split([len(split.test) for split in splits]))
    sample = _sample(problem, tested, seed)
    if judge.metric.decomposable:
        found = _of_rows(predictions, problem, judge, splits, where, sample)
    else:
        found = _of_samples(predictions, problem, judge, splits, where, sample)
    costs, rows, parts, same = found
    few = sample.cluster is not None and int(sample.cluster.max()) + 1 < FEWEST
    values = torch.tensor([judge.metric.natural(one) for one in costs.tolist()], dtype=torch.float64)
    return Standing(values, costs, torch.full_like(rows, inf) if few else rows, parts, folds, sample.units, same)


def _sample(problem: Problem, tested: Tensor, seed: int) -> Sample:
    cluster = None
    if problem.cluster is not None:
        cluster = torch.unique(tensor(problem.cluster)[tested], return_inverse=True)[1]
    weight = None if problem.weight is None else problem.weight[tested]
    return Sample(len(tested), seed, weight, cluster, problem.ordered)


def _of_rows(
    predictions: Sequence[Predictions], problem: Problem, judge: Judge, splits: Sequence[Split], where: list[Tensor],
    sample: Sample,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    values = torch.zeros(len(predictions), sample.rows, dtype=torch.float64)
    times = torch.zeros(sample.rows, dtype=torch.float64)
    parts = torch.full((len(predictions), len(splits)), nan, dtype=torch.float64)
    for place, (split, rows) in enumerate(zip(splits, where, strict=True)):
        times[rows] += 1
        part = sample.part(rows)
        for one, predicted in enumerate(predictions):
            cost = row_costs(predicted[place], split, problem, judge)
            values[one, rows] += cost
            parts[one, place] = part.mean(cost)
    values /= times
    centred = values - sample.means(values)[:, None]
    if sample.weight is not None:
        centred = centred * sample.weight
    if (unit := sample.unit) is not None:
        centred = torch.zeros(len(values), sample.units, dtype=torch.float64).index_add(1, unit, centred)
    many = centred.shape[1]
    total = float(sample.rows) if sample.weight is None else float(sample.weight.sum())
    rows = centred @ centred.T * (many / max(1, many - 1)) / total**2
    scale = values.abs().mean(-1)
    same = torch.stack([
        (values - one).abs().amax(-1) <= 1e-9 * (1e-300 + torch.maximum(scale, scale[place]))
        for place, one in enumerate(values)
    ])  # fmt: skip
    return sample.means(values), rows, parts, same


def row_costs(predicted: Tensor, split: Split, problem: Problem, judge: Judge) -> Tensor:
    """What each held-out row costs by a metric that is a mean over rows, less being better."""
    index = tensor(split.test)
    columns = {name: values[index] for name, values in problem.columns.items()}
    found = judge.metric.values(predicted, judge.truth(problem.target[index]), columns)
    return judge.metric.shortfall(found)


def _of_samples(
    predictions: Sequence[Predictions], problem: Problem, judge: Judge, splits: Sequence[Split], where: list[Tensor],
    sample: Sample,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """The metric of whole samples, by resamples of the rows.

    A metric that orders rows is averaged over the folds, as scores of two models share no scale; one that counts
    decisions is that of all rows at once. Forman & Scholz 2010, doi:10.1145/1882471.1882479.
    """
    indices = [tensor(split.test) for split in splits]
    targets = [problem.target[index] for index in indices]
    beside = [{name: values[index] for name, values in problem.columns.items()} for index in indices]
    batches = [[place] for place in range(len(splits))]
    if not judge.ranks:
        repeats = sorted({split.repeat for split in splits})
        batches = [[p for p, split in enumerate(splits) if split.repeat == one] for one in repeats]

    def judged(one: Predictions, batch: list[int], mass: Tensor | None, chosen: Tensor | None) -> float:
        natural = torch.cat([one[place] for place in batch])
        target = torch.cat([targets[place] for place in batch])
        columns = {name: torch.cat([beside[place][name] for place in batch]) for name in problem.columns}
        if chosen is not None:
            natural, target = natural[chosen], target[chosen]
            columns = {name: values[chosen] for name, values in columns.items()}
        try:
            return judge.cost(natural, target, columns, mass)
        except ValueError:
            # Such as a resample with one class only, which a metric of another library refuses.
            return nan

    def average(one: Predictions, mass: Tensor | None, chosen: Tensor | None = None) -> float:
        found: list[float] = []
        for batch in batches:
            rows = torch.cat([where[place] for place in batch])
            if chosen is None:
                found.append(judged(one, batch, None if mass is None else mass[rows], None))
                continue
            times = torch.bincount(chosen, minlength=sample.rows)[rows]
            found.append(judged(one, batch, None, torch.arange(len(rows)).repeat_interleave(times)))
        known = [value for value in found if isfinite(value)]
        return sum(known) / len(known) if known else nan

    bootstrap = sample.bootstrap(_DRAWS)
    if ranked := ranking_kind(judge.metric):
        draws = _ranked(predictions, targets, where, bootstrap, ranked)
        draws = judge.metric.shortfall(draws)
    elif judge.metric.weighs:
        draws = torch.tensor(
            [[average(one, mass) for one in predictions] for masses in bootstrap.masses() for mass in masses],
            dtype=torch.float64,
        ).T
    else:
        draws = torch.tensor(
            [[average(one, None, chosen) for one in predictions] for chosen in bootstrap.indices()], dtype=torch.float64
        ).T
    costs = torch.tensor([average(one, sample.weight) for one in predictions], dtype=torch.float64)
    parts = torch.tensor(
        [
            [judged(one, [place], None if sample.weight is None else sample.weight[where[place]], None)
             for place in range(len(splits))]
            for one in predictions
        ], dtype=torch.float64,
    )  # fmt: skip
    parts = torch.where(parts.isfinite(), parts, nan)
    whole = draws[:, draws.isfinite().all(0)]
    enough = whole.shape[1] >= 20
    rows = torch.cov(whole) if enough else torch.full((len(predictions),) * 2, inf, dtype=torch.float64)
    rows = rows.reshape(len(predictions), len(predictions))
    same = torch.stack([
        (draws - one).abs().nan_to_num(0.0).amax(-1) <= 1e-9 * (1e-300 + one.abs().nan_to_num(0.0).mean())
        for one in draws
    ]) & (costs[:, None] - costs[None]).abs().le(1e-9)  # fmt: skip
    return costs, rows, parts, same


def _ranked(
    predictions: Sequence[Predictions], targets: list[Tensor], where: list[Tensor], bootstrap: Bootstrap, kind: Kind
) -> Tensor:
    """A metric of order in every resample, averaged over the divisions in which it is defined, (k, draws)."""
    orders = [[Order.of(*part) for part in zip(one, targets, strict=True)] for one in predictions]
    drawn: list[Tensor] = []
    for masses in bootstrap.masses():
        # One row's counts in all draws lie together, so that sorting them moves blocks of memory.
        turned = masses.T.contiguous()
        total = torch.zeros(len(orders), len(masses), dtype=torch.float64)
        known = torch.zeros_like(total)
        for one, parts in enumerate(orders):
            for order, rows in zip(parts, where, strict=True):
                found = order.measured(turned.index_select(0, rows[order.order]), kind)
                total[one] += found.nan_to_num(0.0)
                known[one] += found.isfinite()
        drawn.append(total / known)
    return torch.cat(drawn, -1)


def calibration(natural: Any, target: Tensor, weight: Tensor | None, bins: int = 10) -> tuple[float, float, float]:
    """The mean gap between what is predicted and what is observed in tenths of the predictions, and both means."""
    predicted, seen = natural.double(), target.double()
    mass = torch.ones_like(predicted) if weight is None else weight
    order = predicted.argsort(stable=True)
    gap = torch.stack([
        ((predicted - seen)[rows] * mass[rows]).sum().abs() for rows in order.tensor_split(min(bins, len(order)))
    ])  # fmt: skip
    whole = mass.sum()
    return float(gap.sum() / whole), float((predicted * mass).sum() / whole), float((seen * mass).sum() / whole)
