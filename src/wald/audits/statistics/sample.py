"""The rows that are measured: what each counts for, and which belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .bootstrap import Bootstrap, weighted_mean
from .random import generator


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows, as every statistic must treat them.

    Attributes:
        rows: how many there are.
        seed: what every random number about them comes from.
        weight: what each counts for, (rows,) float64, above 0; None for 1.
        cluster: the number of the cluster that each belongs to, (rows,) from 0; None where each stands alone.
        ordered: whether they come in order of time, so that neighbours are alike.
    """

    rows: int
    seed: int = 0
    weight: Tensor | None = None
    cluster: Tensor | None = None
    ordered: bool = False

    def mean(self, values: Tensor) -> float:
        """Σwx / Σw."""
        return weighted_mean(values, self.weight)

    def means(self, values: Tensor) -> Tensor:
        """Σwx / Σw along the last axis: (..., rows) become (...)."""
        values = values.double()
        return values.mean(-1) if self.weight is None else values @ self.weight / self.weight.sum()

    def errors(self, values: Tensor) -> Tensor:
        """The standard errors of these means, without resampling: (..., rows) become (...).

        What a cluster, or a run of neighbours in time, has in common is not counted as if it were seen afresh in
        each of its rows. Liang & Zeger 1986, doi:10.1093/biomet/73.1.13. Unknown (infinite) of a single unit.
        """
        values = values.double()
        parts = values - self.means(values)[..., None]
        if self.weight is not None:
            parts = parts * self.weight
        unit = self.unit
        if unit is not None:
            parts = torch.zeros(*parts.shape[:-1], self.units, dtype=torch.float64).index_add(-1, unit, parts)
        many = parts.shape[-1]
        if many < 2:
            return torch.full(values.shape[:-1], torch.inf, dtype=torch.float64)
        total = float(self.rows) if self.weight is None else float(self.weight.sum())
        return (parts.square().sum(-1) * many / (many - 1)).sqrt() / total

    def bootstrap(self, draws: int) -> Bootstrap:
        """Resamples of the rows."""
        block = 0
        # Clusters that follow each other, such as days, are drawn in runs like rows.
        if self.ordered and (self.cluster is None or bool((self.cluster.diff() >= 0).all())):
            block = run_length(self.rows if self.cluster is None else int(self.cluster.max()) + 1)
        return Bootstrap(self.rows, draws, self.seed, weight=self.weight, cluster=self.cluster, block=block)

    def part(self, rows: Tensor) -> Sample:
        """Some of the rows, as a sample of their own."""
        return Sample(
            len(rows),
            self.seed,
            None if self.weight is None else self.weight[rows],
            None if self.cluster is None else self.cluster[rows].unique(return_inverse=True)[1],
            self.ordered,
        )

    def halves(self, *purpose: object) -> tuple[Tensor, Tensor]:
        """Two random halves of the rows, by their numbers.

        No cluster is split; and rows in order of time are halved into early and late.
        """
        source = generator(self.seed, "halves", *purpose)
        if self.cluster is not None:
            clusters = int(self.cluster.max()) + 1
            side = torch.zeros(clusters, dtype=torch.bool)
            first = torch.arange(clusters) if self.ordered else torch.randperm(clusters, generator=source)
            side[first[: clusters // 2]] = True
            return side[self.cluster].nonzero()[:, 0], (~side[self.cluster]).nonzero()[:, 0]
        order = torch.arange(self.rows) if self.ordered else torch.randperm(self.rows, generator=source)
        first, second = order.tensor_split(2)
        return first, second

    @cached_property
    def unit(self) -> Tensor | None:
        """What rows share what happened to them: the cluster of each, or its run of neighbours in time, (rows,).

        None where each row stands alone. Tests that flip signs flip these as wholes.
        """
        if self.cluster is not None and self.cluster.numel():
            return self.cluster if int(self.cluster.max()) + 1 < self.rows else None
        return torch.arange(self.rows) // run_length(self.rows) if self.ordered else None

    @cached_property
    def units(self) -> int:
        """How many things stand alone: rows, clusters or runs of time."""
        return self.rows if self.unit is None else int(self.unit.max()) + 1

    @cached_property
    def effective(self) -> float:
        """How many rows of equal weight would know as much: (Σw)² / Σw². Kish 1965, Survey Sampling."""
        if self.weight is None:
            return float(self.rows)
        return float(self.weight.sum().square() / self.weight.square().sum())

    def effective_for(self, happened: Tensor) -> float:
        """How many independent rows of equal weight would know the share of this as well, (rows,) in {0, 1}.

        The number that `wilson` takes as trials. Of what always or never happened the clusters cannot be judged;
        then a cluster counts as one row.
        """
        share = self.mean(happened)
        spread = share * (1 - share)
        if self.unit is None:
            return self.effective
        if spread <= 0:
            weight = torch.ones(self.rows, dtype=torch.float64) if self.weight is None else self.weight
            mass = torch.zeros(self.units, dtype=torch.float64).index_add(0, self.unit, weight)
            return float(mass.sum().square() / mass.square().sum())
        error = float(self.errors(happened))
        return min(self.effective, spread / error**2) if error > 0 else self.effective


def run_length(rows: int) -> int:
    """A mean length of blocks that grows as it should, with the cube root of the rows, where neighbours are alike."""
    return max(2, round(2 * rows ** (1 / 3)))
