"""Multi-class hinges that look at one class at a time: one versus all, and Lee, Lin and Wahba's."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import below_infinity, classes_last


class OneVersusAllHinge(Supervised, OverClasses):
    """A hinge for every class: the true one says yes, all others say no.

    max(0, margin - s_y)**power plus the sum over the other classes of max(0, margin + s_k)**power: one support vector
    machine a class, trained together; scikit-learn's LinearSVC trains the same, with power 2. With power 1 no class
    says yes where none has a chance of one half, so the highest score means nothing there; with power 2 the best score
    is (2 p_k - 1) times the margin, and the highest is the likeliest class.

    It is a sum: with many classes most of it, and of its gradient, is about classes saying no.

    Shapes: prediction (*batch, classes), scores of any scale; target (*batch) class ids. `axis=1` for images.

    Raises:
        DomainError: an id is not a class.

    >>> import torch, wald
    >>> wald.OneVersusAllHinge()(torch.tensor([[0.5, -0.25, -2.0]]), torch.tensor([0]))  # 0.5 + 0.75 + 0
    tensor(1.2500)
    """

    margin: float = param(default=1.0, above=0, quiet=True, typical=(0.5,), help="how far on its side costs nothing")
    power: Literal[1, 2] = param(default=1, choices=(1, 2), quiet=True, help="1: the hinge; 2: the squared hinge")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=Formula(
            "max(0, margin - own)**power + sum([max(0, margin + s)**power for s in prediction])"
            " - max(0, margin + own)**power",
            own="prediction[target]",
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
        when="One machine for each class is wanted, as in one-versus-rest support vector machines.",
        when_not="Probabilities are wanted (CrossEntropy), or classes overlap (LeeLinWahba, or power=2).",
        points={"perfect": 0, "floor": 0},
        aliases=("one vs rest hinge", "OVR hinge", "OVA hinge", "one-versus-rest", "multiclass squared hinge"),
        ports={"sklearn.svm.LinearSVC": {"power": 2}},
        tags=("classification", "margin", "svm", "one versus rest"),
        cite=("Rifkin & Klautau 2004, JMLR 5:101-141",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        own = target.unsqueeze(-1)
        sided = prediction.scatter(-1, own, -prediction.gather(-1, own))
        return ((self.margin + sided).relu() ** self.power).sum(-1)


class LeeLinWahba(Supervised, OverClasses):
    """The multi-class hinge whose best score is highest for the likeliest class.

    The sum over the wrong classes of max(0, s_k + 1 / (classes - 1))**power, for scores that add to 0: each
    wrong class is pushed below -1 / (classes - 1), and the true one rises to 1 as they fall. **The scores are centred
    here**, by their mean, so that any head may give them; a constant added to all scores changes nothing.

    Of the usual multi-class hinges this one is consistent: with power 1 its best scores are 1 for the likeliest class
    and -1 / (classes - 1) for all others, whether or not any class has a chance of one half.
    A class with a score of -inf cannot occur and takes no part, in the mean and in the number of classes either.

    Shapes: prediction (*batch, classes), scores of any scale; target (*batch) class ids. `axis=1` for images.

    Raises:
        DomainError: an id is not a class.

    >>> import torch, wald
    >>> wald.LeeLinWahba()(torch.tensor([[1.0, -0.5, -0.5], [0.0, 0.0, 0.0]]), torch.tensor([0, 0]), reduction="none")
    tensor([0., 1.])
    """

    power: Literal[1, 2] = param(default=1, choices=(1, 2), quiet=True, help="1: the hinge; 2: the squared hinge")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=Formula(
            "sum(cost) - cost[target]",
            cost="[max(0, s - mean(prediction) + 1 / max(len(prediction) - 1, 1))**power for s in prediction]",
        ),
        elicits=lambda loss: "mode" if loss.power == 1 else "unresolved",
        proper=False,
        calibrated=True,
        invertible=lambda loss: loss.power == 2,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: loss.power - 1,
        slope=lambda loss: "bounded" if loss.power == 1 else "linear",
        when="Only the likeliest class counts, classes overlap, and a margin is wanted.",
        when_not="Probabilities are wanted (CrossEntropy), or classes are many: its slope is then small.",
        points={"perfect": 0, "collapse": "(classes - 1) ** (1 - power)", "floor": 0},
        aliases=("LLW", "Lee-Lin-Wahba hinge", "multicategory SVM", "MSVM", "consistent multiclass hinge"),
        tags=("classification", "margin", "svm", "consistent"),
        cite=("Lee, Lin & Wahba 2004, doi:10.1198/016214504000000098",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        prediction, own = below_infinity(prediction), target.unsqueeze(-1)
        possible = prediction != -torch.inf
        scores = prediction.masked_fill(~possible, 0.0)
        count = possible.sum(-1, keepdim=True).to(prediction.dtype)
        centred = scores - scores.sum(-1, keepdim=True) / count.clamp(min=1)
        cost = (centred + 1 / (count - 1).clamp(min=1)).relu() ** self.power
        total = cost.masked_fill(~possible, 0.0).scatter(-1, own, 0.0).sum(-1)
        return total.masked_fill(~possible.gather(-1, own).squeeze(-1), torch.inf)
