"""The triplet loss: an anchor is nearer to its positive than to its negative, by a margin."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import length
from ..pieces.softplus import softplus


class Triplet(Contrastive):
    """The positive is nearer to the anchor than the negative, by `margin`.

    What is further apart than that costs nothing:
    max(0, d(anchor, positive) - d(anchor, negative) + margin), d the Euclidean distance. With `margin="soft"`
    it is softplus(d(anchor, positive) - d(anchor, negative)), which never stops pulling. `squared` takes
    squared distances, as FaceNet does; on vectors of length 1 those are twice the cosine distance. `swap` uses
    the nearer of anchor and positive to push the negative away from.

    Two plateaus tell what is wrong: a loss that sits at `margin` (0.693 if soft) means that every vector is the
    same, and there the gradient is 0; one that sits at 0 means that the triplets are too easy.

    torch's TripletMarginLoss adds 1e-6 to every difference of coordinates before the distance, so it agrees
    to about that; nothing is added here. pytorch-metric-learning divides by the triplets that cost something.

    Shapes: anchor, positive and negative (*batch, features). `margin` has the unit of the distance.

    Raises:
        ValueError: `margin` is neither a number from 0 on nor "soft".

    >>> import torch, wald
    >>> anchor, positive, negative = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 5.5]])
    >>> wald.Triplet(margin=1.0)(anchor, positive, negative)
    tensor(0.5000)
    """

    margin: float | Literal["soft"] = param(
        default=1.0,
        convert=lambda margin: margin if margin == "soft" else float(margin),
        typical=(0.2, "soft"),
        help='by how much the negative must be further away than the positive, or "soft" for no fixed margin',
    )
    squared: bool = param(default=False, typical=(True,), help="squared distances in place of distances")
    swap: bool = param(
        default=False, typical=(True,), help="push the negative away from the nearer of anchor and positive"
    )

    card = Card(
        task="other",
        inputs={"anchor": Vector, "positive": Vector, "negative": Vector},
        formula=Formula(
            "softplus(gap) if margin == 'soft' else max(0, gap + margin)",
            power="2 if squared else 1",
            nearest="distance(positive, negative) if swap else distance(anchor, negative)",
            gap="distance(anchor, positive)**power - min(distance(anchor, negative), nearest)**power",
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope=lambda loss: "linear" if loss.squared else "bounded",
        when="Examples come as anchor, positive and negative, and only which of two is nearer matters.",
        when_not="Most triplets are easy and cost 0: mine harder ones, or use InfoNCE, which weighs every negative.",
        points=lambda loss: {
            **({} if loss.margin == "soft" else {"perfect": 0}),
            "collapse": "log(2)" if loss.margin == "soft" else "margin",
            "floor": 0,
        },
        ports={
            "torch.nn.TripletMarginLoss": {},
            "torch.nn.functional.triplet_margin_loss": {},
            "torch.nn.TripletMarginWithDistanceLoss": {},
            "optax.losses.triplet_margin_loss": {},
            "sentence_transformers.losses.TripletLoss": {"margin": 5.0},
        },
        aliases=("TripletMargin", "TripletMarginLoss", "triplet_margin_loss", "triplet hinge", "soft margin triplet"),
        tags=("metric learning", "embedding", "FaceNet", "retrieval", "similarity"),
        cite=(
            "Schroff, Kalenichenko & Philbin 2015, arXiv:1503.03832",
            "Hermans, Beyer & Leibe 2017, arXiv:1703.07737 (soft margin)",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin != "soft" and not self.margin >= 0:
            raise ValueError(f'Triplet: margin must be a number >= 0 or "soft", got {self.margin!r}')

    def per_example(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near = self._distance(anchor, positive)
        far = self._distance(anchor, negative)
        if self.swap:
            far = torch.minimum(far, self._distance(positive, negative))
        gap = near - far
        return softplus(gap) if self.margin == "soft" else (gap + self.margin).clamp(min=0)

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().sum(-1) if self.squared else length(a - b)
