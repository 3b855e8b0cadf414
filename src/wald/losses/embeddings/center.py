"""Center loss: each embedding is near the centre of its class."""

from torch import Tensor

from ...cards import Card, Formula, Vector
from ...core import Contrastive


class Center(Contrastive):
    """Half the squared distance of each embedding to the centre of its class.

    The target of an example is the centre of its class, centres[label], so that its gradient reaches the table of
    centres. **A term beside a loss that tells classes apart**, at a weight of 0.003 to 1: alone, everything may meet in
    one point. The paper moves centres by a rule of its own, a step towards the mean of the examples of the batch, which
    `wald.ClassCentres` has; a learning rate of their own does about the same.

    pytorch-ood takes a table of all distances and averages over all its entries, those of other classes included as
    0, which makes the value smaller by the number of classes, and has no half. Where a widespread implementation clamps
    masked distances at 1e-12, the value is larger by 1e-12 · (classes - 1).

    Shapes: embedding and target (*batch, features).

    >>> import torch, wald
    >>> centres = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> wald.Center()(torch.tensor([[3.0, 4.0], [1.0, 2.0]]), centres[torch.tensor([0, 1])], reduction="none")
    tensor([12.5000,  2.0000])
    """

    card = Card(
        task="other",
        inputs={"embedding": Vector, "target": Vector},
        formula=Formula("distance(embedding, target)**2 / 2"),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="linear",
        when="Beside a softmax over classes, to draw each class together.",
        when_not="Alone, or embeddings are compared by cosine (ArcFace, SupCon).",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("CenterLoss", "centre loss", "center loss"),
        tags=("metric learning", "embedding", "open set", "faces", "regulariser"),
        cite=("Wen, Zhang, Li & Qiao 2016 (ECCV)",),
    )

    def per_example(self, embedding: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (embedding - target).square().sum(-1)
