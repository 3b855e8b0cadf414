"""Hinge and squared hinge: a score on the right side by a margin costs nothing."""

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Real, param
from ...core import Supervised
from ..pieces.softmax import spared


class Hinge(Supervised):
    """The support vector machine's loss: nothing beyond the margin.

    Hinge, the loss of the support vector machine: nothing beyond the margin, linear before it.
    Its minimiser is the margin with the sign of the likelier label: right decisions, but no probabilities.
    A target between 0 and 1 mixes the losses of the two labels.

    Shapes: prediction and target (*batch); prediction a score of any scale, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1]; for labels of -1 and +1, pass (target + 1) / 2.

    >>> import torch, wald
    >>> wald.Hinge()(torch.tensor([2.0, 0.5, 0.5]), torch.tensor([1.0, 1.0, 0.0]), reduction="none")
    tensor([0.0000, 0.5000, 1.5000])
    """

    margin: float = param(
        default=1.0,
        above=0,
        quiet=True,
        typical=(0.5,),
        help="how far on its side a score must be to cost nothing, in the unit of the score",
    )

    card = Card(
        task="binary",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula("target * max(margin - prediction, 0) + (1 - target) * max(margin + prediction, 0)"),
        elicits="mode",
        proper=False,
        calibrated=True,
        invertible=False,
        symmetric=False,
        threshold=0.5,
        convex=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="bounded",
        when="Only the decision counts, and examples decided by a wide margin should pull no more.",
        when_not="Probabilities are wanted: use BinaryCrossEntropy, or SquaredHinge and its map.",
        points={"perfect": 0, "chance": "margin", "floor": 0},
        aliases=("SVM", "soft margin SVM", "hinge_loss", "binary:hinge", "max margin"),
        ports={
            "keras.losses.Hinge": {},
            "optax.losses.hinge_loss": {},
            "sklearn.hinge": {},
            "xgboost.binary:hinge": {},
        },
        tags=("classification", "margin", "svm"),
        cite=(
            "Cortes & Vapnik 1995, doi:10.1007/BF00994018",
            "Bartlett, Jordan & McAuliffe 2006, doi:10.1198/016214505000000907 (calibration)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        yes, no = _gaps(prediction, target, self.margin)
        return target * yes + (1 - target) * no


class SquaredHinge(Supervised):
    """The hinge squared: smooth where it meets the margin.

    Hinge squared: nothing beyond the margin, quadratic before it, and smooth where they meet.
    Its minimiser is (2p - 1) times the margin, so the probability p can be read from the best score. There is
    no factor of one half, as in Keras and scikit-learn.

    Shapes: prediction and target (*batch); prediction a score of any scale, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1]; for labels of -1 and +1, pass (target + 1) / 2.

    >>> import torch, wald
    >>> wald.SquaredHinge()(torch.tensor([2.0, 0.5, 0.5]), torch.tensor([1.0, 1.0, 0.0]), reduction="none")
    tensor([0.0000, 0.2500, 2.2500])
    """

    margin: float = param(
        default=1.0,
        above=0,
        quiet=True,
        typical=(0.5,),
        help="how far on its side a score must be to cost nothing, in the unit of the score",
    )

    card = Card(
        task="binary",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula("target * max(margin - prediction, 0)**2 + (1 - target) * max(margin + prediction, 0)**2"),
        elicits="unresolved",
        proper=False,
        calibrated=True,
        invertible=True,
        symmetric=False,
        threshold=0.5,
        convex=True,
        perfect_is_minimal=True,
        smooth=1,
        slope="linear",
        when="The decision counts most, and a smooth slope or a rough probability helps.",
        when_not="Some labels are wrong: its slope grows with the error. Use Hinge or BinaryCrossEntropy.",
        points={"perfect": 0, "chance": "margin**2", "floor": 0},
        aliases=("L2-SVM", "L2 hinge", "quadratic hinge", "squared_hinge"),
        ports={"keras.losses.SquaredHinge": {}, "sklearn.squared_hinge": {}},
        tags=("classification", "margin", "svm"),
        cite=(
            "Zhang 2004, doi:10.1214/aos/1079120130",
            "Bartlett, Jordan & McAuliffe 2006, doi:10.1198/016214505000000907 (calibration)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        yes, no = _gaps(prediction, target, self.margin)
        return target * yes.square() + (1 - target) * no.square()


def _gaps(prediction: Tensor, target: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """How far the score is short of the margin, were the label a yes and were it a no."""
    yes, no = torch.relu(margin - prediction), torch.relu(margin + prediction)
    return spared(yes, target), spared(no, 1 - target)
