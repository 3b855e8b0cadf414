"""Vector scaling: cross-entropy of scores with a factor and a shift for each class, from how common it is."""

from __future__ import annotations

from math import fsum, log
from typing import ClassVar

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class VectorScaling(Supervised, OverClasses):
    """Cross-entropy of scores scaled and shifted by how common each class is.

    The vector-scaling (VS) loss: CrossEntropy of d_k z_k + tau log(share_k), with the factor
    d_k = (count_k / largest count)^gamma. The shift is that of LogitAdjusted, which this is at gamma = 0; it works
    early, and its effect fades once a network fits all its training data, as scores grow. The factor is what still
    matters then: a rare class has its scores shrunk in training, so the network must give it longer ones. tau = 0
    leaves the factors alone, the class-dependent temperatures of Ye et al.

    **Use the scores as they are when deciding**; factors and shifts belong to training.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: a class has no examples; fewer than two classes.
        ShapeError: prediction has not one score for each of the counts.

    >>> import torch, wald
    >>> loss = wald.VectorScaling(counts=(1600, 100), gamma=0.25, tau=0.0)
    >>> loss.factors
    (1.0, 0.5)
    >>> loss(torch.tensor([[1.0, 2.0]]), torch.tensor([1]))  # both scores are 1
    tensor(0.6931)
    """

    counts: tuple[float, ...] = param(
        convert=numbers,
        above=0,
        typical=((60.0, 25.0, 10.0, 5.0),),
        help="how many examples each class has in the training data: a list, tensor or dict of class id to number",
    )
    gamma: float = param(
        default=0.15, at_least=0, typical=(0.0,), help="how much the scores of rare classes are shrunk; 0 for not"
    )
    tau: float = param(default=1.0, at_least=0, typical=(0.0,), help="how much of the log share is added")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {"prediction": Logits.of("classes", size=len(loss.counts)), "target": ClassTarget},
        formula=Formula(
            "-log_softmax([(n / max(counts))**gamma * z + tau * log(n / sum(counts))"
            " for z, n in zip(prediction, counts)])[target]"
        ),
        elicits=lambda loss: "distribution" if loss.gamma == loss.tau == 0 or len({*loss.counts}) < 2 else "unresolved",
        proper=lambda loss: loss.gamma == loss.tau == 0 or len({*loss.counts}) < 2,
        calibrated=lambda loss: loss.gamma == loss.tau == 0 or len({*loss.counts}) < 2,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; the counts do not enter",
        when="A network that fits all of its training data, some classes with very few examples, all mattering alike.",
        when_not="Training stops early (LogitAdjusted), or probabilities are wanted (CrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("VS loss", "VSLoss", "vector scaling loss", "CDT loss", "class-dependent temperatures"),
        tags=("classification", "imbalanced", "class imbalance", "long tail", "prior", "balanced error"),
        cite=("Kini et al. 2021, arXiv:2103.01550",),
    )

    _shift: ClassVar[tuple[float, ...]]
    _factors: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.counts) < 2:
            raise ValueError(f"VectorScaling: counts is for two classes or more, got {self.counts}")
        total, most = fsum(self.counts), max(self.counts)
        object.__setattr__(self, "_shift", tuple(self.tau * log(each / total) for each in self.counts))
        object.__setattr__(self, "_factors", tuple((each / most) ** self.gamma for each in self.counts))

    @property
    def factors(self) -> tuple[float, ...]:
        """What the scores of each class are multiplied by."""
        return self._factors

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        return cross_entropy(
            constant(self._factors, prediction) * prediction + constant(self._shift, prediction), target
        )
