"""Poly-1: cross-entropy plus a multiple of the chance that the true class did not get."""

from __future__ import annotations

from torch import Tensor

from ...cards import BinaryTarget, Card, ClassTarget, Formula, Logit, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, not_ignored, of_the_true_class, spared
from ..pieces.softplus import softplus


class Poly(Supervised, OverClasses):
    """Cross-entropy plus epsilon (1 - p): its first polynomial term made larger.

    Cross-entropy is the series (1 - p) + (1 - p)²/2 + (1 - p)³/3 + … in the probability p of what is true, and
    Poly-1 changes the factor of the first term from 1 to 1 + epsilon. Above 0 it pulls harder at examples that are
    already right and makes the model surer; at -1 the first term is gone, and easy examples count little, as in Focal.
    At 0 it is CrossEntropy, or BinaryCrossEntropy. Below -1 a sure and right prediction would cost more than a less
    sure one, so that is refused.

    A soft target is the mean over labels drawn from it, as in timm and Optax. Poly-1 is no proper loss unless
    epsilon is 0: the probabilities of its minimiser are pushed away from the middle (above 0) or towards it.

    Shapes: kind "multiclass": prediction (*batch, classes), target (*batch) class ids or (*batch, classes)
    probabilities as floats; `axis=1` for images (N, C, H, W). Kind "binary": prediction and target (*batch), each
    element an example, target 0, 1 or between. Prediction in logits, the loss in nats.

    Raises:
        ValueError: epsilon is below -1.
        DomainError: a target is outside [0, 1] or not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    >>> wald.Poly()(logits, target)  # 0.1698 + 2 · 0.1562
    tensor(0.4823)
    >>> wald.Poly(epsilon=0)(logits, target), wald.CrossEntropy()(logits, target)
    (tensor(0.1698), tensor(0.1698))
    """

    epsilon: float = param(
        default=2.0,
        at_least=-1,
        typical=(-1.0, 0.0),
        help="how much is added to the factor of 1 - p; 0 is cross-entropy",
    )
    kind: str = param(
        default="multiclass",
        choices=("multiclass", "binary"),
        quiet=True,
        help="softmax over classes along an axis, or sigmoid of each element",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the target that marks what to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task=lambda loss: loss.kind,
        inputs=lambda loss: (
            {"prediction": Logit, "target": BinaryTarget}
            if loss.kind == "binary"
            else {"prediction": Logits, "target": ClassTarget}
        ),
        formula=lambda loss: (
            Formula(
                "target * (softplus(-prediction) + epsilon * (1 - p))"
                " + (1 - target) * (softplus(prediction) + epsilon * p)",
                p="sigmoid(prediction)",
            )
            if loss.kind == "binary"
            else Formula("-log(p) + epsilon * (1 - p)", p="softmax(prediction)[target]")
        ),
        elicits=lambda loss: (
            "unresolved" if loss.epsilon else "probability" if loss.kind == "binary" else "distribution"
        ),
        proper=lambda loss: loss.epsilon == 0,
        calibrated=True,
        invertible=True,
        symmetric=False,
        threshold=lambda loss: 0.5 if loss.kind == "binary" else None,
        # Of two classes shown in the second derivative; of more only seen.
        convex=lambda loss: (
            abs(loss.epsilon) <= 1 if loss.kind == "binary" or loss.epsilon == 0 or loss.epsilon > 1 else None
        ),
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        when="Cross-entropy works, and one number may be tuned: above 0 for images of many classes, -1 where easy "
        "examples drown the rest.",
        when_not="Probabilities are wanted as they are (CrossEntropy, BinaryCrossEntropy).",
        points=lambda loss: (
            {"perfect": 0, "chance": "log(2) + epsilon / 2", "floor": 0}
            if loss.kind == "binary"
            else {"perfect": 0, "chance": "log(classes) + epsilon * (1 - 1 / classes)", "floor": 0}
        ),
        aliases=("PolyLoss", "Poly-1", "Poly1", "poly1 cross entropy", "poly1_cross_entropy"),
        ports={
            "optax.losses.poly_loss_cross_entropy": {},
            "timm.loss.PolyCrossEntropy": {},
            "timm.loss.PolyBinaryCrossEntropy": {"kind": "binary"},
        },
        tags=("classification", "softmax", "polynomial", "focal"),
        cite=("Leng et al. 2022, arXiv:2204.12511",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "binary" and self.axis != -1:
            raise ValueError('Poly: kind="binary" takes every element as an example and has no axis.')

    def kept(self, *inputs: Tensor) -> Tensor | None:
        target = inputs[1]
        return target != self.ignore_index if self.kind == "binary" else not_ignored(target, self.ignore_index)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.kind == "binary":
            no = 1 - target
            return target * spared(self._cost(prediction), target) + no * spared(self._cost(-prediction), no)
        return of_the_true_class(self._cost, *classes_last(self, self.axis, prediction, target))

    def _cost(self, log_odds: Tensor) -> Tensor:
        """What something true costs that was given these log-odds."""
        return softplus(-log_odds) + self.epsilon * (-log_odds).sigmoid()
