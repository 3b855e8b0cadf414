"""Bootstrapping: a target that is part label, part what the model itself believes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.entropy import entropy
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class Bootstrapping(Supervised, OverClasses):
    """Cross-entropy against a mix of the label and the model's own belief.

    The target is beta times the label plus 1 - beta times what the model predicts itself: its probabilities
    (`hard=False`) or its likeliest class (`hard=True`). A label that the model finds absurd then pulls less. Soft, it
    is beta CE + (1 - beta) H(p), with the entropy H of the prediction: cross-entropy that also rewards being sure,
    the opposite of ConfidencePenalty. The paper has beta = 0.95 for soft and 0.8 for hard.

    The gradient is that of the formula: in the soft form it also flows through the prediction that stands in the
    target. To hold that fixed, which is self-training and another method, mix the target yourself:
    `CrossEntropy()(z, beta * one_hot + (1 - beta) * z.softmax(-1).detach())`.

    Segmentation code calls the mean over the hardest pixels bootstrapped cross-entropy, too; that is
    `CrossEntropy()(…, reduction=wald.CVaR(share))`.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([1])
    >>> wald.Bootstrapping()(logits, target)  # 0.95 · 2.1698 + 0.05 · 0.5241
    tensor(2.0876)
    >>> wald.Bootstrapping(beta=0.8, hard=True)(logits, target)  # 0.8 · 2.1698 + 0.2 · 0.1698
    tensor(1.7698)
    """

    beta: float = param(
        default=0.95, above=0, at_most=1, typical=(1.0,), help="how much of the target is the label; 1 is cross-entropy"
    )
    hard: bool = param(
        default=False, choices=(False, True), help="whether the model's part is its likeliest class, not probabilities"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=lambda loss: Formula(
            "-beta * s[target] - (1 - beta) * max(s)"
            if loss.hard
            else "-beta * s[target] - (1 - beta) * sum([exp(x) * x for x in s])",
            s="log_softmax(prediction)",
        ),
        elicits=lambda loss: "distribution" if loss.beta == 1 else "unresolved",
        proper=lambda loss: loss.beta == 1,
        calibrated=True,
        symmetric=False,
        convex=lambda loss: True if loss.beta == 1 else False if loss.hard else None,
        perfect_is_minimal=True,
        smooth=lambda loss: 0 if loss.hard and loss.beta < 1 else 3,
        slope="bounded",
        when="Some labels are wrong, and the model is right about them sooner than it has learned them by heart.",
        when_not="The model is far from right yet, or probabilities are wanted (CrossEntropy).",
        points={"perfect": 0, "chance": "log(classes)", "floor": 0},
        aliases=("bootstrap loss", "soft bootstrap", "hard bootstrap", "SoftBootstrapping", "HardBootstrapping"),
        tags=("classification", "label noise", "wrong labels", "self-training"),
        cite=("Reed et al. 2014, arXiv:1412.6596",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        own = -prediction.log_softmax(-1).amax(-1) if self.hard else entropy(prediction)
        return torch.lerp(own, cross_entropy(prediction, target), self.beta)
