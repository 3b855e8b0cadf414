"""Metrics of a list by soft places: ApproxNDCG, ApproxMRR, and ranks held against ranks."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide
from ..pieces.gains import discount, normalised_gains
from ..pieces.soft_ranks import middle_ranks


class ApproxNDCG(Listwise):
    """One minus NDCG, with soft places of the items instead of their ranks.

    The place of an item is 1 + Σ sigmoid((s_j - s_i) / temperature) over the others: as the temperature goes to 0 it
    is the rank, and the value one minus NDCG, with gains 2^relevance - 1. A score has a gradient while others are
    within a few temperatures of it, so the temperature is in units of the scores, and libraries differ by ten times:
    1 in allRank (its alpha is 1 / temperature), 0.1 in TF-Ranking. They also return -NDCG, this less 1.

    Above 0 the temperature blurs the places even of a perfect order, so 0 is not reached at scores near each other.
    A place with relevance -inf is empty, whatever its score; a list without a relevant item costs 0.

    Shapes: scores and relevance (*batch, items), one list in the last axis; relevance graded, below 0 counts as 0.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[0.0, 9.0, 5.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.ApproxNDCG(temperature=0.1)(scores, relevance)  # third: 1 - 1 / log2(4)
    tensor(0.5000)
    """

    temperature: float = param(
        default=1.0, above=0, typical=(0.1,), help="how near scores share a place, in their unit"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "best and 1 - sum([g / log(1 + r) for g, r in zip(gain, place)]) / best",
            place="[1 + sum([sigmoid((z - s) / temperature) for z in scores]) - 0.5 for s in scores]",
            gain="[max(0, 2**y - 1) for y in relevance]",
            worse="[1 + len([x for x in gain if x > g]) for g in gain]",
            below="[len([x for x in gain if x == g]) for g in gain]",
            best="sum([g * sum([1 / log(1 + w + t) for t in range(n)]) / n for g, w, n in zip(gain, worse, below)])",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="You are judged by NDCG, and want a value that follows it.",
        when_not="Training starts far from a good order, where it is flat (ListNet, LambdaRank).",
        points={"perfect": 0, "floor": 0},
        sizes={"batch": 256},
        aliases=("approxNDCGLoss", "ApproxNDCGLoss", "approximate NDCG", "smooth NDCG", "NDCG"),
        tags=("ranking", "listwise", "learning to rank", "retrieval", "top", "differentiable", "NDCG"),
        cite=("Qin, Liu & Li 2010, doi:10.1007/s10791-009-9124-x",),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        gains = normalised_gains(wide(relevance), there)
        value = (gains / discount(soft_places(scores, there, self.temperature))).sum(-1)
        some = gains.sum(-1) > 0
        return _known(torch.where(some, 1 - value, torch.zeros_like(value)), relevance, scores)


class ApproxMRR(Listwise):
    """One minus the mean reciprocal rank of what is relevant, with soft places instead of ranks.

    1 - Σ y / place / Σ y, with places as in ApproxNDCG and relevance y as the weight of an item. With one relevant item
    it is one minus its reciprocal rank. With several it is the mean over them, as in TF-Ranking, and not the metric,
    which looks at the first of them alone.

    A place with relevance -inf is empty, whatever its score; a list without a relevant item costs 0.

    Shapes: scores and relevance (*batch, items), one list in the last axis; relevance below 0 counts as 0.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[0.0, 9.0, 5.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.ApproxMRR(temperature=0.1)(scores, relevance)  # third: 1 - 1 / 3
    tensor(0.6667)
    """

    temperature: float = param(
        default=1.0, above=0, typical=(0.1,), help="how near scores share a place, in their unit"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "sum(y) and 1 - sum([a / r for a, r in zip(y, place)]) / sum(y)",
            place="[1 + sum([sigmoid((z - s) / temperature) for z in scores]) - 0.5 for s in scores]",
            y="[max(0, x) for x in relevance]",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="One item of a list is right, and you are judged by its reciprocal rank.",
        when_not="Several are relevant by degrees (ApproxNDCG), or training starts far from a good order (ListNet).",
        points={"floor": 0},
        sizes={"batch": 256},
        aliases=("approx_mrr_loss", "ApproxMRRLoss", "mean reciprocal rank", "MRR"),
        tags=("ranking", "listwise", "learning to rank", "retrieval", "top", "differentiable", "MRR"),
        cite=("Qin, Liu & Li 2010, doi:10.1007/s10791-009-9124-x",),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        share = wide(torch.where(there, relevance, torch.zeros_like(relevance)).clamp(min=0))
        total = share.sum(-1)
        value = (share / soft_places(scores, there, self.temperature)).sum(-1)
        value = value / torch.where(total > 0, total, torch.ones_like(total))
        return _known(torch.where(total > 0, 1 - value, torch.zeros_like(value)), relevance, scores)


class ApproxRankMSE(Listwise):
    """The squared error of soft places against true ranks, where the top of the list counts most.

    The mean over the items of (place - rank)² / log2(1 + rank), for the rank by relevance, 1 for the most relevant and
    ties in the middle, and soft places as in ApproxNDCG. For learning the order that a large ranker gave: give its
    scores, or the negative of its ranks, as relevance. Only their order counts.

    A place with relevance -inf is empty, whatever its score. sentence-transformers takes the mean over the items of all
    lists together, and so long lists weigh more there.

    Shapes: scores and relevance (*batch, items), one list in the last axis.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[0.0, 9.0]]), torch.tensor([[1.0, 0.0]])
    >>> wald.ApproxRankMSE(temperature=0.1)(scores, relevance)  # (1 / log2(2) + 1 / log2(3)) / 2
    tensor(0.8155)
    """

    temperature: float = param(
        default=1.0, above=0, typical=(0.1,), help="how near scores share a place, in their unit"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "mean([(r - t)**2 * log(2) / log(1 + t) for r, t in zip(place, rank)])",
            place="[1 + sum([sigmoid((z - s) / temperature) for z in scores]) - 0.5 for s in scores]",
            rank="[len([x for x in relevance if x > y]) + (len([x for x in relevance if x == y]) + 1) / 2"
            " for y in relevance]",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="A small ranker is to learn the order that a large one gave.",
        when_not="The teacher's scores mean something too (MarginMSE).",
        points={"floor": 0},
        sizes={"batch": 256},
        aliases=("ADR-MSE", "ADRMSELoss", "approximate discounted rank MSE"),
        ports={"sentence_transformers.cross_encoder.losses.ADRMSELoss": {}},
        tags=("ranking", "listwise", "learning to rank", "retrieval", "top", "differentiable", "distillation"),
        cite=("Schlatt et al. 2025, arXiv:2405.07920",),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        rank = middle_ranks(-wide(torch.where(there, relevance, torch.zeros_like(relevance))), there)
        off = soft_places(scores, there, self.temperature) - rank
        costs = torch.where(there, off.square() / discount(rank), torch.zeros_like(off))
        return _known(costs.sum(-1) / there.sum(-1).clamp(min=1), relevance, scores)


def soft_places(scores: Tensor, there: Tensor, temperature: float) -> Tensor:
    """1 + how many others score higher, each counted by a sigmoid; 1 for an empty place."""
    score = wide(torch.where(there, scores, torch.zeros_like(scores))) / temperature
    higher = torch.sigmoid(score.unsqueeze(-2) - score.unsqueeze(-1))
    met = there.unsqueeze(-2) & there.unsqueeze(-1)
    # Half of an item is above itself, which is taken off again.
    return 0.5 + (higher * met).sum(-1) + 0.5 * ~there


def _known(value: Tensor, relevance: Tensor, scores: Tensor) -> Tensor:
    """NaN where the relevance of an item is not known."""
    return torch.where(relevance.isnan().any(-1), torch.nan, value).to(scores.dtype)
