"""NeuralNDCG: NDCG of a list that is put in order by a soft permutation."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide
from ..pieces.gains import discount, normalised_gains


class NeuralNDCG(Listwise):
    """One minus NDCG of a list that is put in order by a soft permutation of its scores.

    NeuralSort gives each place a softmax over the items, softmax(((n + 1 - 2 · place) s_i - Σ_j |s_i - s_j|) /
    temperature): as the temperature goes to 0 all of a place is the item that belongs there, and the value is one minus
    NDCG with gains 2^relevance - 1. The temperature is in units of the scores.

    Rows of the soft permutation add to 1 and columns need not: an item may be counted twice, and another not at all, so
    that NDCG can exceed 1 and the value fall below 0 while scores are close. `rounds` of Sinkhorn's scaling even both
    out; allRank takes up to 50 and stops early, and returns -NDCG, this less 1. Memory grows with items².

    `k` looks at the first places alone. A place with relevance -inf is empty, whatever its score; a list without a
    relevant item costs 0.

    Shapes: scores and relevance (*batch, items), one list in the last axis; relevance graded, below 0 counts as 0.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[0.0, 9.0, 5.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.NeuralNDCG(temperature=0.1)(scores, relevance)  # third: 1 - 1 / log2(4)
    tensor(0.5000)
    """

    temperature: float = param(default=1.0, above=0, help="how soft the order is, in units of the score")
    k: int | None = param(default=None, at_least=1, quiet=True, help="the places that NDCG looks at; None for all")
    rounds: int = param(
        default=0, at_least=0, typical=(5,), quiet=True, help="how often columns and rows are evened out"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "best and 1 - sum([sum([p * g for p, g in zip(row, gain)]) / log(2 + t) for t, row in enumerated]) / best",
            n="len(scores)",
            gain="[max(0, 2**y - 1) for y in relevance]",
            far="[sum([abs(s - z) for z in scores]) for s in scores]",
            enumerated="[(t, softmax([((n - 1 - 2 * t) * s - a) / temperature for s, a in zip(scores, far)]))"
            " for t in range(n)]",
            worse="[1 + len([x for x in gain if x > g]) for g in gain]",
            below="[len([x for x in gain if x == g]) for g in gain]",
            best="sum([g * sum([1 / log(1 + w + t) for t in range(m)]) / m for g, w, m in zip(gain, worse, below)])",
        ),
        convex=False,
        bounded_below=True,
        slope="vanishing",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="You are judged by NDCG, lists are short, and a value that follows it is wanted.",
        when_not="Lists are long (LambdaRank), or training starts far from a good order (ListNet).",
        points={"perfect": 0},
        sizes={"batch": 256},
        aliases=("neuralNDCG", "NeuralSort NDCG", "differentiable sorting"),
        tags=("ranking", "listwise", "NDCG", "NeuralSort", "Sinkhorn", "differentiable sorting", "top"),
        cite=("Pobrotyn & Białobrzeski 2021, arXiv:2102.07831", "Grover et al. 2019, arXiv:1903.08850 (NeuralSort)"),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        gains = normalised_gains(wide(relevance), there, self.k)
        order = soft_order(wide(torch.where(there, scores, torch.zeros_like(scores))), there, self.temperature)
        for _ in range(self.rounds):
            order = order / order.sum(-2, keepdim=True).clamp(min=1e-10)
            order = order / order.sum(-1, keepdim=True).clamp(min=1e-10)
        place = torch.arange(1, scores.shape[-1] + 1, device=scores.device).to(order.dtype)
        found = ((order * gains.unsqueeze(-2)).sum(-1) / discount(place))[..., : self.k].sum(-1)
        value = torch.where(gains.sum(-1) > 0, 1 - found, torch.zeros_like(found))
        return torch.where(relevance.isnan().any(-1), torch.nan, value).to(scores.dtype)


def soft_order(score: Tensor, there: Tensor, temperature: float) -> Tensor:
    """For each place, the highest first, how far each item stands there; empty places hold nothing."""
    both = there.unsqueeze(-1) & there.unsqueeze(-2)
    far = torch.where(both, (score.unsqueeze(-1) - score.unsqueeze(-2)).abs(), torch.zeros((), dtype=score.dtype))
    count = there.sum(-1, keepdim=True)
    place = torch.arange(1, score.shape[-1] + 1, device=score.device)
    lift = (count + 1 - 2 * place).to(score.dtype).unsqueeze(-1)
    fit = (lift * score.unsqueeze(-2) - far.sum(-1).unsqueeze(-2)) / temperature
    # Items that are not there stand nowhere; where nothing is there, the softmax still needs something to share.
    fit = torch.where(there.unsqueeze(-2), fit, torch.full_like(fit, -1e300 if fit.dtype == torch.float64 else -1e38))
    return fit.softmax(-1) * there.unsqueeze(-2) * (place <= count).unsqueeze(-1)
