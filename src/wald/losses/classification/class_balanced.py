"""Class-balanced cross-entropy: each class weighted by how much its examples say that is new."""

from __future__ import annotations

from math import expm1, fsum, log
from typing import ClassVar

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class ClassBalancedCrossEntropy(Supervised, OverClasses):
    """Cross-entropy with class weights from the effective number of examples.

    The n-th example of a class tells less than the first: n examples are worth (1 - beta^n) / (1 - beta), their
    effective number. A class is weighted by one over that. At beta = 0 all classes weigh the same, and it is
    CrossEntropy; towards beta = 1 the weights become 1 / counts, and at 1 they are. In between, classes with far
    more than 1 / (1 - beta) examples are no longer told apart: 1,000 at the default of 0.999.

    The weights (`class_weight`) are scaled to a mean of 1 over the classes, as in the paper. That scale shows in
    `reduction="none"` and "sum" only: the mean divides by the sum of the weights of its targets, as CrossEntropy
    does, where the paper and most copies divide by their number; `normalizer="rows"` gives that.

    Its minimiser is proportional to the weights times the distribution of the classes: it decides for rare classes
    sooner, and its softmax is no probability. The weights are known, so both can be undone after training.
    For one logit, yes or no, use `BinaryCrossEntropy(pos_weight=w[1] / w[0])` with the `class_weight` w of this.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes)
    probabilities as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: a class has no examples; fewer than two classes.
        ShapeError: prediction has not one score for each of the counts.

    >>> import torch, wald
    >>> loss = wald.ClassBalancedCrossEntropy(counts=(9900, 100), beta=0.999)
    >>> [round(weight, 3) for weight in loss.class_weight]
    [0.174, 1.826]
    >>> loss(torch.zeros(2, 2), torch.tensor([0, 1]), reduction="none")
    tensor([0.1205, 1.2658])
    """

    counts: tuple[float, ...] = param(
        convert=numbers,
        above=0,
        typical=((900.0, 90.0, 9.0, 1.0),),
        help="how many examples each class has in the training data: a list, tensor or dict of class id to number",
    )
    beta: float = param(
        default=0.999,
        at_least=0,
        at_most=1,
        typical=(0.0, 1.0),
        help="how fast examples of a class stop being new: 0 weights no class, 1 by the inverse of its count",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {"prediction": Logits.of("classes", size=len(loss.counts)), "target": ClassTarget},
        formula=lambda loss: Formula(
            "-w[target] / mean(w) * log_softmax(prediction)[target]",
            w="[1 / n for n in counts]" if loss.beta == 1 else "[(1 - beta) / (1 - beta**n) for n in counts]",
        ),
        elicits=lambda loss: "distribution" if loss.beta == 0 or len({*loss.counts}) < 2 else "unresolved",
        proper=lambda loss: loss.beta == 0 or len({*loss.counts}) < 2,
        calibrated=lambda loss: loss.beta == 0 or len({*loss.counts}) < 2,
        invertible=True,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        denominator="the sum of the class weights of the targets that count",
        share=lambda loss: Formula(
            "w[target] / mean(w)",
            w="[1 / n for n in counts]" if loss.beta == 1 else "[(1 - beta) / (1 - beta**n) for n in counts]",
        ),
        when="Some classes have hundreds of times more examples than others, and all classes matter alike.",
        when_not="Probabilities are wanted (train CrossEntropy and move the decision), or what mistakes cost is known "
        "(CostSensitiveCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("class-balanced", "CB loss", "ClassBalanced", "effective number of samples", "inverse frequency"),
        tags=("classification", "class weights", "imbalanced", "class imbalance", "long tail"),
        cite=("Cui et al. 2019, arXiv:1901.05555",),
    )

    _weight: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.counts) < 2:
            raise ValueError(f"ClassBalancedCrossEntropy: counts is for two classes or more, got {self.counts}")
        each = [_share_of_new(count, self.beta) for count in self.counts]
        object.__setattr__(self, "_weight", tuple(weight * len(each) / fsum(each) for weight in each))

    @property
    def class_weight(self) -> tuple[float, ...]:
        """What an example of each class counts; the mean over the classes is 1."""
        return self._weight

    def share(self, *inputs: Tensor) -> Tensor | None:
        prediction, target = inputs
        weight = constant(self._weight, prediction)
        return target @ weight if target.is_floating_point() else weight[target]

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(*classes_last(self, self.axis, prediction, target), class_weight=self._weight)


def _share_of_new(count: float, beta: float) -> float:
    """One over the effective number of `count` examples, up to a factor that all classes share."""
    if beta == 1:
        return 1 / count
    # 1 - beta^count by expm1, as beta is most often close to 1, where the difference would lose its digits.
    return 1.0 if beta == 0 else (1 - beta) / -expm1(count * log(beta))
