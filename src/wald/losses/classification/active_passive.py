"""Losses normalised over the classes, which even label noise does not move, and their mix with an absolute error."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import below_infinity, classes_last, log_odds, of_the_true_class, over_labels
from ..pieces.softplus import softplus


class NormalisedCrossEntropy(Supervised, OverClasses):
    """Cross-entropy of the true class over that of all classes: between 0 and 1.

    log p_y / Σ_k log p_k: what the true class costs as a share of what all classes cost together. The shares of all
    classes add to 1, so labels that are wrong evenly only scale and shift the loss and do not move its minimiser.
    With gamma above 0 the same of the focal loss, (1 - p)^gamma (-log p).

    A class with a logit of -inf costs all there is, so that every other class costs 0.

    By itself it learns little: with three classes or more it is already small when *one* wrong class is nearly
    impossible, whichever of the others is the likeliest. `ActivePassive` adds what pulls towards the right one.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> wald.NormalisedCrossEntropy()(torch.zeros(1, 4), torch.tensor([2]))
    tensor(0.2500)
    """

    gamma: float = param(
        default=0.0, at_least=0, typical=(2.0,), help="the exponent of 1 - p, as in Focal; 0 is cross-entropy"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula("cost[target] / sum(cost)", cost="[-((1 - p)**gamma) * log(p) for p in softmax(prediction)]"),
        elicits="unresolved",
        proper=False,
        calibrated=False,
        symmetric=True,
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="As the active half of ActivePassive, where many labels are wrong.",
        when_not="Alone with more than two classes (ActivePassive), or where labels are right (CrossEntropy).",
        points={"perfect": 0, "chance": "1 / classes", "floor": 0},
        aliases=("NCE loss (normalised)", "normalized cross entropy", "NormalizedCrossEntropy", "normalised focal"),
        tags=("classification", "label noise", "wrong labels", "robust", "bounded"),
        cite=("Ma et al. 2020, arXiv:2006.13554",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _share(*classes_last(self, self.axis, prediction, target), self.gamma)


class ActivePassive(Supervised, OverClasses):
    """Normalised cross-entropy plus an absolute error: learns well, minds wrong labels little.

    alpha times `NormalisedCrossEntropy`, which pulls the true class up (active), plus beta times
    -log_zero (1 - p_y), which pushes all others down (passive). For both the values of all classes add to a constant,
    so labels that are wrong evenly do not move the minimiser; each alone learns too little, both together learn well.

    The passive half has two names, and is one function: at `log_zero=-4` the reverse cross-entropy (NCE+RCE), with
    -4 in place of log 0; at `log_zero=-2` the absolute error 2 (1 - p_y) (NCE+MAE). The authors' code writes the
    absolute error without its 2, and clamps the one-hot target at 1e-4, a log_zero of -9.2. `gamma` above 0 makes the
    active half the normalised focal loss (NFL). alpha and beta are chosen for each data set: the paper has 1 and 1 for
    CIFAR-10, 10 and 0.1 for CIFAR-100.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: log_zero is not below 0, or a weight is not above 0.
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> wald.ActivePassive(log_zero=-2.0)(torch.zeros(1, 4), torch.tensor([2]))  # 1/4 + 2 · 3/4
    tensor(1.7500)
    """

    alpha: float = param(default=1.0, above=0, typical=(10.0,), help="the weight of the active half")
    beta: float = param(default=1.0, above=0, help="the weight of the passive half")
    log_zero: float = param(
        default=-4.0, below=0, help="what stands for log 0: -4 is the reverse cross-entropy, -2 the absolute error"
    )
    gamma: float = param(default=0.0, at_least=0, typical=(0.5,), help="above 0, the active half is focal")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula(
            "alpha * cost[target] / sum(cost) - beta * log_zero * (1 - p[target])",
            p="softmax(prediction)",
            cost="[-((1 - q)**gamma) * log(q) for q in p]",
        ),
        elicits="mode",
        proper=False,
        calibrated=True,
        invertible=False,
        symmetric=True,
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Many labels are wrong, about evenly, and the likeliest class is what counts.",
        when_not="Labels are right, or probabilities are wanted (CrossEntropy); how labels go wrong is known "
        "(ForwardCorrection).",
        points={
            "perfect": 0,
            "chance": "alpha / classes - beta * log_zero * (1 - 1 / classes)",
            "floor": 0,
        },
        aliases=("APL", "active passive loss", "NCE+RCE", "NCE+MAE", "NFL+RCE", "NFL+MAE", "NCEandRCE", "NCEandMAE"),
        tags=("classification", "label noise", "wrong labels", "robust", "bounded"),
        cite=("Ma et al. 2020, arXiv:2006.13554",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        passive = of_the_true_class(lambda odds: (-odds).sigmoid(), below_infinity(prediction), target)
        return self.alpha * _share(prediction, target, self.gamma) - self.beta * self.log_zero * passive


def _share(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """What the true class costs, as a share of what all classes cost together."""
    # A class that cannot occur costs all there is; a finite number for that keeps the shares apart.
    odds = log_odds(below_infinity(logits)).clamp(-1e30, 1e30)
    cost = softplus(-odds)
    if gamma:
        cost = torch.exp(-gamma * softplus(odds)) * cost
    return over_labels(cost / cost.sum(-1, keepdim=True), target)
