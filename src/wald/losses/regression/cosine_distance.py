"""Cosine distance: two vectors compared by their direction alone."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Supervised
from ..pieces.distance import direction


class CosineDistance(Supervised):
    """One minus the cosine between prediction and target: only the direction counts.

    From 0 (the same direction) over 1 (at right angles) to 2 (opposite). Libraries disagree about what is returned:
    `form="distance"` is 1 - cos, as in Optax; "negative" is -cos, from -1 to 1, as in Keras, lightly and MMPretrain.
    The gradient is the same. sentence-transformers' CosineSimilarityLoss is another loss: the squared error of the
    cosine against a label.

    The length of the prediction is free, and the gradient is at right angles to it, so lengths grow in training and
    steps get smaller. A vector of zeros has no direction: it counts as being at right angles to everything and gets
    no gradient, where Optax at its default gives NaN.

    Shapes: prediction and target (*batch, features); no unit.

    >>> import torch, wald
    >>> wald.CosineDistance()(torch.tensor([[2.0, 0.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0], [4.0, 3.0]]))
    tensor(0.2000)
    """

    form: Literal["distance", "negative"] = param(
        default="distance", choices=("distance", "negative"), help="1 - cos, or -cos"
    )

    card = Card(
        task="other",
        inputs={"prediction": Vector, "target": Vector},
        formula=lambda loss: Formula(
            "1 - cosine(prediction, target)" if loss.form == "distance" else "-cosine(prediction, target)"
        ),
        convex=False,
        perfect_is_minimal=True,
        slope="vanishing",
        when="Embeddings and features whose length means nothing: regression onto a teacher, self-supervision.",
        when_not="Lengths matter (use Squared), or pairs that differ must be pushed apart (use a contrastive loss).",
        points=lambda loss: (
            {"perfect": 0, "floor": 0, "unrelated": 1, "opposite": 2}
            if loss.form == "distance"
            else {"perfect": -1, "floor": -1, "unrelated": 0, "opposite": 1}
        ),
        aliases=("cosine_distance", "CosineSimilarity", "negative cosine", "cosine loss", "cosine proximity"),
        ports={
            "keras.losses.CosineSimilarity": {"form": "negative"},
            "optax.cosine_distance": {},
        },
        tags=("direction", "embedding", "similarity", "vector", "distillation"),
        cite=("Salton & McGill 1983",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        ours, theirs = direction(prediction), direction(target)
        if self.form == "negative":
            return -(ours * theirs).sum(-1)
        # Half the squared distance of two directions is 1 - cos, and keeps its digits where they nearly agree; what
        # the squares of vectors without a direction lack is added.
        lacking = 2 - ours.square().sum(-1) - theirs.square().sum(-1)
        return 0.5 * ((ours - theirs).square().sum(-1) + lacking.round().detach())
