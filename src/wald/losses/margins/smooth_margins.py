"""Two binary losses of the margin that give back a probability: modified Huber and exponential."""

import math

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Real
from ...core import Supervised
from ..pieces.softmax import spared


class ModifiedHuber(Supervised):
    """The squared hinge, with a straight line where a score is badly wrong.

    With z the score on the side of its label (the score of a yes, minus the score of a no): 0 beyond z = 1, (1 - z)²
    down to z = -1, and -4 z below, so that one wrong label cannot pull without limit. Its minimiser is 2p - 1, as that
    of SquaredHinge, so (1 + score) / 2, held between 0 and 1, is a probability, which is how scikit-learn has it.
    It is not the Huber loss of regression.

    Shapes: prediction and target (*batch); prediction a score of any scale, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1]; for labels of -1 and +1, pass (target + 1) / 2.

    >>> import torch, wald
    >>> wald.ModifiedHuber()(torch.tensor([2.0, 0.5, 3.0]), torch.tensor([1.0, 1.0, 0.0]), reduction="none")
    tensor([ 0.0000,  0.2500, 12.0000])
    """

    card = Card(
        task="binary",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula(
            "target * (yes**2 if yes <= 2 else 4 * yes - 4) + (1 - target) * (no**2 if no <= 2 else 4 * no - 4)",
            yes="max(1 - prediction, 0)",
            no="max(1 + prediction, 0)",
        ),
        elicits="unresolved",
        proper=False,
        calibrated=True,
        invertible=True,
        symmetric=False,
        threshold=0.5,
        convex=True,
        perfect_is_minimal=True,
        smooth=1,
        slope="bounded",
        when="The decision counts most, a rough probability helps, and some labels are wrong.",
        when_not="Good probabilities are wanted: use BinaryCrossEntropy.",
        points={"perfect": 0, "chance": 1, "floor": 0},
        aliases=("modified_huber", "quadratically smoothed hinge", "smoothed squared hinge", "Huberised hinge"),
        ports={"sklearn.modified_huber": {}},
        tags=("classification", "margin", "svm", "robust"),
        cite=("Zhang 2004, doi:10.1214/aos/1079120130",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return target * spared(_short(1 - prediction), target) + (1 - target) * spared(
            _short(1 + prediction), 1 - target
        )


class Exponential(Supervised):
    """AdaBoost's loss: the exponential of how far a score is on the wrong side.

    exp(-score) for a yes and exp(score) for a no. Its minimiser is half the logit of the probability, so the
    probability is sigmoid(2 · score), which is how scikit-learn has it. For the same label it is also its own second
    derivative. **One wrong label can outweigh everything**: its slope has no bound, and float32 overflows
    for a score 88 on the wrong side. BinaryCrossEntropy has the same best decisions and a slope of at most 1.

    Shapes: prediction and target (*batch); prediction a score, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1]; for labels of -1 and +1, pass (target + 1) / 2.

    >>> import torch, wald
    >>> wald.Exponential()(torch.tensor([0.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 0.0]), reduction="none")
    tensor([1.0000, 0.3679, 2.7183])
    """

    card = Card(
        task="binary",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula("target * exp(-prediction) + (1 - target) * exp(prediction)"),
        elicits="unresolved",
        proper=False,
        calibrated=True,
        invertible=True,
        symmetric=False,
        threshold=0.5,
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="exponential",
        when="Boosting as AdaBoost does it, with labels that are right.",
        when_not="Some labels are wrong, or a network is trained (BinaryCrossEntropy).",
        points={"perfect": 0, "chance": 1, "floor": 0},
        aliases=("AdaBoost", "exponential loss", "ExponentialLoss", "boosting loss"),
        ports={"sklearn.exponential": {}},
        tags=("classification", "margin", "boosting"),
        cite=(
            "Freund & Schapire 1997, doi:10.1006/jcss.1997.1504",
            "Friedman, Hastie & Tibshirani 2000, doi:10.1214/aos/1016218223 (half the logit)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        no = 1 - target
        return target * _growing(-prediction, target) + no * _growing(prediction, no)


def _growing(x: Tensor, share: Tensor) -> Tensor:
    """exp(x), but 1 where it would overflow and its share is none: 0 times infinity has no slope."""
    return x.masked_fill((share == 0) & (x > math.log(torch.finfo(x.dtype).max)), 0.0).exp()


def _short(gap: Tensor) -> Tensor:
    """gap² from 0 to 2 and its tangent beyond; nothing below."""
    # As a product, since the difference of two squares would lose all digits far out.
    near = gap.clamp(0, 2)
    return near * (2 * gap.relu() - near)
