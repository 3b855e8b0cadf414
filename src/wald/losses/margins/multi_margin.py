"""Multi-class margin: the true class leads every other by a margin, each by itself."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last


class MultiMargin(Supervised, OverClasses):
    """Weston and Watkins: the true class leads each other class by a margin.

    max(0, margin - s_y + s_k)**power, over all classes k but the true one. **torch adds these up and divides by the
    number of classes, the true one included**, as here; `average=False` is the sum of Weston and Watkins.

    With more than two classes and power 1 its best scores need not be highest for the likeliest class; with power 2,
    and for LeeLinWahba, they are.
    torch's `weight` multiplies what an example costs by the weight of its class and divides by the number of examples:
    pass `weight=w[target], normalizer="rows"`.

    Shapes: prediction (*batch, classes), scores of any scale; target (*batch) class ids. `axis=1` for images.

    Raises:
        DomainError: an id is not a class.

    >>> import torch, wald
    >>> wald.MultiMargin()(torch.tensor([[0.5, 0.0, -1.0]]), torch.tensor([0]))  # one class is 0.5 too close
    tensor(0.1667)
    """

    margin: float = param(default=1.0, above=0, quiet=True, typical=(0.5,), help="the lead that costs nothing")
    power: Literal[1, 2] = param(default=1, choices=(1, 2), quiet=True, help="1: the hinge; 2: the squared hinge")
    average: bool = param(default=True, typical=(False,), quiet=True, help="divide by the number of classes")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=Formula(
            "(sum([max(0, margin - prediction[target] + s)**power for s in prediction]) - margin**power)"
            " / (len(prediction) if average else 1)"
        ),
        elicits="unresolved",
        proper=False,
        calibrated=lambda loss: loss.power == 2,
        invertible=lambda loss: loss.power == 2,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: loss.power - 1,
        slope=lambda loss: "bounded" if loss.power == 1 else "linear",
        when="A linear or kernel machine over classes, where every class that comes too close should push.",
        when_not="Probabilities are wanted (CrossEntropy), or classes overlap much (LeeLinWahba).",
        points=lambda loss: {
            "perfect": 0,
            "collapse": "margin**power * (classes - 1)" + " / classes" * loss.average,
            "floor": 0,
        },
        aliases=("multi_margin_loss", "MultiMarginLoss", "Weston-Watkins", "multi-class margin", "multiclass SVM"),
        ports={"torch.nn.MultiMarginLoss": {}, "torch.nn.functional.multi_margin_loss": {}},
        tags=("classification", "margin", "svm"),
        cite=("Weston & Watkins 1999 (ESANN)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        own = target.unsqueeze(-1)
        # The true class does not take part: it is given the lead over itself that costs nothing.
        lead = (prediction.gather(-1, own) - prediction).scatter(-1, own, self.margin)
        total = ((self.margin - lead).relu() ** self.power).sum(-1)
        return total / prediction.shape[-1] if self.average else total


class CrammerSinger(Supervised, OverClasses):
    """The true class leads the best of the others by a margin (multi-class hinge).

    max(0, margin - s_y + the highest other score). A margin of 0 is the loss of the multi-class perceptron, which any
    constant score wins. Keras's CategoricalHinge is another function: it takes the highest of (1 - target) · score,
    where the true class stands as 0, so that nothing is gained by other scores below 0.

    Where no class has a chance of one half its best scores are all alike; LeeLinWahba's are not.

    Shapes: prediction (*batch, classes), scores of any scale; target (*batch) class ids. `axis=1` for images.

    Raises:
        DomainError: an id is not a class.

    >>> import torch, wald
    >>> wald.CrammerSinger()(torch.tensor([[0.5, 0.0, -1.0]]), torch.tensor([0]))
    tensor(0.5000)
    """

    margin: float = param(default=1.0, at_least=0, quiet=True, typical=(0.5,), help="the lead that costs nothing")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=Formula("max(0, margin - prediction[target] + max(prediction[:target] + prediction[target + 1:]))"),
        elicits="unresolved",
        proper=False,
        calibrated=False,
        invertible=False,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="bounded",
        when="Classes can be told apart, and only the closest rival should push.",
        when_not="Probabilities are wanted (CrossEntropy), or no class has a chance of one half (LeeLinWahba).",
        points={"perfect": 0, "collapse": "margin", "floor": 0},
        aliases=("multiclass hinge", "multiclass_hinge_loss", "multiclass perceptron", "crammer_singer", "max hinge"),
        ports={
            "optax.losses.multiclass_hinge_loss": {},
            "optax.losses.multiclass_perceptron_loss": {"margin": 0.0},
            "sklearn.metrics.hinge_loss": {},
        },
        tags=("classification", "margin", "svm", "perceptron"),
        cite=("Crammer & Singer 2001, JMLR 2:265-292",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        own = target.unsqueeze(-1)
        rival = prediction.scatter(-1, own, -torch.inf).amax(-1)
        return (self.margin - prediction.gather(-1, own).squeeze(-1) + rival).relu()
