"""A loss or a metric as one thing: what predictions for some rows cost. Less is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..statistics import Bootstrap, weighted_mean, whole_sample

#: (scores, rows) → one value a row.
Each = Callable[[Tensor, Tensor], Tensor]
#: (scores, rows) → one number for all of them.
Whole = Callable[[Tensor, Tensor], float]

#: Rows that are evaluated at once when many candidates are compared.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Yardstick:
    """What scores cost, on rows given by their numbers, as a mean over rows or as a whole.

    Attributes:
        rows: how many rows there are.
        each: one value a row, where there is such a thing.
        whole: one number for several rows, where there is not; it respects their weights itself.
        weight: what each row counts for; None for 1.
    """

    rows: int
    each: Each | None = None
    whole: Whole | None = None
    weight: Tensor | None = None

    @property
    def decomposable(self) -> bool:
        """Whether it is a mean over rows."""
        return self.each is not None

    def values(self, scores: Tensor, rows: Tensor | None = None) -> Tensor:
        """One value for each of these rows."""
        if self.each is None:
            raise TypeError("this is measured on whole samples, so a row has no value of its own")
        return self.each(scores, torch.arange(self.rows) if rows is None else rows).detach().double()

    def mean(self, scores: Tensor, rows: Tensor | None = None) -> float:
        """What the scores cost on these rows."""
        rows = torch.arange(self.rows) if rows is None else rows
        if self.whole is not None:
            return self.whole(scores, rows)
        return weighted_mean(self.values(scores, rows), self._weight(rows))

    def means(self, scores: Tensor, rows: Tensor) -> Tensor:
        """What each of many candidates costs: scores (candidates, rows, ...) become (candidates,)."""
        if self.each is None:
            return torch.tensor([self.mean(one, rows) for one in scores], dtype=torch.float64)
        step = max(1, _AT_ONCE // max(1, scores[0].numel()))
        return torch.cat([self._several(part, rows) for part in scores.split(step)])

    def draws(self, scores: Tensor, bootstrap: Bootstrap) -> Tensor:
        """What each of many candidates costs in each resample: (candidates, all rows, ...) → (candidates, draws)."""
        if self.each is not None:
            return bootstrap.means(torch.stack([self.values(one) for one in scores]))
        return torch.stack(
            [whole_sample(lambda rows, one=one: self.mean(one[rows], rows), bootstrap) for one in scores]
        )

    def _several(self, scores: Tensor, rows: Tensor) -> Tensor:
        found = self.values(scores.flatten(0, 1), rows.repeat(len(scores))).reshape(len(scores), -1)
        weight = self._weight(rows)
        return found.mean(-1) if weight is None else found @ weight / weight.sum()

    def _weight(self, rows: Tensor) -> Tensor | None:
        return None if self.weight is None else self.weight[rows]
