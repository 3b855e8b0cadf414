"""Metrics of order in many resamples at once: rows are sorted once, and only what they count for changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...audits import Metric

Kind = Literal["area", "precision"]


@dataclass(frozen=True, eq=False)
class Order:
    """Rows from the highest score down, as far as positives need to know.

    Attributes:
        order: the numbers of the rows in this order, (rows,).
        positive: the places of the positives in it, (positives,).
        above: the place before the first row of each positive's score, -1 for none, (positives,).
        last: the place of the last row of each positive's score, (positives,).
        hits: the last positive of each positive's score, among the positives, (positives,).
    """

    order: Tensor
    positive: Tensor
    above: Tensor
    last: Tensor
    hits: Tensor

    @classmethod
    def of(cls, score: Tensor, target: Tensor) -> Order:
        """Sorted."""
        ordered, order = score.double().sort(descending=True, stable=True)
        _, tie, size = ordered.unique_consecutive(return_inverse=True, return_counts=True)
        ends = size.cumsum(0)
        positive = (target >= 0.5)[order].nonzero()[:, 0]
        mine = tie[positive]
        hits = torch.searchsorted(mine, mine, right=True) - 1
        return cls(order, positive, (ends - size)[mine] - 1, ends[mine] - 1, hits)

    def measured(self, mass: Tensor, kind: Kind) -> Tensor:
        """The area under the ROC curve or the average precision, (draws,).

        Args:
            mass: what each row counts for in each draw, in this order, (rows, draws).
            kind: which of the two.

        Returns:
            NaN where a draw has no positive, or no negative for the area.
        """
        every = mass.cumsum(0)
        ups = mass.index_select(0, self.positive)
        hits = ups.cumsum(0)
        if not len(hits):
            return torch.full(mass.shape[1:], torch.nan, dtype=torch.float64)
        positives, negatives = hits[-1], every[-1] - hits[-1]
        at = hits.index_select(0, self.hits)
        over = every.index_select(0, self.last)
        if kind == "precision":
            found = (ups * at / over.clamp_min(1e-300)).sum(0) / positives
            return torch.where(positives > 0, found, torch.nan)
        # Negatives at or above a score, and those above it; half of those at it count.
        first = torch.where(self.above[:, None] >= 0, every.index_select(0, self.above.clamp_min(0)), 0.0)
        before = torch.searchsorted(self.hits, self.hits) - 1
        first = first - torch.where(before[:, None] >= 0, hits.index_select(0, before.clamp_min(0)), 0.0)
        found = 1 - (ups * (over - at + first)).sum(0) / (2 * positives * negatives)
        return torch.where((positives > 0) & (negatives > 0), found, torch.nan)


def ranking_kind(metric: Metric) -> Kind | None:
    """Which of the two the metric is; None for any other, whatever it is called."""
    place = str(getattr(metric.of, "__module__", ""))
    if not place.endswith("audits.metrics.ranking"):
        return None
    kinds: dict[str, Kind] = {"AUC": "area", "average precision": "precision"}
    return kinds.get(metric.name)
