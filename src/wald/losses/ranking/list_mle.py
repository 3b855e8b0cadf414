"""ListMLE: the likelihood of a list's true order, as if its items were drawn one by one."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Listwise
from ...core.tensors import wide
from ..pieces.log_sums import running_logsumexp
from ..pieces.softplus import softplus
from ..pieces.ties import placed, runs


class ListMLE(Listwise):
    """The log-likelihood of the true order of a list: the best item is drawn first, then the best of the rest.

    -Σ_i log( e^s_i / (e^s_i + Σ e^s_j over the items j less relevant than i) ), the model of Plackett and Luce with
    the scores as log-odds of being drawn. Only differences of scores within a list mean anything.

    Items of equal relevance have no order, and none is made up: each is held against the less relevant ones only, so
    ties teach nothing, and the value does not depend on how a list happens to be laid out. Other libraries break ties
    at random, or trust the order in which the items are given. Without ties it is the likelihood of the paper, with
    two levels the cross-entropy of each relevant item against all irrelevant ones.

    A place with relevance -inf is empty, whatever its score: pad lists of different lengths so. The sum is over the
    items, so long lists weigh more; `average=True` divides by their number. Time is n log n for a list of n.

    Shapes: scores and relevance (*batch, items), one list in the last axis; any real relevance, of which only the
    order counts.

    >>> import torch, wald
    >>> scores, relevance = torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[5.0, 1.0, 3.0]])
    >>> wald.ListMLE()(scores, relevance)  # log(1 + e^-1 + e^-2) + log(1 + e^-1)
    tensor(0.7209)
    """

    average: bool = param(default=False, choices=(False, True), quiet=True, help="the mean over the items of a list")

    card = Card(
        task="ranking",
        inputs={"scores": Real.of("items"), "relevance": Real.of("items")},
        formula=Formula(
            "sum([logsumexp([s] + [z for z, y in zip(scores, relevance) if y < x]) - s"
            " for s, x in zip(scores, relevance)]) / (len(scores) if average else 1)"
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked lists, each counted by its weight; not the items",
        when="Whole lists are to be put in order, and every place of the order counts.",
        when_not="Only the top counts, or relevance has few levels and lists are long (CrossEntropy over the list).",
        points={"perfect": 0, "chance": "lgamma(items + 1) / (items if average else 1)", "floor": 0},
        aliases=("ListMLELoss", "Plackett-Luce", "list maximum likelihood", "listwise likelihood", "ListMLE"),
        tags=("ranking", "listwise", "learning to rank", "order", "retrieval", "recommendation", "Plackett-Luce"),
        cite=("Xia et al. 2008, doi:10.1145/1390156.1390306", "Plackett 1975, doi:10.2307/2346567"),
    )

    def per_example(self, scores: Tensor, relevance: Tensor) -> Tensor:
        there = relevance != -torch.inf
        # Empty places go to the far end of the order, where nothing is held against them.
        key, order = torch.where(there, relevance, torch.full_like(relevance, torch.inf)).sort(-1)
        score = wide(torch.where(there, scores, torch.zeros_like(scores))).gather(-1, order)
        first, _ = runs(key)
        beaten = first > 0
        rivals = running_logsumexp(score).gather(-1, (first - 1).clamp(min=0))
        lag = torch.where(beaten, rivals - score, torch.zeros_like(score))
        costs = torch.where(beaten, softplus(lag), lag)
        values = torch.where(there & ~relevance.isnan(), placed(costs, order), torch.where(there, relevance, 0.0))
        total = values.sum(-1)
        return (total / there.sum(-1).clamp(min=1) if self.average else total).to(scores.dtype)
