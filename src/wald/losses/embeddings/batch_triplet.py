"""Triplets mined in a batch with labels: all, the semi-hard, or the hardest of each anchor."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import distances, meetings, over_all, squared_distances
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch
from ..pieces.softplus import softplus


class BatchTriplet(Contrastive):
    """The triplet loss of every anchor, positive and negative that a batch with labels holds.

    A triplet costs max(0, d(anchor, positive) - d(anchor, negative) + margin), positive of the anchor's label and
    negative of another. `mining` says which triplets count:

    - "batch-hard": of each anchor its furthest positive with its nearest negative, one triplet an anchor;
    - "semi-hard": those whose negative is further than the positive, but by less than the margin;
    - "all": every one.

    **The mean over the batch is the mean over the mined triplets**; with `average="violating"` over those of them that
    cost something, as pytorch-metric-learning and sentence-transformers have it, which keeps the gradient from fading
    as triplets become easy, and makes the value jump when one does. To that end an anchor costs the sum over its
    triplets, times the anchors over the triplets of the batch. Without triplets the loss is 0.

    `margin="soft"` is softplus(d(anchor, positive) - d(anchor, negative)), for "batch-hard". TensorFlow Addons'
    semi-hard is another: the one nearest negative beyond each positive, or the furthest if there is none. Distances
    are Euclidean; `squared` takes their squares, as FaceNet does. `normalise=False` leaves the vectors as long as they
    are; the margin has the unit of the distance, and 2 is the largest distance of vectors of length 1.

    A value that sits at the margin (0.693 if soft) means that every vector is the same. A masked example is neither
    anchor, positive nor negative. Of equal furthest positives or nearest negatives one gets the gradient.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom. The
    definition of "all" and "semi-hard" looks at N³ triplets at once; the implementation that a call runs does not.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.
        ValueError: `margin` is neither a number from 0 on nor "soft", or is soft where no hardest triplet is mined.

    >>> import torch, wald
    >>> embedding, label = torch.tensor([[0.0], [1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1, 1])
    >>> loss = wald.BatchTriplet(margin=1.5, normalise=False)
    >>> loss(embedding, label, reduction="none")  # the third: 2 to its positive, 2 to its negative
    tensor([0.0000, 0.5000, 1.5000, 0.0000])
    """

    margin: float | Literal["soft"] = param(
        default=0.2,
        convert=lambda margin: margin if margin == "soft" else float(margin),
        typical=(1.0, "soft"),
        help='by how much the negative must be further away than the positive, or "soft" for no fixed margin',
    )
    mining: str = param(
        default="batch-hard", choices=("batch-hard", "semi-hard", "all"), help="which triplets of the batch count"
    )
    average: str = param(
        default="mined",
        choices=("mined", "violating"),
        help="what the mean is over: triplets mined, or costing something",
    )
    squared: bool = param(default=False, typical=(True,), help="squared distances in place of distances")
    normalise: bool = param(default=True, typical=(False,), help="vectors are brought to length 1")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=lambda loss: Formula(
            "sum(costs(i)) * len(x) / (sum([counted(costs(a)) for a in range(len(x))]) or 1)",
            **MEETINGS,
            x="[unit(v) for v in embedding] if normalise else embedding",
            d=f"lambda a, b: distance(x[a], x[b]){'**2' if loss.squared else ''}",
            every="lambda a: [d(a, p) - d(a, n) for p in positives(a) for n in negatives(a)]",
            mined={
                "batch-hard": "lambda a: [max(every(a))] if every(a) else []",
                "semi-hard": "lambda a: [gap for gap in every(a) if -margin < gap < 0]",
                "all": "every",
            }[loss.mining],
            costs="lambda a: [softplus(gap) if margin == 'soft' else max(0, gap + margin) for gap in mined(a)]",
            counted=f"lambda costs: len({'costs' if loss.average == 'mined' else '[c for c in costs if c > 0]'})",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.mining != "semi-hard" and loss.average == "mined" else None,
        slope=lambda loss: "linear" if loss.squared and not loss.normalise else "bounded",
        when="You have labels, several examples of each in a batch, and only which of two is nearer matters.",
        when_not="Labels are few and known (CrossEntropy, ProxySoftmax), or every negative should pull (SupCon).",
        points=lambda loss: {
            **({} if loss.margin == "soft" else {"perfect": 0}),
            "collapse": "log(2)" if loss.margin == "soft" else "margin",
            "floor": 0,
        },
        ports={
            "pytorch_metric_learning.losses.TripletMarginLoss": {
                "margin": 0.05,
                "mining": "all",
                "average": "violating",
            },
            "sentence_transformers.losses.BatchHardTripletLoss": {"margin": 5.0, "normalise": False},
            "sentence_transformers.losses.BatchHardSoftMarginTripletLoss": {"margin": "soft", "normalise": False},
            "sentence_transformers.losses.BatchAllTripletLoss": {
                "margin": 5.0,
                "mining": "all",
                "average": "violating",
                "normalise": False,
            },
        },
        aliases=(
            "BatchHardTripletLoss",
            "BatchSemiHardTripletLoss",
            "BatchAllTripletLoss",
            "BatchHardSoftMarginTripletLoss",
            "TripletSemiHardLoss",
            "TripletHardLoss",
            "batch-hard triplet",
        ),
        tags=("metric learning", "embedding", "FaceNet", "retrieval", "mining", "labels"),
        cite=(
            "Hermans, Beyer & Leibe 2017, arXiv:1703.07737",
            "Schroff, Kalenichenko & Philbin 2015, arXiv:1503.03832 (semi-hard)",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin != "soft" and not self.margin >= 0:
            raise ValueError(f'BatchTriplet: margin must be a number >= 0 or "soft", got {self.margin!r}')
        if self.margin == "soft" and self.mining != "batch-hard":
            raise ValueError(
                f'BatchTriplet: margin="soft" never stops counting, and mining={self.mining!r} would then weigh every '
                'triplet. Use mining="batch-hard", or a margin such as 0.2.'
            )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("BatchTriplet", "which examples meet", embedding=embedding, label=label)
        embedding = direction(embedding) if self.normalise else embedding
        apart = squared_distances(embedding) if self.squared else distances(embedding)
        mined = self._hardest if self.mining == "batch-hard" else self._every
        return over_all(*mined(apart, *meetings(label, keep)), keep)

    def _hardest(self, apart: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
        """What each anchor costs, and how many triplets of it count."""
        if apart.numel() == 0:
            return apart.sum(-1), positive.sum(-1)
        far = torch.full_like(apart, torch.inf)
        furthest = torch.where(positive, apart, -far).max(-1).values
        nearest = torch.where(negative, apart, far).min(-1).values
        mined = positive.any(-1) & negative.any(-1)
        gap = torch.where(mined, furthest, torch.zeros_like(furthest)) - torch.where(
            mined, nearest, torch.zeros_like(nearest)
        )
        costs = softplus(gap) if self.margin == "soft" else (gap + self.margin).relu()
        costs = torch.where(mined, costs, torch.zeros_like(costs))
        return costs, mined if self.average == "mined" else mined & (costs > 0)

    def _every(self, apart: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
        """What each anchor costs, and how many triplets of it count."""
        margin = float(self.margin)
        gap = apart.unsqueeze(-1) - apart.unsqueeze(-2)
        mined = positive.unsqueeze(-1) & negative.unsqueeze(-2)
        if self.mining == "semi-hard":
            # So written, NaN stays NaN.
            mined = mined & ~(gap >= 0) & ~(gap <= -margin)
        costs = torch.where(mined, (gap + margin).relu(), torch.zeros_like(gap))
        counted = mined if self.average == "mined" else costs > 0
        return costs.sum((-1, -2)), counted.sum((-1, -2))
