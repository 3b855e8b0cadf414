"""The histogram loss: the chance that a pair of two labels is more alike than a pair of one."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import meetings, only, over_all, similarities
from ..pieces.one_batch import one_batch


class SimilarityHistogram(Contrastive):
    """The chance that a negative pair is more alike than a positive pair (histogram loss).

    The cosines of all positive and of all negative pairs of the batch are counted into two histograms with soft edges,
    `bins` of width 2 / bins between -1 and 1; the value is the sum over the bins of the share of negatives in it, times
    the share of positives in it or below. Nothing is to be tuned but the bins: no margin and no mining. Between the
    centres of two bins a cosine counts for both, in proportion, so that the gradient is a step function.

    The bins should be no finer than the batch can fill: with gaps between them a pair does not feel its neighbours.
    HL-Gauss, a histogram loss for regression, is unrelated.

    It looks at N² · bins numbers at once. A batch without positives or without negatives costs 0.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> wald.SimilarityHistogram(bins=4)(embedding, torch.tensor([0, 0, 1]))  # negatives at 0 and 1, positives at 0
    tensor(1.)
    """

    bins: int = param(default=100, at_least=1, typical=(10,), help="how many, between the cosines -1 and 1")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "sum([tent(dot(x[i], x[n]), b) * below[b] for n in negatives(i) for b in range(bins + 1)])"
            " * len(x) / (sum([len(negatives(a)) for a in range(len(x))]) or 1)",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            tent="lambda c, b: max(0, 1 - abs((c + 1) * bins / 2 - b))",
            alike="[dot(x[a], x[b]) for a in range(len(x)) for b in positives(a) if a < b]",
            shares="[sum([tent(c, b) for c in alike]) / (len(alike) or 1) for b in range(bins + 1)]",
            below="[sum(shares[:b + 1]) for b in range(bins + 1)]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have labels and large batches, and want no margin to tune.",
        when_not="Batches are small: the histograms are then mostly gaps (MultiSimilarity, SupCon).",
        points={"perfect": 0, "collapse": 1, "floor": 0},
        aliases=("histogram loss (embeddings)", "similarity histogram loss"),
        ports={"pytorch_metric_learning.losses.HistogramLoss": {}},
        tags=("metric learning", "embedding", "retrieval", "labels"),
        cite=("Ustinova & Lempitsky 2016, arXiv:1611.00822",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("SimilarityHistogram", "which examples meet", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        width = 2 / self.bins
        centre = torch.arange(self.bins + 1, dtype=alike.dtype, device=alike.device) * width - 1
        in_bin = (1 - (alike.unsqueeze(-1) - centre).abs() / width).relu()
        shares = only(in_bin, positive.unsqueeze(-1)).sum((0, 1)) / positive.sum().clamp(min=1)
        below = shares.cumsum(-1)
        costs = (only(in_bin, negative.unsqueeze(-1)).sum(-2) * below).sum(-1)
        return over_all(costs, negative.sum(-1), keep)
