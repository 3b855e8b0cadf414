"""LDAM: cross-entropy in which rare classes must win by a larger margin."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, log_odds, log_odds_of, spared
from ..pieces.softplus import softplus


class LDAM(Supervised, OverClasses):
    """Cross-entropy in which the true class must win by a margin, larger for rare ones.

    Label-distribution-aware margins: cross-entropy of scale · (prediction - m at the true class), with
    m_k = max_margin · (least count / count_k)^(1/4). The rarest class has `max_margin`, one with 16 times as many
    examples half of it.

    Scores are meant to be cosines, of normalised features and normalised class vectors: only then does a margin of
    0.5 mean anything, as scores that may grow without end soon exceed any margin. The loss does not normalise. `scale`
    takes the place of the length that the normalisation took away. The margin is asked for in training only: decide
    by the scores as they are.

    The paper also starts to weight the classes late in training; that is a schedule, and no part of the loss: give
    `weight=` from some epoch on.

    A soft target is the mean over labels drawn from it, each with its own margin.

    Shapes: prediction (*batch, classes), cosines; target (*batch) class ids, or (*batch, classes) probabilities as
    floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: a class has no examples; fewer than two classes.
        ShapeError: prediction has not one score for each of the counts.

    >>> import torch, wald
    >>> loss = wald.LDAM(counts=(1600, 100))
    >>> loss.margins
    (0.25, 0.5)
    >>> loss(torch.tensor([[0.5, 0.25]]), torch.tensor([0]))  # won by its margin exactly
    tensor(0.6931)
    """

    counts: tuple[float, ...] = param(
        convert=numbers,
        above=0,
        typical=((900.0, 90.0, 9.0, 1.0),),
        help="how many examples each class has in the training data: a list, tensor or dict of class id to number",
    )
    max_margin: float = param(
        default=0.5, at_least=0, help="the margin of the rarest class, in units of the prediction"
    )
    scale: float = param(default=30.0, above=0, typical=(2.0,), help="what scores are multiplied by before the softmax")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {"prediction": Logits.of("classes", size=len(loss.counts)), "target": ClassTarget},
        formula=Formula(
            "softplus(logsumexp(s[:target] + s[target + 1:]) - s[target] + scale * m)",
            m="max_margin * (min(counts) / counts[target])**0.25",
            s="[scale * z for z in prediction]",
        ),
        elicits=lambda loss: "distribution" if loss.max_margin == 0 and loss.scale == 1 else "unresolved",
        proper=lambda loss: loss.max_margin == 0 and loss.scale == 1,
        # At a large scale the decision is off near ties only, by less than can be measured.
        calibrated=lambda loss: (
            loss.max_margin == 0 or len({*loss.counts}) < 2 or (None if loss.scale * loss.max_margin > 5 else False)
        ),
        invertible=True,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        # Smooth at any scale; at a large one the bend is too narrow to be told from a jump.
        smooth=lambda loss: 3 if loss.scale < 10 else None,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; the counts do not enter",
        when="A network with normalised features and class vectors, and some classes with very few examples.",
        when_not="Scores are not cosines (LogitAdjusted), or probabilities are wanted (CrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("LDAMLoss", "label-distribution-aware margin", "LDAM-DRW"),
        tags=("classification", "imbalanced", "class imbalance", "long tail", "margin", "cosine"),
        cite=("Cao et al. 2019, arXiv:1906.07413",),
    )

    _push: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.counts) < 2:
            raise ValueError(f"LDAM: counts is for two classes or more, got {self.counts}")
        object.__setattr__(self, "_push", tuple(self.scale * margin for margin in self.margins))

    @property
    def margins(self) -> tuple[float, ...]:
        """By how much each class must win, in units of the prediction."""
        least = min(self.counts)
        return tuple(self.max_margin * (least / count) ** 0.25 for count in self.counts)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        scores, push = self.scale * prediction, constant(self._push, prediction)
        # Of one class against all others a softmax is a sigmoid, and the margin moves only that one class.
        if target.is_floating_point():
            return (target * spared(softplus(push - log_odds(scores)), target)).sum(-1)
        return softplus(push[target] - log_odds_of(scores, target))
