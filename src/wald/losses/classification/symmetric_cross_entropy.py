"""Symmetric cross-entropy: cross-entropy plus its reverse, which bounds what a wrong label pulls."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, of_the_true_class
from ..pieces.softplus import softplus


class SymmetricCrossEntropy(Supervised, OverClasses):
    """Cross-entropy plus the reverse cross-entropy, whose pull of wrong labels is bounded.

    alpha CE(target, p) + beta CE(p, target). The reverse asks for the logarithm of the target, which is 0 for the
    true class and log 0 for all others; `log_zero` stands for that. So the reverse is -log_zero (1 - p) with p the
    probability of the true class: the absolute error of probabilities, scaled. Cross-entropy learns fast, the
    reverse is not moved by labels that are wrong evenly, and alpha is kept small.

    It is alpha times Poly with epsilon = -log_zero beta / alpha. With the paper's settings for CIFAR-10, the defaults,
    epsilon is 40.

    Catalyst's loss of this name takes probabilities, clamps the one-hot target to [1e-4, 1] in both terms, so that
    its log 0 is -9.2, and its cross-entropy counts the other classes a little, too: another function.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: log_zero is not below 0, or both weights are 0.
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> wald.SymmetricCrossEntropy()(logits, target)  # 0.1 ln 2 + 4/2
    tensor(2.0693)
    """

    alpha: float = param(default=0.1, at_least=0, help="the weight of cross-entropy")
    beta: float = param(default=1.0, at_least=0, typical=(0.0,), help="the weight of the reverse cross-entropy")
    log_zero: float = param(default=-4.0, below=0, help="what stands for the logarithm of 0, in nats")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula("-alpha * log(p) - beta * log_zero * (1 - p)", p="softmax(prediction)[target]"),
        elicits=lambda loss: "unresolved" if loss.beta and loss.alpha else "mode" if loss.beta else "distribution",
        proper=lambda loss: loss.beta == 0,
        calibrated=True,
        invertible=lambda loss: loss.alpha > 0,
        symmetric=lambda loss: loss.alpha == 0,
        convex=lambda loss: loss.beta == 0,
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "bounded" if loss.alpha else "vanishing",
        when="Many labels are wrong, and GeneralisedCrossEntropy learns too slowly.",
        when_not="Labels are right, or probabilities are wanted (CrossEntropy).",
        points={
            "perfect": 0,
            "chance": "alpha * log(classes) - beta * log_zero * (1 - 1 / classes)",
            "floor": 0,
        },
        aliases=("SCE", "SCELoss", "symmetric cross entropy learning", "reverse cross entropy", "RCE"),
        tags=("classification", "label noise", "wrong labels", "robust"),
        cite=("Wang et al. 2019, arXiv:1908.06112",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha == self.beta == 0:
            raise ValueError("SymmetricCrossEntropy: alpha and beta are both 0, so nothing is left; make one positive")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return of_the_true_class(self._cost, *classes_last(self, self.axis, prediction, target))

    def _cost(self, log_odds: Tensor) -> Tensor:
        reverse = -self.log_zero * (-log_odds).sigmoid()
        return self.alpha * softplus(-log_odds) + self.beta * reverse if self.alpha else self.beta * reverse
