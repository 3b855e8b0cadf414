"""Consistency resampling: what would be seen if forecasts meant what they say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .permutation import permutation_p

#: Random numbers that are worth holding at once.
_AT_ONCE = 6_000_000


@dataclass(frozen=True, eq=False)
class Gaps:
    """Sums over rows of something times (label - chance), and how they come out by chance.

    Attributes:
        observed: (sums,).
        drawn: with labels drawn from the chances, each on its own, (sums, draws).
        flipped: with the sign of each cluster's part of the sum drawn anew, (sums, draws); None without clusters.
        rounding: sums that differ less than this are equal, (sums,).
    """

    observed: Tensor
    drawn: Tensor
    flipped: Tensor | None
    rounding: Tensor

    @property
    def p(self) -> list[float]:
        """The p-value of each sum: too far from 0, on either side."""
        observed = (self.observed.abs() - self.rounding).tolist()
        # With clusters both stories must be ruled out: labels that depend on each other are not drawn one by one,
        # and signs alone do not know how lopsided rare events are.
        nulls = [self.drawn] if self.flipped is None else [self.drawn, self.flipped]
        return [max(permutation_p(one, null[i].abs()) for null in nulls) for i, one in enumerate(observed)]

    def band(self, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """The range that holds each sum with this chance, (sums,) and (sums,): the wider one with clusters."""
        ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
        low, high = torch.quantile(self.drawn, ends, dim=-1)
        if self.flipped is not None:
            lower, higher = torch.quantile(self.flipped, ends, dim=-1)
            low, high = torch.minimum(low, lower), torch.maximum(high, higher)
        return low, high


def consistency(
    factor: Tensor,
    chance: Tensor,
    label: Tensor,
    draws: int,
    source: torch.Generator,
    *,
    cluster: Tensor | None = None,
) -> Gaps:
    """Σ factor · (label - chance) for several factors, against labels drawn from the chances.

    Bröcker & Smith 2007, doi:10.1175/WAF993.1. Labels of one cluster may depend on each other, which forecasts do
    not say; then the part of each cluster, of mean 0 if the forecasts are right, keeps its size and changes its
    sign at random (Cameron, Gelbach & Miller 2008, doi:10.1162/rest.90.3.414).

    Args:
        factor: (sums, rows); weights of rows belong into it.
        chance: the forecasts, (rows,) in [0, 1].
        label: what happened, (rows,) in {0, 1}.
        draws: how many.
        source: what they are drawn from.
        cluster: the number of the cluster of each row, from 0; None where each row stands alone.

    >>> chance = torch.full((400,), 0.3, dtype=torch.float64)
    >>> happened = (torch.arange(400) % 2).double()
    >>> gaps = consistency(torch.ones(1, 400), chance, happened, 199, torch.Generator().manual_seed(0))
    >>> gaps.p[0] < 0.01
    True
    """
    factor, chance, label = factor.double(), chance.double(), label.double()
    rows = len(chance)
    step = max(1, _AT_ONCE // max(1, rows))
    expected = factor @ chance
    parts: list[Tensor] = []
    for start in range(0, draws, step):
        some = min(step, draws - start)
        # Random numbers to seven digits are enough to draw labels, and take half the time.
        happened = (torch.rand(some, rows, generator=source) < chance).double()
        parts.append(factor @ happened.T - expected[:, None])
    own = factor * (label - chance)
    flipped = None if cluster is None else sign_flips(own, cluster, draws, source)
    return Gaps(own.sum(-1), torch.cat(parts, -1), flipped, 1e-11 * factor.abs().sum(-1))


def sign_flips(values: Tensor, cluster: Tensor | None, draws: int, source: torch.Generator) -> Tensor:
    """Sums of values whose clusters' parts take a random sign each: (sums, rows) become (sums, draws).

    What the sums do by chance, where each cluster's part has mean 0, whatever goes on inside a cluster. Without
    clusters each row takes its own sign.
    """
    values = values.double()
    if cluster is not None:
        units = int(cluster.max()) + 1
        values = torch.zeros(len(values), units, dtype=torch.float64).index_add(1, cluster, values)
    units = values.shape[-1]
    step = max(1, _AT_ONCE // max(1, units))
    parts: list[Tensor] = []
    for start in range(0, draws, step):
        some = min(step, draws - start)
        signs = 2.0 * torch.randint(2, (units, some), generator=source).double() - 1
        parts.append(values @ signs)
    return torch.cat(parts, -1)
