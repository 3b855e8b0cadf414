"""RankNet: in each list, the more relevant item of every pair should score higher."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide
from ..pieces.softplus import softplus


class RankNet(Listwise):
    """The logistic loss of every pair of a list: the more relevant item should score higher.

    The mean of log(1 + exp(-scale · lead)) over the pairs of a list in which one item is more relevant, `lead` being by
    how much it scores higher. `scale · lead` are then the log-odds that it is. Pairs of equal relevance teach nothing,
    and by how much relevance differs does not count.

    A pair that cannot be told apart costs ln 2. `average=False` adds the pairs up, and a list of n items then weighs
    like n². sentence-transformers takes the mean over the pairs of all lists together: give their number as
    `normalizer` to that. `bits=True` takes logarithms to the base 2, as allRank and sentence-transformers do.

    A place with relevance -inf is empty, whatever its score: pad lists of different lengths so. Memory grows with the
    square of the items.

    Shapes: scores and relevance (*batch, items), one list in the last axis; any real relevance, of which only the
    order counts.

    >>> import torch, wald
    >>> wald.RankNet()(torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[3.0, 0.0, 0.0]]))  # leads of 2 and 1
    tensor(0.2201)
    """

    scale: float = param(default=1.0, above=0, help="what leads are multiplied by; large is a step")
    average: bool = param(default=True, choices=(True, False), quiet=True, help="the mean over the pairs of a list")
    bits: bool = param(default=False, quiet=True, help="logarithms to the base 2: a constant factor of 1.44")

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "sum(cost) / (average and len(cost) or 1) / (bits and log(2) or 1)",
            both="[x for x in zip(scores, relevance)]",
            cost="[softplus(-scale * (s - z)) for s, x in both for z, y in both if x > y]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked lists, each counted by its weight; not the pairs",
        when="Only the order of a list counts, and every pair of it alike.",
        when_not="The top of the list counts most (LambdaRank), or the whole batch is one list (PairwiseLogistic).",
        points=lambda loss: {"chance": "log(2) / (bits and log(2) or 1)", "floor": 0} if loss.average else {"floor": 0},
        sizes={"batch": 256},
        aliases=("RankNetLoss", "rankNet", "pairwise logistic over a list", "PairLogit", "pairwise_logistic_loss"),
        ports={
            "allrank.models.losses.rankNet": {},
            "catboost.PairLogit": {"average": False},
            "rax.pairwise_logistic_loss": {},
            "sentence_transformers.cross_encoder.losses.RankNetLoss": {"bits": True},
        },
        tags=("ranking", "pairwise", "learning to rank", "order", "retrieval", "recommendation"),
        cite=("Burges et al. 2005, doi:10.1145/1102351.1102363",),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        score = wide(torch.where(there, scores, torch.zeros_like(scores)))
        above = (relevance.unsqueeze(-1) > relevance.unsqueeze(-2)) & there.unsqueeze(-2)
        lead = torch.where(above, score.unsqueeze(-1) - score.unsqueeze(-2), torch.zeros((), dtype=score.dtype))
        costs = torch.where(above, softplus(-self.scale * lead), torch.zeros_like(lead))
        total = costs.sum((-2, -1)) / (math.log(2) if self.bits else 1.0)
        if self.average:
            total = total / above.sum((-2, -1)).clamp(min=1)
        return torch.where(relevance.isnan().any(-1), torch.nan, total).to(scores.dtype)
