"""Proper losses from any weight of decision thresholds: points, steps, or both."""

from __future__ import annotations

from math import fsum, log
from typing import ClassVar

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, numbers, param
from ...core import Supervised, constant
from ..pieces.softmax import spared
from ..pieces.softplus import softplus


class ThresholdWeighted(Supervised):
    """A proper loss for the decision thresholds that matter, each by its weight.

    Every proper loss of a probability is a mixture of cost-weighted mistakes: at the threshold c a missed yes costs
    1 - c and a false alarm c, and a weight over thresholds says how much each such decision counts. Say the weight,
    and this is the loss. A miss that costs `fn` against a false alarm of `fp` is the threshold fp / (fp + fn) with
    the weight fp + fn.

    `weights` are those of the `thresholds` themselves, 1 each if neither they nor a density are given. `density` is
    a weight per unit of probability, constant between neighbours: one number more than there are thresholds, from 0
    to the first, ..., from the last to 1. A density of 2 everywhere is the Brier score.

    A weight on one threshold alone is the cost-weighted number of mistakes itself: a step, without a slope.
    So that a model can be trained, each is spread evenly over the log-odds within `width` of its threshold, where
    the loss then is a piece of the log loss; and `smooth` adds the log loss times this share of the total
    weight, so that a slope is left everywhere. `width=0, smooth=0` is the exact weight: at a threshold it steps, and
    wherever the weight is 0 all probabilities cost the same and the slope is 0. Use that to judge, not to train.
    With `smooth` above 0, or a density above 0 everywhere, the minimiser is the true probability and nothing else.

    A soft target is the mean over labels drawn from it. On the threshold the decision is yes.

    Shapes: prediction and target (*batch), each element an example; prediction in logits, target 0, 1 or between;
    the loss in the unit of the weights.

    Raises:
        DomainError: a target is outside [0, 1].
        ValueError: thresholds do not rise between 0 and 1; their weights do not go with them, or are all 0.

    >>> import torch, wald
    >>> exact = wald.ThresholdWeighted(thresholds=0.1, weights=10, width=0, smooth=0)  # a miss costs 9, an alarm 1
    >>> exact(torch.tensor([-3.0, -1.0, -3.0, -1.0]), torch.tensor([1.0, 1.0, 0.0, 0.0]), reduction="none")
    tensor([9., 0., 0., 1.])
    >>> brier = wald.ThresholdWeighted(thresholds=(), density=2, smooth=0)
    >>> brier(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.2500)
    """

    thresholds: tuple[float, ...] = param(
        convert=lambda given: (float(given),) if isinstance(given, (int, float)) else numbers(given),
        above=0,
        below=1,
        typical=((0.1, 0.4),),
        help="probabilities from which on a yes pays, rising; where the density changes",
    )
    weights: tuple[float, ...] | None = param(
        default=None,
        convert=lambda given: (float(given),) if isinstance(given, (int, float)) else numbers(given),
        at_least=0,
        typical=((3.0, 1.0),),
        help="how much each threshold counts, a miss plus a false alarm; None for 1, or for 0 where there is a density",
    )
    density: tuple[float, ...] | None = param(
        default=None,
        convert=lambda given: (float(given),) if isinstance(given, (int, float)) else numbers(given),
        at_least=0,
        quiet=True,
        typical=((1.0, 5.0, 1.0),),
        help="the weight per unit of probability between 0, the thresholds, and 1",
    )
    width: float = param(
        default=1.0,
        at_least=0,
        typical=(0.25,),
        help="how far, in log-odds, the weight of a threshold is spread to both sides; 0 leaves a step",
    )
    smooth: float = param(default=0.05, at_least=0, help="the log loss that is added, as a share of the total weight")

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=lambda loss: Formula(
            "smooth * total * (target * softplus(-prediction) + (1 - target) * softplus(prediction)) + "
            + (
                "sum([w * (target * (1 - c) if prediction < log(c / (1 - c)) else (1 - target) * c)"
                " for c, w in zip(thresholds, mass)])"
                if loss.width == 0
                else "sum([w / (2 * width) * (target * (softplus(-z) - softplus(-c - width))"
                " + (1 - target) * (softplus(z) - softplus(c - width)))"
                " for c, w, z in zip(logits, mass, near)])"
            )
            + " + sum([d / 2 * (target * ((1 - min(max(p, a), b))**2 - (1 - b)**2)"
            " + (1 - target) * (min(max(p, a), b)**2 - a**2)) for d, a, b in zip(density or [], low, high)])",
            p="sigmoid(prediction)",
            low="[0, *thresholds]",
            high="[*thresholds, 1]",
            logits="[log(c / (1 - c)) for c in thresholds]",
            near="[min(max(prediction, c - width), c + width) for c in logits]",
            mass="weights or ([] if density else [1 for _ in thresholds])",
            total="sum(mass) + sum([d * (b - a) for d, a, b in zip(density or [], low, high)])",
        ),
        elicits=lambda loss: "probability" if loss.smooth or min(loss.density or (0,)) > 0 else None,
        proper=lambda loss: loss.smooth > 0 or min(loss.density or (0,)) > 0,
        calibrated=lambda loss: True if loss.smooth or min(loss.density or (0,)) > 0 else None,
        invertible=lambda loss: loss.smooth > 0 or min(loss.density or (0,)) > 0,
        symmetric=False,
        threshold=lambda loss: 0.5 if loss.smooth or min(loss.density or (0,)) > 0 else None,
        convex=False,
        perfect_is_minimal=True,
        smooth=lambda loss: 3 if loss.density and not sum(loss.weights or ()) and len({*loss.density}) == 1 else 0,
        slope=lambda loss: "bounded" if loss.smooth else "vanishing",
        when="What mistakes cost differs from case to case or is known as a range, and decisions follow from it.",
        when_not="One cost for all cases and no probabilities wanted (CostSensitiveCrossEntropy), or nothing is known "
        "of the decisions (BinaryCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("threshold-weighted", "Schervish", "cost-weighted misclassification", "elementary scores mixture"),
        tags=("classification", "probabilities", "proper", "thresholds", "costs", "decision", "imbalanced"),
        cite=(
            "Schervish 1989, doi:10.1214/aos/1176347398",
            "Buja, Stuetzle & Shen 2005, Loss Functions for Binary Class Probability Estimation and Classification",
        ),
    )

    _total: ClassVar[float]
    _logits: ClassVar[tuple[float, ...]]
    _mass: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        cuts, density = self.thresholds, self.density or ()
        weights = self.weights or (() if density else (1.0,) * len(cuts))
        if cuts != (rising := tuple(sorted({*cuts}))):
            raise ValueError(f"ThresholdWeighted: thresholds {cuts} must rise, each once. Use thresholds={rising}.")
        if self.weights is not None and len(weights) != len(cuts):
            raise ValueError(
                f"ThresholdWeighted: weights holds {len(weights)} numbers, and there are {len(cuts)} thresholds; give "
                "one for each. A weight between thresholds is a density."
            )
        if self.density is not None and len(density) != len(cuts) + 1:
            raise ValueError(
                f"ThresholdWeighted: density holds {len(density)} numbers, and {len(cuts)} thresholds cut 0 to 1 into "
                f"{len(cuts) + 1} pieces; give one for each."
            )
        edges = zip(density, (0.0, *cuts), (*cuts, 1.0), strict=False)
        total = fsum((*weights, *(each * (high - low) for each, low, high in edges)))
        if not 0 < total < float("inf"):
            raise ValueError(
                f"ThresholdWeighted: the weights add up to {total:g}, so no decision counts. Give weights=(...), one "
                "for each threshold, or density=(...), one more than there are thresholds."
            )
        if not any(weights) and self.width not in (0.0, 1.0):
            raise ValueError(
                f"ThresholdWeighted: width={self.width:g} spreads the weights of thresholds, and there are none beside "
                "the density. Leave it out, or give weights=(...)."
            )
        object.__setattr__(self, "_total", total)
        object.__setattr__(self, "_mass", weights)
        object.__setattr__(self, "_logits", tuple(log(cut / (1 - cut)) for cut in cuts))

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        no = 1 - target
        # A step has no slope, and yet a gradient: 0.
        value = 0.0 * prediction.sigmoid()
        if self.smooth:
            log_loss = target * spared(softplus(-prediction), target) + no * spared(softplus(prediction), no)
            value = value + self.smooth * self._total * log_loss
        for costs in (self._of_points(prediction), self._of_density(prediction)):
            if costs is not None:
                missed, alarms = costs
                value = value + target * missed + no * alarms
        return value

    def _of_points(self, prediction: Tensor) -> tuple[Tensor, Tensor] | None:
        """What the weights of the thresholds make a yes and a no cost."""
        if not any(self._mass):
            return None
        logit, cut, weight = (
            prediction.unsqueeze(-1),
            constant(self._logits, prediction),
            constant(self._mass, prediction),
        )
        if not self.width:
            decided = logit >= cut
            missed = torch.where(decided, 0.0, weight * (-cut).sigmoid())
            return missed.sum(-1), torch.where(decided, weight * cut.sigmoid(), 0.0).sum(-1)
        # Evenly over log-odds, a mixture of cost-weighted mistakes is the log loss between the ends.
        low, high = cut - self.width, cut + self.width
        near = logit.clamp(low, high)
        weight = weight / (2 * self.width)
        missed = weight * (softplus(-near) - softplus(-high))
        return missed.sum(-1), (weight * (softplus(near) - softplus(low))).sum(-1)

    def _of_density(self, prediction: Tensor) -> tuple[Tensor, Tensor] | None:
        """What the density makes a yes and a no cost."""
        if not self.density:
            return None
        half = constant(tuple(each / 2 for each in self.density), prediction)
        low, high = constant((0.0, *self.thresholds), prediction), constant((*self.thresholds, 1.0), prediction)
        # Clamped as a score: on an edge both sides are then on it, which rounding would part for p and 1 - p.
        ends = (-torch.inf, *self._logits, torch.inf)
        near = prediction.unsqueeze(-1).clamp(constant(ends[:-1], prediction), constant(ends[1:], prediction))
        # 1 - p from the other end, so that neither square is one minus something near one.
        missed = half * ((-near).sigmoid().square() - (1 - high).square())
        return missed.sum(-1), (half * (near.sigmoid().square() - low.square())).sum(-1)
