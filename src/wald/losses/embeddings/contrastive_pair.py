"""The pair loss of siamese networks: pull what is the same together, push what differs apart up to a margin."""

from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import apart
from ..pieces.softmax import spared


class ContrastivePair(Contrastive):
    """Pairs that belong together are near, others at least `margin` apart.

    Squared distance for pairs that belong together, squared shortfall of a margin for pairs that do not.
    same d² + (1 - same) max(0, margin - d)², d the distance of the two vectors. **same is 1 for a pair that
    belongs together, 0 for one that does not**; the paper of 2006 and catalyst write it the other way round,
    sentence-transformers and TensorFlow Addons as here. If your labels come from the paper, pass 1 - same.
    A number between is a soft label.

    The `factor` is 1: the paper and sentence-transformers have 1/2 (`like="sentence-transformers"`). Distances are
    squared; in pytorch-metric-learning they are not, and the pairs of each sign that cost something are averaged by
    themselves. catalyst's mean is half of this one. Once every vector is the same, a pair costs margin² if it differs
    and 0 if it does not, and no pair pulls any more: where d = 0 the gradient is 0.

    Shapes: anchor and other (*batch, features), same (*batch). `margin` has the unit of the distance; the
    cosine distance 1 - cos lies in [0, 2], and a zero vector is at 1 from all.

    >>> import torch, wald
    >>> anchor, other = torch.zeros(2, 2), torch.tensor([[0.6, 0.0], [0.6, 0.0]])
    >>> wald.ContrastivePair()(anchor, other, torch.tensor([1, 0]), reduction="none")
    tensor([0.3600, 0.1600])
    """

    margin: float = param(
        default=1.0, above=0, typical=(0.5, 2.0), help="the distance from which pairs that differ cost nothing"
    )
    distance: str = param(
        default="euclidean", choices=("euclidean", "cosine"), help="how far two vectors are from each other"
    )

    factor: float = param(
        default=1.0, above=0, typical=(0.5,), help="what the value is multiplied by; 1/2 in the paper", quiet=True
    )

    card = Card(
        task="pairwise",
        inputs={"anchor": Vector, "other": Vector, "same": BinaryTarget},
        formula=lambda loss: Formula(
            "factor * (same * d**2 + (1 - same) * max(0, margin - d)**2)",
            d={
                "euclidean": "sqrt(sum([(a - b)**2 for a, b in zip(anchor, other)]))",
                "cosine": "1 - sum([a * b for a, b in zip(anchor, other)])"
                " / sqrt(sum([a**2 for a in anchor]) * sum([b**2 for b in other]))",
            }[loss.distance],
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope=lambda loss: "linear" if loss.distance == "euclidean" else "bounded",
        when="You have pairs that were judged same or different, and want distances that a threshold can cut.",
        when_not="Only the order of distances matters (use Triplet), or positives come without negatives (InfoNCE).",
        points={"perfect": 0, "collapse of a pair that differs": "factor * margin**2"},
        ports={
            "tensorflow_addons.losses.ContrastiveLoss": {},
            "sentence_transformers.losses.ContrastiveLoss": {"distance": "cosine", "margin": 0.5, "factor": 0.5},
        },
        aliases=("ContrastiveLoss", "contrastive_loss", "contrastive loss (pairs)", "siamese loss", "Hadsell loss"),
        tags=("metric learning", "embedding", "siamese", "verification", "similarity"),
        cite=("Hadsell, Chopra & LeCun 2006, doi:10.1109/CVPR.2006.100",),
    )

    def per_example(self, anchor: Tensor, other: Tensor, same: Tensor) -> Tensor:
        far = apart(anchor, other, self.distance)
        short = (self.margin - far).clamp(min=0)
        return self.factor * (same * spared(far, same).square() + (1 - same) * short.square())
