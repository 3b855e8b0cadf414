"""Class-distance weighted cross-entropy: a wrong class costs by how far it is from the true one."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import below_infinity, classes_last, log_odds, spared
from ..pieces.softplus import softplus


class ClassDistance(Supervised, OverClasses):
    """Each wrong class is denied, the farther from the true one the more (CDW-CE).

    Σ |k - y|**power · -log(1 - p_k) over the classes k, with p the softmax of the scores. Where cross-entropy asks for
    the probability of the true class, this asks that all others have none, and asks most of the farthest. With
    two classes both are the same.

    It is no proper score: what is minimal is not the true distribution, and with a large power it leans to the classes
    in the middle, which are far from none. 1 - p is found without rounding to 0, so nothing is clamped.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised, the classes in their order; target (*batch) class ids, or
    (*batch, classes) probabilities as floats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> wald.ClassDistance(power=2.0)(torch.zeros(3, 3), torch.arange(3), reduction="none")  # (1 + 4), 2 and 5 log 1.5
    tensor([2.0273, 0.8109, 2.0273])
    """

    power: float = param(default=5.0, above=0, typical=(1.0,), help="how fast the cost grows with the distance")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula(
            "sum([-abs(k - target)**power * log(1 - p[k]) for k in range(len(p))])", p="softmax(prediction)"
        ),
        elicits="unresolved",
        proper=False,
        calibrated=False,
        symmetric=False,
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        when="Classes have an order, one softmax over them is wanted, and only being far off is bad.",
        when_not="Probabilities are wanted (RankedProbability, Ordinal), or the classes have no order.",
        points={"perfect": 0, "floor": 0},
        aliases=("CDW-CE", "CDWCELoss", "class distance weighted cross-entropy"),
        tags=("ordinal", "ordered classes", "classification", "grades"),
        cite=("Polat et al. 2022, arXiv:2202.05167",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        place = torch.arange(prediction.shape[-1], device=prediction.device, dtype=prediction.dtype)
        far = (place - place.unsqueeze(-1)).abs() ** self.power
        weight = target @ far if target.is_floating_point() else far[target]
        return (weight * spared(softplus(log_odds(below_infinity(prediction))), weight)).sum(-1)
