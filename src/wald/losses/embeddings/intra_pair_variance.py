"""Intra-pair variance: cosines of positives, and those of negatives, are alike among themselves."""

from __future__ import annotations

from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import meetings, only, over_all, similarities
from ..pieces.one_batch import one_batch


class IntraPairVariance(Contrastive):
    """No positive lies far below, no negative far above the mean cosine of its kind.

    max(0, (1 - slack) · mean - cos)² over pairs of one label, plus max(0, cos - (1 + slack) · mean)² over pairs of two
    labels; both means over the batch. **A term beside another loss**, TupletMargin in the paper: by itself it is 0 once
    every vector is the same.

    A share of a mean is only a slack while the mean is positive; where the mean cosine of negatives is below 0 the
    bound lies below it too.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> wald.IntraPairVariance(slack=0.0)(embedding, torch.tensor([0, 0, 0]))  # two thirds of (1/3)²
    tensor(0.0741)
    """

    slack: float = param(default=0.01, at_least=0, help="the share of the mean within which cosines cost nothing")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "len(x) * sum([far(dot(x[i], x[p])) for p in positives(i)])"
            " + len(x) * sum([near(dot(x[i], x[n])) for n in negatives(i)])",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            alike="[dot(x[a], x[b]) for a in range(len(x)) for b in positives(a)]",
            unlike="[dot(x[a], x[b]) for a in range(len(x)) for b in negatives(a)]",
            far="lambda c: max(0, (1 - slack) * mean(alike) - c)**2 / len(alike)",
            near="lambda c: max(0, c - (1 + slack) * mean(unlike))**2 / len(unlike)",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="Beside a loss that pulls hard pairs little, to bring the stragglers of each kind along.",
        when_not="Alone: it does not tell labels apart.",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("IntraPairVarianceLoss",),
        ports={"pytorch_metric_learning.losses.IntraPairVarianceLoss": {}},
        tags=("metric learning", "embedding", "labels", "regulariser"),
        cite=("Yu & Tao 2019 (ICCV)",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("IntraPairVariance", "which examples meet", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        usual, unusual = (only(alike, meets).sum() / meets.sum().clamp(min=1) for meets in (positive, negative))
        far = only(((1 - self.slack) * usual - alike).relu().square(), positive).sum(-1)
        near = only((alike - (1 + self.slack) * unusual).relu().square(), negative).sum(-1)
        return over_all(far, positive.sum(-1), keep) + over_all(near, negative.sum(-1), keep)
