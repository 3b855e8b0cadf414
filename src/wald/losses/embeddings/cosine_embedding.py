"""The cosine of pairs that were judged: 1 if they belong together, at most `margin` if not."""

from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import direction


class CosineEmbedding(Contrastive):
    """Pairs that belong together have cosine 1, others at most `margin`.

    1 - cos for a pair that belongs together, max(0, cos - margin) for one that does not. **same is 1 or 0**, where
    torch's own takes +1 and -1 and gives every other label a loss of 0 without a word; (labels + 1) / 2 turns those
    into these. A number between is a soft label.

    Only directions count. A zero vector has none: its cosine with everything is 0, and it gets no gradient. Cosines
    are flat near 1 and -1, so that nearly parallel vectors pull least.

    Shapes: first and second (*batch, features), same (*batch).

    >>> import torch, wald
    >>> first, second = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[3.0, 4.0], [3.0, 4.0]])
    >>> wald.CosineEmbedding(margin=0.5)(first, second, torch.tensor([1, 0]), reduction="none")
    tensor([0.4000, 0.1000])
    """

    margin: float = param(
        default=0.0,
        at_least=-1,
        below=1,
        typical=(0.5,),
        help="the cosine up to which pairs that differ cost nothing; 0 to 0.5 is usual",
    )

    card = Card(
        task="pairwise",
        inputs={"first": Vector, "second": Vector, "same": BinaryTarget},
        formula=Formula("same * (1 - c) + (1 - same) * max(0, c - margin)", c="cosine(first, second)"),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        when="You have pairs that were judged same or different, and compare embeddings by their cosine.",
        when_not="Similarity is graded (CoSENT), or the other examples of the batch can serve as negatives (InfoNCE).",
        points={"perfect": 0, "floor": 0, "collapse of a pair that differs": "1 - margin"},
        aliases=("CosineEmbeddingLoss", "cosine_embedding_loss", "CosineEmbeddingCriterion"),
        ports={"torch.nn.CosineEmbeddingLoss": {}, "torch.nn.functional.cosine_embedding_loss": {}},
        tags=("metric learning", "embedding", "siamese", "verification", "cosine"),
    )

    def per_example(self, first: Tensor, second: Tensor, same: Tensor) -> Tensor:
        cosine = (direction(first) * direction(second)).sum(-1)
        return same * (1 - cosine) + (1 - same) * (cosine - self.margin).relu()
