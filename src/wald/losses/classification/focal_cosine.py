"""Focal cosine: the angle between the scores and the true class, plus a little focal loss of their direction."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.distance import direction
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, log_odds, over_labels
from ..pieces.softplus import softplus


class FocalCosine(Supervised, OverClasses):
    """One minus the cosine of scores and one-hot target, plus some focal loss of it.

    1 - z_y / |z| + weight (1 - p)^gamma (-log p), with p the softmax of the scores at length 1. Only the direction of
    the scores counts. Scores of length 1 leave p between about 1/K and e/(e + K - 1), so that the focal factor is
    near 1 whatever is predicted, and the value never comes to 0: with ten classes and the defaults it stays above
    0.09. The recipe is from competitions with few images a class.

    Where all scores are 0 there is no direction: the cosine is 0 and the gradient, too. A class with a score of
    -inf cannot occur and adds nothing to the length. Scores stay logits for the
    decision; they are no probabilities.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> wald.FocalCosine(weight=0)(torch.tensor([[3.0, 4.0]]), torch.tensor([0]))
    tensor(0.4000)
    """

    gamma: float = param(default=2.0, at_least=0, typical=(0.0,), help="the exponent of 1 - p in the focal part")
    weight: float = param(default=0.1, at_least=0, typical=(0.0,), help="the weight of the focal part")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula(
            "1 - unit[target] - weight * (1 - p)**gamma * log(p)",
            unit="[z / sqrt(sum([x**2 for x in prediction])) for z in prediction]",
            p="softmax(unit)[target]",
        ),
        elicits="unresolved",
        proper=False,
        symmetric=False,
        convex=False,
        perfect_is_minimal=None,
        smooth=None,
        slope="vanishing",
        when="Few examples of each class, and a recipe that asks for it.",
        when_not="Anything else is possible: CrossEntropy, or LDAM and ProxySoftmax for directions with a scale.",
        points={"collapse": "1 + weight * (1 - 1 / classes)**gamma * log(classes)"},
        aliases=("FocalCosineLoss", "focal cosine loss", "cosine focal"),
        ports={"pytorch_optimizer.FocalCosineLoss": {}},
        tags=("classification", "cosine", "angle", "few examples", "focal"),
        cite=("Barz & Denzler 2019, arXiv:1901.09054 (the cosine part)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        lost = prediction == -torch.inf
        unit = direction(prediction.masked_fill(lost, 0.0))
        odds = log_odds(unit.masked_fill(lost, -torch.inf)).masked_fill(lost, 0.0)
        focal = torch.exp(-self.gamma * softplus(odds)) * softplus(-odds)
        return over_labels((1 - unit + self.weight * focal).masked_fill(lost, torch.inf), target)
