"""LambdaRank: pairs of a list, each weighed by what it means for NDCG."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide
from ..pieces.gains import discount, normalised_gains, places
from ..pieces.softplus import softplus


class LambdaRank(Listwise):
    """The logistic loss of the pairs of a list, weighed by what each pair means for NDCG.

    Σ w · log2(1 + exp(-scale · (s_i - s_j))) over the pairs in which item i is more relevant. With G the gain
    2^relevance - 1 over the best DCG of the list, D(r) = log2(1 + r) and r the places by score, w is by `weights`

    - "lambda_rank": |G_i - G_j| · |1/D(r_i) - 1/D(r_j)|, what NDCG changes by if both swap places;
    - "ndcg2": |G_i - G_j| · |1/D(d) - 1/D(d + 1)| for d = |r_i - r_j|, a tighter bound;
    - "ndcg2++": `mu` times the second and the first, the default, found best in the paper;
    - "ndcg1": G_i / D(r_i), over all pairs, each item with itself too, which adds a constant.

    The weights are not differentiated. They jump where two scores change places, so the value is none to compare
    between models: only its gradient is meant. Of items that score alike the less relevant one is placed first.

    With `k`, pairs count with at least one item among the first k (sentence-transformers, and the paper), or with
    `among="both"` only those with both (allRank). The pairs are added up, as in allRank; `average=True` takes their
    mean, as sentence-transformers does over the pairs of all lists together. `bits=False` takes natural logarithms.

    A place with relevance -inf is empty, whatever its score: pad lists of different lengths so. Where nothing is
    relevant a list costs 0. allRank clamps the sigmoid, so that pairs that are wrong by far teach nothing; here they
    do.

    Shapes: scores and relevance (*batch, items), one list in the last axis; relevance graded, usually from 0 to 4, and
    below 0 counts as 0.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    >>> wald.LambdaRank(weights="lambda_rank")(scores, relevance)  # 1 · (1 - 0.6309) log2(1 + e)
    tensor(0.6993)
    """

    weights: Literal["ndcg2++", "ndcg2", "lambda_rank", "ndcg1"] = param(
        default="ndcg2++", choices=("ndcg2++", "ndcg2", "lambda_rank", "ndcg1"), help="what a pair is weighed by"
    )
    mu: float = param(default=10.0, at_least=0, quiet=True, help='the share of "ndcg2" in "ndcg2++"')
    scale: float = param(default=1.0, above=0, quiet=True, help="what differences of scores are multiplied by")
    k: int | None = param(default=None, typical=(2,), at_least=1, help="the places that NDCG looks at; None for all")
    among: str = param(
        default="either", quiet=True, help="whether either or both items of a pair must be among the first k"
    )
    average: bool = param(default=False, quiet=True, help="the mean over the pairs that count")
    bits: bool = param(default=True, quiet=True, help="logarithms to the base 2: a constant factor of 1.44")

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=lambda loss: Formula(
            "sum([weight(a, b) * softplus(-scale * (a[0] - b[0])) for a, b in pairs])"
            " / (log(2) if bits else 1) / (len(pairs) or 1 if average else 1)",
            items="[(s, y) for s, y in zip(scores, relevance) if y > -inf]",
            place="lambda a: 1 + sum([s > a[0] or s == a[0] and y < a[1] for s, y in items])",
            top="lambda a: k is None or place(a) <= k",
            pairs="[(a, b) for a in items for b in items if (a[1] > b[1] or weights == 'ndcg1')"
            " and (top(a) and top(b) if among == 'both' else top(a) or top(b))]",
            gains="[2**max(0, y) - 1 for s, y in items]",
            best="sum([g / log2(2 + r) for r, g in zip(range(k or len(gains)), sorted(gains)[::-1])])",
            gain="lambda a: (2**max(0, a[1]) - 1) / (best or 1)",
            gap="lambda a, b: abs(gain(a) - gain(b))",
            swap="lambda a, b: abs(1 / log2(1 + place(a)) - 1 / log2(1 + place(b)))",
            apart="lambda a, b: abs(place(a) - place(b))",
            bound="lambda a, b: 1 / log2(1 + apart(a, b)) - 1 / log2(2 + apart(a, b))",
            weight={
                "ndcg1": "lambda a, b: gain(a) / log2(1 + place(a))",
                "ndcg2": "lambda a, b: gap(a, b) * bound(a, b)",
                "ndcg2++": "lambda a, b: gap(a, b) * (mu * bound(a, b) + swap(a, b))",
                "lambda_rank": "lambda a, b: gap(a, b) * swap(a, b)",
            }[loss.weights],
        ),
        bounded_below=True,
        slope="bounded",
        denominator="the unmasked lists, each counted by its weight; not the pairs",
        when="You are judged by NDCG: relevance is graded and the top of the list counts most.",
        when_not="Values are to be compared between models (ApproxNDCG), or every pair counts alike (RankNet).",
        points={"floor": 0},
        sizes={"batch": 256},
        aliases=(
            "LambdaMART",
            "rank:ndcg",
            "NDCG-Loss1",
            "NDCG-Loss2",
            "NDCG-Loss2++",
            "lambdaLoss",
            "NDCGLoss2PPScheme",
        ),
        ports={
            "allrank.models.losses.lambdaLoss": {"among": "both"},
            "sentence_transformers.cross_encoder.losses.LambdaLoss": {"average": True},
        },
        tags=("ranking", "listwise", "pairwise", "learning to rank", "NDCG", "retrieval", "top"),
        cite=("Wang et al. 2018, doi:10.1145/3269206.3271784", "Burges 2010, MSR-TR-2010-82 (LambdaRank)"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.among not in ("either", "both"):
            raise ValueError(f"LambdaRank: among must be one of 'either', 'both', got {self.among!r}")

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        score = wide(torch.where(there, scores, torch.zeros_like(scores)))
        place = places(score.detach(), relevance, there)
        lead = score.unsqueeze(-1) - score.unsqueeze(-2)
        counts = (there.unsqueeze(-1) & there.unsqueeze(-2)) & self._near_the_top(place)
        if self.weights != "ndcg1":
            counts = counts & (relevance.unsqueeze(-1) > relevance.unsqueeze(-2))
        weight = self._weight(normalised_gains(wide(relevance), there, self.k), place.to(score.dtype))
        cost = torch.where(counts, weight * softplus(-self.scale * lead), torch.zeros_like(lead)).sum((-2, -1))
        cost = cost / (math.log(2) if self.bits else 1.0)
        if self.average:
            cost = cost / counts.sum((-2, -1)).clamp(min=1)
        return torch.where(relevance.isnan().any(-1), torch.nan, cost).to(scores.dtype)

    def _near_the_top(self, place: Tensor) -> Tensor:
        """Which pairs NDCG at `k` looks at."""
        if self.k is None:
            return torch.ones_like(place.unsqueeze(-1) * place.unsqueeze(-2), dtype=torch.bool)
        top = place <= self.k
        one, other = top.unsqueeze(-1), top.unsqueeze(-2)
        return one & other if self.among == "both" else one | other

    def _weight(self, gain: Tensor, place: Tensor) -> Tensor:
        """The weight of each pair, the item that should be above in the row."""
        share = 1 / discount(place)
        if self.weights == "ndcg1":
            return (gain * share).unsqueeze(-1).expand(*gain.shape, gain.shape[-1])
        gap = (gain.unsqueeze(-1) - gain.unsqueeze(-2)).abs()
        swap = (share.unsqueeze(-1) - share.unsqueeze(-2)).abs()
        if self.weights == "lambda_rank":
            return gap * swap
        # An item and itself are no pair; 1 stands for any distance there.
        far = (place.unsqueeze(-1) - place.unsqueeze(-2)).abs().clamp(min=1)
        bound = 1 / discount(far) - 1 / discount(far + 1)
        return gap * bound if self.weights == "ndcg2" else gap * (self.mu * bound + swap)
