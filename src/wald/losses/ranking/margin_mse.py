"""MarginMSE: differences of scores within a list against a teacher's."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide


class MarginMSE(Listwise):
    """The squared error of differences of scores within a list: only how far items are apart is learned.

    With e the error of each score against the teacher's, or against a label,

    - `against="first"`: the mean of (e_0 - e_j)² over the others, for a list with the positive first. That is how
      sentence-transformers distils a large ranker from a positive and its negatives.
    - `"mean"`: the mean of (e_i - mean e)² over the items, the error left when the best constant of the list is
      added. CatBoost calls it QueryRMSE, and takes the root of the mean over the items of all lists.
    - `"all"`: the mean of (e_i - e_j)² over all pairs, which is 2n / (n - 1) times that for n items. Rax
      counts each item with itself too: twice `"mean"`.

    A constant added to all scores of a list changes nothing, so scores of different lists cannot be compared. Where the
    teacher's margins are at hand instead of its scores, use `Squared` on both.

    A place with relevance -inf is empty, whatever its score: pad lists of different lengths so. With `"first"` a list
    whose first place is empty costs 0, as does a list of one item.

    Shapes: scores and relevance (*batch, items), one list in the last axis; relevance the teacher's scores, in the
    unit of the scores.

    >>> import torch, wald
    >>> scores, teacher = torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[9.0, 5.0, 8.0]])
    >>> wald.MarginMSE()(scores, teacher)  # margins of 2 and 1 against 4 and 1
    tensor(2.)
    """

    against: Literal["first", "mean", "all"] = param(
        default="first", choices=("first", "mean", "all"), help="what each item of a list is compared with"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=lambda loss: Formula(
            {
                "first": "mean([(e[0] - x)**2 for x in e[1:]])",
                "mean": "mean([(x - mean(e))**2 for x in e])",
                "all": "mean([(e[i] - e[j])**2 for i in range(len(e)) for j in range(i)])",
            }[loss.against],
            e="[s - y for s, y in zip(scores, relevance)]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="A small ranker learns from the scores of a large one, or from labels that have a level of their own.",
        when_not="The teacher's order alone can be trusted (ApproxRankMSE, ListMLE).",
        points={"perfect": 0, "floor": 0},
        aliases=("MarginMSELoss", "QueryRMSE", "pairwise MSE", "rank distillation", "group-relative regression"),
        ports={
            "catboost.QueryRMSE": {"against": "mean"},
            "sentence_transformers.cross_encoder.losses.MarginMSELoss": {},
        },
        tags=("ranking", "distillation", "learning to rank", "squared error", "group", "retrieval"),
        cite=("Hofstätter et al. 2020, arXiv:2010.02666",),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        if scores.shape[-1] == 0:
            return scores.sum(-1)
        off = wide(torch.where(there, scores - relevance, torch.zeros_like(scores)))
        count = there.sum(-1)
        if self.against == "first":
            lag = torch.where(there & there[..., :1], off[..., :1] - off, torch.zeros_like(off))
            return (lag.square().sum(-1) / (count - 1).clamp(min=1)).to(scores.dtype)
        centre = off.sum(-1, keepdim=True) / count.clamp(min=1).unsqueeze(-1)
        spread = torch.where(there, off - centre, torch.zeros_like(off)).square().sum(-1)
        share = spread / count.clamp(min=1) if self.against == "mean" else 2 * spread / (count - 1).clamp(min=1)
        return share.to(scores.dtype)
