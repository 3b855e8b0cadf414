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

    def bootstrap(self, draws: int) -> Bootstrap:
        """Resamples of the rows."""
        block = run_length(self.rows) if self.ordered and self.cluster is None else 0
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
            side[torch.randperm(clusters, generator=source)[: clusters // 2]] = True
            return side[self.cluster].nonzero()[:, 0], (~side[self.cluster]).nonzero()[:, 0]
        order = torch.arange(self.rows) if self.ordered else torch.randperm(self.rows, generator=source)
        first, second = order.tensor_split(2)
        return first, second

    @cached_property
    def effective(self) -> float:
        """How many rows of equal weight would know as much: (Σw)² / Σw². Kish 1965, Survey Sampling."""
        if self.weight is None:
            return float(self.rows)
        return float(self.weight.sum().square() / self.weight.square().sum())


def run_length(rows: int) -> int:
    """A mean length of blocks that grows as it should, with the cube root of the rows, where neighbours are alike."""
    return max(2, round(2 * rows ** (1 / 3)))
