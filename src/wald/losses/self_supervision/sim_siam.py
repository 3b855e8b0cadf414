"""BYOL and SimSiam: a prediction points where the other view points, which does not move for it."""

from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import direction


class SimSiam(Contrastive):
    """A prediction points where the target points; the target gets no gradient (BYOL, SimSiam).

    -cos(prediction, target), or 2 - 2 cos with `form="distance"`, which is BYOL's squared distance of vectors of
    length 1. **The target is a constant**: without that both views would meet in one point at once. lightly leaves it
    to the caller to detach it.

    Each view predicts the other, so that the whole is half of loss(p1, z2) + loss(p2, z1) (SimSiam), or their sum
    (BYOL), with z from the same network or a moving average of it (`wald.Teacher`), and p by a small predictor on top.
    A value that goes to its floor at once, while the deviation of z over the batch goes to 0, is a collapse.

    Shapes: prediction and target (*batch, features).

    >>> import torch, wald
    >>> wald.SimSiam()(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(-0.6000)
    >>> wald.SimSiam(form="distance")(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.8000)
    """

    form: str = param(
        default="cosine", choices=("cosine", "distance"), help="-cos, from -1 to 1, or 2 - 2 cos, from 0 to 4"
    )

    card = Card(
        task="other",
        inputs={"prediction": Vector, "target": Vector},
        formula=lambda loss: Formula(
            "-cosine(prediction, target)" if loss.form == "cosine" else "2 - 2 * cosine(prediction, target)"
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        when="Two views of an example, no negatives, and a predictor on one side or a slow teacher on the other.",
        when_not="There is neither predictor nor teacher: it collapses (VICReg, BarlowTwins, NTXent).",
        points=lambda loss: {
            "perfect": -1 if loss.form == "cosine" else 0,
            "collapse": -1 if loss.form == "cosine" else 0,
            "floor": -1 if loss.form == "cosine" else 0,
            "chance": 0 if loss.form == "cosine" else 2,
        },
        aliases=(
            "BYOL",
            "BYOLLoss",
            "SimSiamLoss",
            "NegativeCosineSimilarity",
            "bootstrap your own latent",
        ),
        ports={
            "lightly.loss.NegativeCosineSimilarity": {},
            "byol_pytorch.loss_fn": {"form": "distance"},
        },
        tags=("self-supervised", "embedding", "two views", "stop-gradient"),
        cite=("Grill et al. 2020, arXiv:2006.07733 (BYOL)", "Chen & He 2021, arXiv:2011.10566 (SimSiam)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        cosine = (direction(prediction) * direction(target.detach())).sum(-1)
        return -cosine if self.form == "cosine" else 2 - 2 * cosine
