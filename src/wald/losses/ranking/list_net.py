"""ListNet: the softmax of the scores of a list against what relevance says should come first."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ..pieces.softmax import spared


class ListNet(Listwise):
    """Cross-entropy between which item relevance would put first and which the scores would.

    -Σ q log softmax(scores), for q the chance that relevance puts an item first. What that is differs between
    libraries, and so do the losses:

    - `relevance_as="logits"`, q = softmax(relevance): the paper, allRank, sentence-transformers. Relevance is then in
      units of log-odds, and an irrelevant item keeps a share: of grades 1 and 0, a fourth and more.
    - `"shares"`, q = relevance over its sum: an irrelevant item has no share. For labels 0 and 1.
    - `"weights"`, q = relevance as it is, which does not add to 1: Optax, Rax and TF-Ranking. Lists with more relevant
      items weigh more.

    The scores themselves are learned up to a constant of the list. The perfect value is the entropy of q, not 0.
    A place with relevance -inf is empty, whatever its score: pad lists of different lengths so. With `"shares"` and
    `"weights"` a list without a relevant item costs 0.

    Shapes: scores and relevance (*batch, items), one list in the last axis. Relevance is any number as logits; for
    shares and weights below 0 counts as 0.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.ListNet(relevance_as="shares")(scores, relevance)  # CrossEntropy of item 0
    tensor(0.4076)
    """

    relevance_as: Literal["logits", "shares", "weights"] = param(
        default="logits", choices=("logits", "shares", "weights"), help="how relevance says which item comes first"
    )

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "-sum([q * s for q, s in zip(share, log_softmax(scores))])",
            above="[max(0, y) for y in relevance]",
            share="softmax(relevance) if relevance_as == 'logits' else"
            " [y / (relevance_as == 'shares' and sum(above) or 1) for y in above]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="Whole lists are scored at once and the first places count; few grades of relevance.",
        when_not="Every place of the order counts (ListMLE), or NDCG decides (ApproxNDCG, LambdaRank).",
        points={"chance": "log(items)"},
        aliases=(
            "ListNetLoss",
            "softmax listwise",
            "ranking softmax loss",
            "XE-NDCG",
            "QuerySoftMax",
            "top-one ListNet",
        ),
        ports={
            "allrank.models.losses.listNet": {},
            "allrank.models.losses.binary_listNet": {"relevance_as": "shares"},
            "catboost.QuerySoftMax": {"relevance_as": "weights"},
            "optax.losses.ranking_softmax_loss": {"relevance_as": "weights"},
            "rax.softmax_loss": {"relevance_as": "weights"},
            "sentence_transformers.cross_encoder.losses.ListNetLoss": {},
        },
        tags=("ranking", "listwise", "learning to rank", "softmax", "retrieval", "recommendation"),
        cite=("Cao et al. 2007, doi:10.1145/1273496.1273513", "Bruch 2021, arXiv:1911.09798 (cross-entropy and NDCG)"),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        if scores.shape[-1] == 0:
            return scores.sum(-1)
        empty = ~there.any(-1, keepdim=True)
        surprise = -scores.masked_fill(~there, -torch.inf).masked_fill(empty, 0.0).log_softmax(-1)
        if self.relevance_as == "logits":
            share = relevance.masked_fill(empty, 0.0).softmax(-1)
        else:
            share = torch.where(there, relevance, torch.zeros_like(relevance)).clamp(min=0)
            if self.relevance_as == "shares":
                total = share.sum(-1, keepdim=True)
                share = share / torch.where(total > 0, total, torch.ones_like(total))
        return (share * spared(surprise, share * there)).masked_fill(~there, 0.0).sum(-1)
