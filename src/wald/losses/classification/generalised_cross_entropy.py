"""Generalised cross-entropy: between cross-entropy and the absolute error of probabilities, by one exponent."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import below_infinity, classes_last, of_the_true_class
from ..pieces.softplus import softplus


class GeneralisedCrossEntropy(Supervised, OverClasses):
    """(1 - p^q) / q: cross-entropy that minds a wrong label less as q grows.

    p is the probability of the true class. At q = 0 it is CrossEntropy, which does all it can to explain every label,
    wrong ones too. At q = 1 it is 1 - p, half the absolute error between probabilities and the one-hot target (MAE):
    the values of all classes add to a constant, so that labels that are wrong evenly do not move its minimiser, but
    it learns slowly, and with many classes hardly at all. Between them it is bounded by 1/q, and an example that the
    model holds impossible has next to no slope.

    It is right about the likeliest class, and its softmax is no probability: sharper than the truth, and at q = 1
    all on one class. For q below 1 the truth can be had back: it is proportional to p^(1 - q).

    At q = 1 it has the gradient of dynamic fine-tuning (DFT) of language models, cross-entropy times p held fixed.

    The truncated form of the paper stops looking at examples with p below some k: `Truncated` of this at
    (1 - k^q) / q. Keras takes probabilities, not logits, and does not clip them.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1])
    >>> wald.GeneralisedCrossEntropy()(logits, target, reduction="none")
    tensor([0.5492, 1.4259])
    >>> wald.GeneralisedCrossEntropy(q=1.0)(logits, target, reduction="none")
    tensor([0.5000, 0.9999])
    """

    q: float = param(
        default=0.7,
        at_least=0,
        at_most=1,
        typical=(0.0, 1.0),
        help="0 is cross-entropy, 1 half the absolute error of probabilities: how little a wrong label pulls",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=lambda loss: (
            Formula("(1 - p**q) / q", p="softmax(prediction)[target]")
            if loss.q
            else Formula("-log_softmax(prediction)[target]")
        ),
        elicits=lambda loss: "mode" if loss.q == 1 else "unresolved" if loss.q else "distribution",
        proper=lambda loss: loss.q == 0,
        calibrated=True,
        invertible=lambda loss: loss.q < 1,
        symmetric=lambda loss: loss.q == 1,
        convex=lambda loss: loss.q == 0,
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "vanishing" if loss.q else "bounded",
        when="Many labels are wrong, and the likeliest class is what counts.",
        when_not="Labels are right (CrossEntropy learns faster), or probabilities are wanted.",
        points=lambda loss: (
            {"perfect": 0, "chance": "(1 - classes**-q) / q", "worst": "1 / q", "floor": 0}
            if loss.q
            else {"perfect": 0, "chance": "log(classes)", "floor": 0}
        ),
        aliases=(
            "GCE",
            "generalized cross entropy",
            "GeneralizedCrossEntropy",
            "mean absolute error of probabilities",
            "MAE of classes",
            "DFT",
            "dynamic fine-tuning",
        ),
        ports={"keras.losses.CategoricalGeneralizedCrossEntropy": {"q": 0.5}},
        tags=("classification", "label noise", "wrong labels", "robust", "bounded"),
        cite=(
            "Zhang & Sabuncu 2018, arXiv:1805.07836",
            "Ghosh, Kumar & Sastry 2017, arXiv:1712.09482 (the absolute error under label noise)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        return of_the_true_class(self._cost, below_infinity(prediction), target)

    def _cost(self, log_odds: Tensor) -> Tensor:
        if self.q == 1:
            return (-log_odds).sigmoid()
        surprise = softplus(-log_odds)
        # By expm1, as near p = 1 the difference to 1 would lose its digits, and near q = 0 everywhere.
        return -torch.expm1(-self.q * surprise) / self.q if self.q else surprise
