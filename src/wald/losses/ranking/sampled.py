"""Scores over more items than can be scored: a softmax and a logistic regression over items that were drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real
from ...core import Loss
from ..pieces.softplus import softplus


class SampledSoftmax(Loss):
    """Softmax cross-entropy over the true item and a few that were drawn, corrected for how they were drawn.

    Every score is lowered by the log of the expected number of times that its item is drawn, log_q: the log of
    its probability, plus the log of the number of draws (that constant cancels here). The softmax over the true item
    and the negatives then goes, with many draws, to the softmax over all items. Without the correction popular items,
    which are drawn most, are taught to score low: rare items are favoured. At log_q of 0, uniform draws, it is
    CrossEntropy over what was drawn.

    The true item among the negatives (an accidental hit) is pushed up and down at once: give it a score of -inf, and
    it is not there. For negatives that are the other rows of the batch, log_q is the log of an item's share of all
    rows; both, the positive's too, are corrected (Yi et al. 2019).

    Shapes: positive and positive_log_q (*batch), negatives and negative_log_q (*batch, negatives).

    >>> import torch, wald
    >>> positive, negatives = torch.tensor([2.0]), torch.tensor([[0.0, 1.0]])
    >>> wald.SampledSoftmax()(positive, negatives, torch.zeros(1), torch.zeros(1, 2))
    tensor(0.4076)
    """

    card = Card(
        task="ranking",
        inputs={
            "positive": Real,
            "negatives": Real.of("negatives"),
            "positive_log_q": Real,
            "negative_log_q": Real.of("negatives"),
        },
        formula=Formula(
            "logsumexp([own] + [z - q for z, q in zip(negatives, negative_log_q)]) - own",
            own="positive - positive_log_q",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="There are too many items, or words, to score them all at each step.",
        when_not="All can be scored (CrossEntropy), or pairs of two views are all there is (InfoNCE).",
        points={"floor": 0},
        aliases=("sampled softmax", "sampled_softmax_loss", "logQ correction", "log-Q corrected softmax"),
        tags=("recommendation", "retrieval", "two-tower", "negatives", "softmax", "language model", "ranking"),
        cite=(
            "Bengio & Senécal 2008, doi:10.1109/TNN.2007.912312",
            "Yi et al. 2019, doi:10.1145/3298689.3346996 (in-batch negatives)",
        ),
    )

    def per_example(
        self, positive: Tensor, negatives: Tensor, positive_log_q: Tensor, negative_log_q: Tensor
    ) -> Tensor:
        own = (positive - positive_log_q).unsqueeze(-1)
        others = negatives - negative_log_q
        there = negatives != -torch.inf
        lead = torch.where(there, others - own, torch.full_like(others, -torch.inf))
        return torch.cat([torch.zeros_like(own), lead], -1).logsumexp(-1)


class NoiseContrastive(Loss):
    """Logistic regression of one true item against draws from a known noise: learns log-probabilities.

    softplus(-(positive - positive_log_q)) + Σ softplus(negative - negative_log_q), for log_q the log of the expected
    number of times that the item is drawn: the log of its probability under the noise plus the log of the number of
    draws. The scores then become log-probabilities that add to 1 by themselves, however few are drawn: no softmax over
    all items is ever needed. At log_q of 0 it is NegativeSampling(total=True), which learns a ratio to the noise.

    The number of draws matters here, other than in SampledSoftmax: forgetting its log shifts every score. A negative
    with score -inf is not there.

    Shapes: positive and positive_log_q (*batch), negatives and negative_log_q (*batch, negatives).

    >>> import torch, wald
    >>> positive, negatives = torch.tensor([2.0]), torch.tensor([[0.0, 1.0]])
    >>> wald.NoiseContrastive()(positive, negatives, torch.zeros(1), torch.zeros(1, 2))
    tensor(2.1333)
    """

    card = Card(
        task="ranking",
        inputs={
            "positive": Real,
            "negatives": Real.of("negatives"),
            "positive_log_q": Real,
            "negative_log_q": Real.of("negatives"),
        },
        formula=Formula(
            "softplus(positive_log_q - positive) + sum([softplus(z - q) for z, q in zip(negatives, negative_log_q)])",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="Log-probabilities over very many items are wanted, and the noise that draws them is known.",
        when_not="Only the order of items counts (SampledSoftmax converges with fewer draws).",
        points={"floor": 0},
        aliases=("NCE", "nce_loss", "noise-contrastive estimation", "NCELoss"),
        tags=("recommendation", "language model", "negatives", "estimation", "unnormalised", "ranking"),
        cite=("Gutmann & Hyvärinen 2010, AISTATS, Noise-contrastive estimation", "Mnih & Teh 2012, arXiv:1206.6426"),
    )

    def per_example(
        self, positive: Tensor, negatives: Tensor, positive_log_q: Tensor, negative_log_q: Tensor
    ) -> Tensor:
        there = negatives != -torch.inf
        odds = torch.where(there, negatives - negative_log_q, torch.zeros_like(negatives))
        costs = torch.where(there, softplus(odds), torch.zeros_like(odds))
        return softplus(positive_log_q - positive) + costs.sum(-1)
