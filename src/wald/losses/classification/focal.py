"""Focal loss: cross-entropy in which easy examples count less."""

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, ClassTarget, Formula, Logit, Logits, numbers, param
from ...core import Loss, Supervised, constant
from ..pieces.softmax import classes_last, log_odds, log_odds_of, spared
from ..pieces.softplus import softplus


class Focal(Supervised):
    """Cross-entropy times (1 - p)^gamma: what is easy counts for less.

    p is the probability given to what is true.
    The surer and the more right an example is, the less it counts. The decision of its minimiser is right, but
    the probability is not: it is pulled towards one half, and can be mapped back (Charoenphakdee et al. 2021).

    `alpha` is off by default. In the binary and multi-label kinds it weights the positives by alpha and the
    negatives by 1 - alpha, so that alpha = 0.25, the default of torchvision and RetinaNet, makes a positive count
    a QUARTER and a negative three quarters, and the decision flips at a probability of 1 - alpha. torchvision
    also reduces by "none" where this takes the mean. In the multiclass kind there is one alpha for each class.
    It is inside the formula and changes no denominator. Gamma never is a factor, always the exponent.

    Keras weights by its alpha only where `apply_class_balancing=True`, and there its multiclass form multiplies all
    classes by it. For several classes kornia and MONAI (`use_softmax=True`) weight class 0 by 1 - alpha and all others
    by alpha, which is `alpha=(1 - alpha, alpha, …)` here, and their mean also divides by the number of classes.
    segmentation-models-pytorch's multiclass focal loss is the binary one of each class against the rest.

    A soft target is the mean over labels drawn from it, t focal(1) + (1 - t) focal(0), whose minimiser is that of
    the labels themselves; torchvision and Keras put the soft target into p instead. On labels they agree.

    Shapes: kind "binary": prediction and target (*batch), each element an example. "multilabel": both
    (*batch, labels), the mean over the labels. "multiclass": prediction (*batch, classes) for one softmax, target
    (*batch) class ids or (*batch, classes) probabilities. Prediction in logits.

    Raises:
        ValueError: `alpha` is one number for several classes, where it would only rescale the loss, or
            several where there is one class, or above 1 where 1 - alpha is the other weight.
        DomainError: a target is outside [0, 1] or not a class.

    >>> import torch, wald
    >>> z, y = torch.tensor([2.0, 2.0]), torch.tensor([1.0, 0.0])
    >>> wald.Focal(gamma=2)(z, y, reduction="none")
    tensor([0.0018, 1.6501])
    >>> wald.Focal(gamma=2, alpha=0.25).card.threshold
    0.75
    """

    gamma: float = param(
        default=2.0,
        at_least=0,
        typical=(0.0, 0.5, 5.0),
        help="how fast an easy example fades: the exponent of 1 - p; 0 is cross-entropy",
    )
    alpha: float | tuple[float, ...] | None = param(
        default=None,
        # A number stays one, be it in a tensor; several go to the classes or labels.
        convert=lambda given: (
            numbers(given)
            if given is None or getattr(given, "ndim", isinstance(given, (list, tuple, dict)))
            else float(given)
        ),
        at_least=0,
        quiet=True,
        typical=(0.25,),
        help="the weight of the positives, 1 - alpha that of the negatives; multiclass: one for each class",
    )
    kind: str = param(
        default="binary",
        choices=("binary", "multilabel", "multiclass"),
        quiet=True,
        help="sigmoid of each element, sigmoid of labels along an axis, or softmax over classes along an axis",
    )
    axis: int = param(default=-1, quiet=True, help="where the labels or classes lie in prediction")

    card = Card(
        task=lambda loss: loss.kind,
        inputs=lambda loss: {
            "binary": {"prediction": Logit, "target": BinaryTarget},
            "multilabel": {
                "prediction": Logit.of("labels", size=len(loss.alpha) if isinstance(loss.alpha, tuple) else None),
                "target": BinaryTarget.of("labels"),
            },
            "multiclass": {
                "prediction": Logits.of("classes", size=len(loss.alpha) if isinstance(loss.alpha, tuple) else None),
                "target": ClassTarget,
            },
        }[loss.kind],
        formula=lambda loss: {
            "binary": Formula(
                "target * (1 - p)**gamma * softplus(-prediction) + (1 - target) * p**gamma * softplus(prediction)",
                p="sigmoid(prediction)",
            )
            if loss.alpha is None
            else Formula(
                "alpha * target * (1 - p)**gamma * softplus(-prediction)"
                " + (1 - alpha) * (1 - target) * p**gamma * softplus(prediction)",
                p="sigmoid(prediction)",
            ),
            "multilabel": Formula(
                "mean([y * sigmoid(-z)**gamma * softplus(-z) + (1 - y) * sigmoid(z)**gamma * softplus(z)"
                " for z, y in zip(prediction, target)])"
            ),
            "multiclass": Formula("-(1 - p)**gamma * log(p)", p="softmax(prediction)[target]")
            if loss.alpha is None
            else Formula("-alpha[target] * (1 - p)**gamma * log(p)", p="softmax(prediction)[target]"),
        }[loss.kind],
        elicits=lambda loss: (
            "unresolved"
            if loss.gamma or (loss.alpha != 0.5 if isinstance(loss.alpha, float) else len({*(loss.alpha or ())}) > 1)
            else "distribution"
            if loss.kind == "multiclass"
            else "probability"
        ),
        proper=lambda loss: (
            loss.gamma == 0 and (loss.alpha == 0.5 if isinstance(loss.alpha, float) else len({*(loss.alpha or ())}) < 2)
        ),
        calibrated=lambda loss: loss.alpha == 0.5 if isinstance(loss.alpha, float) else len({*(loss.alpha or ())}) < 2,
        invertible=True,
        symmetric=False,
        threshold=lambda loss: (
            None
            if loss.kind == "multiclass" or isinstance(loss.alpha, tuple)
            else 1 - (0.5 if loss.alpha is None else loss.alpha)
        ),
        convex=lambda loss: loss.gamma == 0,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; alpha does not enter",
        when="Easy negatives are so many that they drown the rest, as in dense detection, and ranking is what counts.",
        when_not="Probabilities are wanted as they are, or many labels are wrong: it chases exactly those.",
        points=lambda loss: (
            {"floor": 0}
            if loss.alpha is not None
            else {"perfect": 0, "chance": "(1 - 1 / classes)**gamma * log(classes)", "floor": 0}
            if loss.kind == "multiclass"
            else {"perfect": 0, "chance": "log(2) / 2**gamma", "floor": 0}
        ),
        aliases=(
            "sigmoid_focal_loss",
            "softmax focal",
            "BinaryFocal",
            "BinaryFocalCrossentropy",
            "CategoricalFocalCrossentropy",
            "RetinaNet",
        ),
        ports={
            "torchvision.ops.sigmoid_focal_loss": {"alpha": 0.25},
            "optax.losses.sigmoid_focal_loss": {},
            "keras.losses.BinaryFocalCrossentropy": {},
            "keras.losses.CategoricalFocalCrossentropy": {"kind": "multiclass"},
            "kornia.losses.BinaryFocalLossWithLogits": {},
            "kornia.losses.FocalLoss": {"kind": "multiclass"},
            "monai.losses.FocalLoss": {},
            "segmentation_models_pytorch.losses.FocalLoss": {},
        },
        tags=("classification", "imbalanced", "class imbalance", "detection", "hard examples", "multi-label"),
        cite=("Lin et al. 2017, arXiv:1708.02002", "Charoenphakdee et al. 2021, arXiv:2011.09172 (what it estimates)"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "multiclass" and isinstance(self.alpha, float):
            raise ValueError(
                f"Focal: alpha={self.alpha:g} is one number for several classes, where it would only rescale the "
                "loss. Give one alpha for each class, as in alpha=(0.2, 0.3, 0.5), or alpha=None."
            )
        if self.kind == "binary" and isinstance(self.alpha, tuple):
            raise ValueError(
                f'Focal: alpha={self.alpha} is one number for each class, and kind="binary" has one logit. Give the '
                f'weight of the positives, as in alpha={self.alpha[-1]:g}, or use kind="multilabel" or "multiclass".'
            )
        if self.kind != "multiclass" and any(each > 1 for each in _listed(self.alpha)):
            raise ValueError(
                f"Focal: alpha must be <= 1, got {self.alpha}: it weights the positives and 1 - alpha the negatives. "
                "To count positives more than once, use BinaryCrossEntropy(pos_weight=...)."
            )
        if self.kind == "binary" and self.axis != -1:
            raise ValueError('Focal: kind="binary" takes every element as an example and has no axis.')

    def in_plain_layout(self) -> Loss:
        return self if self.axis == -1 else self.replace(axis=-1)

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        return self.plain, self._arranged(*inputs), weight, mask

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = self._arranged(prediction, target)
        if self.kind == "multiclass":
            return self._over_classes(prediction, target)
        alpha = constant(self.alpha, prediction) if isinstance(self.alpha, tuple) else self.alpha
        yes, no = (target, 1 - target) if alpha is None else (alpha * target, (1 - alpha) * (1 - target))
        value = self._focused(prediction, yes) + self._focused(-prediction, no)
        return value.mean(-1) if self.kind == "multilabel" else value

    def _over_classes(self, logits: Tensor, target: Tensor) -> Tensor:
        alpha = constant(self.alpha, logits) if isinstance(self.alpha, tuple) else None
        # Of one class against all others a softmax is a sigmoid, so all kinds share one stable formula.
        if target.is_floating_point():
            return self._focused(log_odds(logits), target if alpha is None else alpha * target).sum(-1)
        logit = log_odds_of(logits, target)
        return self._focused(logit, torch.ones_like(logit) if alpha is None else alpha[target])

    def _focused(self, logit: Tensor, share: Tensor) -> Tensor:
        """`share` times the focal loss of something true that was given this logit."""
        cost = share * spared(softplus(-logit), share)
        if self.gamma == 0:
            return cost
        # In this form the slope of (1 - p)^gamma is finite at p = 1 for any gamma, and at p = 0 too.
        finite = logit.masked_fill(logit == -torch.inf, torch.finfo(logit.dtype).min)
        return torch.exp(-self.gamma * softplus(finite)) * cost

    def _arranged(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return classes_last(self, self.axis, prediction, target, labels=self.kind == "multilabel")


def _listed(alpha: float | tuple[float, ...] | None) -> tuple[float, ...]:
    return alpha if isinstance(alpha, tuple) else () if alpha is None else (alpha,)
