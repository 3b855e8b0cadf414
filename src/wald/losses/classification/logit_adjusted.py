"""Logit adjustment: cross-entropy that expects the classes to be as rare as they are."""

from __future__ import annotations

from math import fsum, log
from typing import ClassVar

from torch import Tensor

from ...cards import BinaryTarget, Card, ClassTarget, Formula, Logit, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy, not_ignored, spared
from ..pieces.softplus import softplus


class LogitAdjusted(Supervised, OverClasses):
    """Cross-entropy of the scores plus tau times the log prior of the classes.

    Cross-entropy of prediction + tau · log(prior). What is added says how common each class is, so the model
    itself need not: at tau = 1 its scores are those of data in which all classes are equally common, and its argmax
    makes the fewest mistakes on the average of the classes (balanced error). At tau = 0 it is CrossEntropy.

    **Use the scores as they are when deciding**; adding the prior there, too, gives back plain cross-entropy. The
    probabilities of the true base rate are softmax(prediction + tau · log(prior)): nothing is lost, and training
    plain CrossEntropy and subtracting tau · log(prior) afterwards has the same minimiser. What differs is where a
    model that cannot fit everything spends its strength.

    `prior` is the share of each class, one number a class; counts do as well, and are divided by their sum.
    A single number is the share of "yes" for one logit: BinaryCrossEntropy of
    prediction + tau · log(prior / (1 - prior)), whose decision at a score of 0 flips at a chance of `prior`
    for tau = 1.

    Shapes: with several numbers prediction (*batch, classes), target (*batch) class ids or (*batch, classes)
    probabilities as floats, `axis=1` for images (N, C, H, W). With one number prediction and target (*batch), each
    element an example, target 0, 1 or between. Prediction in logits, the loss in nats.

    Raises:
        ValueError: a class has a prior of 0, whose log is no number; a single prior is not between 0 and 1.
        ShapeError: prediction has not one score for each class of the prior.

    >>> import torch, wald
    >>> wald.LogitAdjusted(prior=(990, 10))(torch.zeros(2, 2), torch.tensor([0, 1]), reduction="none")
    tensor([0.0101, 4.6052])
    >>> wald.LogitAdjusted(prior=0.01)(torch.zeros(2), torch.tensor([0.0, 1.0]), reduction="none")
    tensor([0.0101, 4.6052])
    """

    prior: float | tuple[float, ...] = param(
        # One number is the share of "yes"; several are those of the classes.
        convert=lambda given: (
            numbers(given) if getattr(given, "ndim", isinstance(given, (list, tuple, dict))) else float(given)
        ),
        above=0,
        typical=((0.6, 0.25, 0.1, 0.05), 0.1),
        help="the share of each class in the training data, or their counts; one number: the share of yes",
    )
    tau: float = param(
        default=1.0,
        at_least=0,
        typical=(0.5,),
        help="how much of the prior is taken out of the scores: 1 for balanced error, 0 for none",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the target that marks what to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task=lambda loss: "multiclass" if isinstance(loss.prior, tuple) else "binary",
        inputs=lambda loss: (
            {"prediction": Logits.of("classes", size=len(loss.prior)), "target": ClassTarget}
            if isinstance(loss.prior, tuple)
            else {"prediction": Logit, "target": BinaryTarget}
        ),
        formula=lambda loss: (
            Formula("-log_softmax([z + tau * log(p / sum(prior)) for z, p in zip(prediction, prior)])[target]")
            if isinstance(loss.prior, tuple)
            else Formula(
                "target * softplus(-z) + (1 - target) * softplus(z)", z="prediction + tau * log(prior / (1 - prior))"
            )
        ),
        elicits=lambda loss: (
            "unresolved"
            if loss.tau and (len({*loss.prior}) > 1 if isinstance(loss.prior, tuple) else loss.prior != 0.5)
            else "distribution"
            if isinstance(loss.prior, tuple)
            else "probability"
        ),
        proper=lambda loss: (
            not loss.tau or (len({*loss.prior}) < 2 if isinstance(loss.prior, tuple) else loss.prior == 0.5)
        ),
        calibrated=lambda loss: (
            not loss.tau or (len({*loss.prior}) < 2 if isinstance(loss.prior, tuple) else loss.prior == 0.5)
        ),
        invertible=True,
        symmetric=False,
        threshold=lambda loss: (
            None
            if isinstance(loss.prior, tuple)
            else loss.prior**loss.tau / (loss.prior**loss.tau + (1 - loss.prior) ** loss.tau)
        ),
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; the prior does not enter",
        when="All classes matter alike however rare they are, and the shares of the training data are known.",
        when_not="You are judged on the classes as common as they are (CrossEntropy), or by what mistakes cost "
        "(CostSensitiveCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "logit adjustment",
            "LA loss",
            "LogitAdjustment",
            "balanced softmax",
            "balanced meta-softmax",
            "prior correction",
        ),
        tags=("classification", "imbalanced", "class imbalance", "long tail", "prior", "balanced error", "base rate"),
        cite=("Menon et al. 2021, arXiv:2007.07314", "Ren et al. 2020, arXiv:2007.10740 (balanced softmax)"),
    )

    _shift: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.prior, tuple):
            if len(self.prior) < 2:
                raise ValueError(
                    f"LogitAdjusted: prior={self.prior} is for two classes or more; for one logit give the share of "
                    "yes as a number, as in prior=0.01"
                )
            total = fsum(self.prior)
            # Shares stay as they were given; counts become shares.
            if abs(total - 1) > 1e-6:
                object.__setattr__(self, "prior", tuple(each / total for each in self.prior))
            object.__setattr__(self, "_shift", tuple(self.tau * log(each) for each in self.prior))
        else:
            if self.prior >= 1:
                raise ValueError(
                    f"LogitAdjusted: prior={self.prior:g} as a single number is the share of yes, between 0 and 1. "
                    f"For counts give one a class, as in prior=(990, 10)"
                )
            if self.axis != -1:
                raise ValueError("LogitAdjusted: a single prior takes every element as an example and has no axis.")
            object.__setattr__(self, "_shift", (self.tau * log(self.prior / (1 - self.prior)),))

    def kept(self, *inputs: Tensor) -> Tensor | None:
        target = inputs[1]
        return not_ignored(target, self.ignore_index) if isinstance(self.prior, tuple) else target != self.ignore_index

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if not isinstance(self.prior, tuple):
            (shift,) = self._shift
            logit, no = prediction + shift, 1 - target
            return target * spared(softplus(-logit), target) + no * spared(softplus(logit), no)
        prediction, target = classes_last(self, self.axis, prediction, target)
        return cross_entropy(prediction + constant(self._shift, prediction), target)
