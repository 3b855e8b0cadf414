"""Soft Spearman: one minus the rank correlation of scores and relevance, by ranks that have a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide
from ..pieces.soft_ranks import Pools, middle_ranks, pools_of_all_means, soft_ranks


class SoftSpearman(Listwise):
    """One minus Spearman's rank correlation, by soft ranks of the scores.

    6 Σ (r - ρ)² / (n³ - n) for a list of n items, with ρ the ranks of relevance and r the soft ranks of the scores:
    the point nearest to scores / strength among all mixtures of rankings. As `strength` goes to 0 the soft ranks
    become the ranks, and the value one minus the rank correlation, between 0 and 2. As it grows they draw together in
    the middle, (n + 1) / 2, and the value comes to 1/2.

    A score has a gradient while some neighbour is within about `strength` of it, so `strength` is in units of the
    scores: much smaller than their gaps teaches nothing. Scores that are equal have equal ranks.

    Equal relevance has its middle rank. A place with relevance -inf is empty, whatever its score: pad lists of
    different lengths so. A list of one item costs 0.

    Shapes: scores and relevance (*batch, items), one list in the last axis; any real relevance, of which only the
    order counts.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[9.0, 0.0, 5.0]]), torch.tensor([[3.0, 2.0, 1.0]])
    >>> wald.SoftSpearman(strength=1.0)(scores, relevance)  # the ranks 3, 1, 2 against 3, 2, 1
    tensor(0.5000)
    >>> wald.SoftSpearman(strength=10.0)(scores, relevance)
    tensor(0.4017)
    """

    strength: float = param(
        default=1.0, above=0, typical=(0.1,), help="how near scores share a rank, in units of the score"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "6 * sum([(s / strength - v[u] - r)**2 for s, u, r in zip(scores, up, rank)]) / (n**3 - n)",
            n="len(scores)",
            up="[len([y for y in scores if y < s]) for s in scores]",
            rank="[1 + len([y for y in relevance if y < x]) for x in relevance]",
            x="[sum([s for s, u in zip(scores, up) if u == k]) / strength - k - 1 for k in range(n)]",
            v="[max([min([mean(x[j:l]) for l in range(k + 1, n + 1)]) for j in range(k + 1)]) for k in range(n)]",
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="vanishing",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="You are judged by Spearman's rank correlation, and every place of the order counts alike.",
        when_not="The top of the list counts most, or scores begin far apart and give no gradient (ListMLE).",
        points={"perfect": 0, "collapse": 0.5, "floor": 0},
        aliases=("Spearman loss", "SpearmanLoss", "soft rank", "soft_rank", "torchsort", "fast soft sort", "SoftRank"),
        tags=("ranking", "listwise", "rank correlation", "Spearman", "differentiable sorting", "isotonic"),
        cite=("Blondel et al. 2020, arXiv:2002.08871",),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        return self.by_pools(scores, relevance, pools_of_all_means)

    def by_pools(self, scores: Tensor, relevance: Tensor, pools: Pools) -> Tensor:
        """The loss, with this way to find the pools of an isotonic regression."""
        if scores.shape[-1] == 0:
            return scores.sum(-1)
        there = relevance != -torch.inf
        ranks = middle_ranks(wide(relevance), there)
        soft = soft_ranks(wide(scores) / self.strength, there, pools)
        count = wide(there.to(scores.dtype)).sum(-1).clamp(min=2)
        off = torch.where(there, soft - ranks, torch.zeros_like(soft)).square().sum(-1)
        values = (6 * off / (count**3 - count)).to(scores.dtype)
        return torch.where(relevance.isnan().any(-1), torch.nan, values)
