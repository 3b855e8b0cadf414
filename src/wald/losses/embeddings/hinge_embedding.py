"""The hinge on a distance that is given: small if a pair belongs together, beyond `margin` if not."""

from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, NonNegative, param
from ...core import Contrastive
from ..pieces.softmax import spared


class HingeEmbedding(Contrastive):
    """Distances of pairs that belong together are 0, others at least `margin`.

    same · d + (1 - same) · max(0, margin - d): ContrastivePair without its squares, of any distance that you have
    worked out. **same is 1 or 0**, where torch's takes +1 and -1; (labels + 1) / 2 turns those into these. It wants a
    distance, not a similarity: a number below 0 is refused here, and would drive torch's loss without end.

    Shapes: distance and same (*batch). `margin` has the unit of the distance.

    >>> import torch, wald
    >>> wald.HingeEmbedding()(torch.tensor([0.3, 0.3]), torch.tensor([1, 0]), reduction="none")
    tensor([0.3000, 0.7000])
    """

    margin: float = param(
        default=1.0, above=0, typical=(0.5,), help="the distance from which pairs that differ cost nothing"
    )

    card = Card(
        task="pairwise",
        inputs={"distance": NonNegative, "same": BinaryTarget},
        formula=Formula("same * distance + (1 - same) * max(0, margin - distance)"),
        convex=True,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        when="You have a distance of your own for each pair, and pairs that were judged same or different.",
        when_not="The vectors are at hand and far pairs should pull harder (ContrastivePair).",
        points={"perfect": 0, "floor": 0, "collapse of a pair that differs": "margin"},
        aliases=("HingeEmbeddingLoss", "hinge_embedding_loss", "HingeEmbeddingCriterion"),
        ports={"torch.nn.HingeEmbeddingLoss": {}, "torch.nn.functional.hinge_embedding_loss": {}},
        tags=("metric learning", "embedding", "siamese", "verification", "distance"),
    )

    def per_example(self, distance: Tensor, same: Tensor) -> Tensor:
        return same * spared(distance, same) + (1 - same) * (self.margin - distance).relu()
