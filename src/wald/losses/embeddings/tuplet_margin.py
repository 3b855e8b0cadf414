"""Tuplet margin: a positive's angle, with a slack, is smaller than that of all negatives at once."""

from __future__ import annotations

import math

from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.angles import turned
from ..pieces.batch_pairs import log_sum, meetings, only, over_all, similarities
from ..pieces.one_batch import one_batch
from ..pieces.softplus import softplus


class TupletMargin(Contrastive):
    """Each positive against all negatives at once, with a slack in its angle.

    Of each pair (i, p) of one label log(1 + Σ exp(scale (cos(i, n) - cos(angle(i, p) - slack)))) over the negatives.
    **The slack is in degrees** and makes positives look nearer than they are, so that those which are near enough no
    longer pull: the loss does not squeeze a class to a point. The mean over the batch is the mean over the pairs.

    The authors add `IntraPairVariance`. pytorch-metric-learning takes the arc cosine of cosines that rounding may
    have brought above 1, which is NaN for a repeated row; here they are safe.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> wald.TupletMargin(slack=0.0, scale=1.0)(embedding, torch.tensor([0, 0, 1]))  # log(1 + 1/e)
    tensor(0.3133)
    """

    slack: float = param(
        default=5.73, at_least=0, below=90, help="what is taken from the angle of a positive, in degrees"
    )
    scale: float = param(default=64.0, above=0, typical=(8.0,), help="what cosines are multiplied by")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "sum([softplus(against - scale * nearer(dot(x[i], x[p]))) for p in positives(i) if negatives(i)])"
            " * len(x) / (pairs or 1)",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            turn="slack * pi / 180",
            nearer="lambda c: c * cos(turn) + sqrt(max(0, 1 - c**2)) * sin(turn)",
            against="logsumexp([scale * dot(x[i], x[n]) for n in negatives(i)]) if negatives(i) else 0",
            pairs="sum([len(positives(a)) for a in range(len(x)) if negatives(a)])",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have labels, several of each in a batch, and classes that should keep some width.",
        when_not="Batches hold few negatives, or positives should be as near as they can (SupCon).",
        points={"floor": 0},
        aliases=("TupletMarginLoss", "tuplet margin"),
        ports={"pytorch_metric_learning.losses.TupletMarginLoss": {}},
        tags=("metric learning", "embedding", "retrieval", "labels", "angles"),
        cite=("Yu & Tao 2019 (ICCV)",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("TupletMargin", "which examples meet", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        against = log_sum(self.scale * alike, negative).unsqueeze(-1)
        own = self.scale * turned(alike, -math.radians(self.slack))
        counted = positive & negative.any(-1, keepdim=True)
        return over_all(only(softplus(against - own), counted).sum(-1), counted.sum(-1), keep)
