"""Distribution-balanced loss: rare labels count more, whatever comes with them, and their negatives pull less."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, numbers, param
from ...core import Supervised, constant
from ..pieces.softplus import softplus


class DistributionBalanced(Supervised):
    """Binary cross-entropy for long-tailed labels: rebalanced, and mild with negatives.

    Binary cross-entropy with three changes. Sampling a rare label more often brings its companions with it, so label
    k of an example is weighted by how often a sampler of its own would draw the example, over how often all samplers
    do: r = (1 / n_k) / Σ_j y_j / n_j, made smooth as floor + sigmoid(steepness · (r - midpoint)). An example with no
    true label has r = ∞. Every score is shifted down by prior / negative_scale · log(N / n_k - 1), so that a rare
    label must score higher to count as true; only the loss shifts, predictions are read without. A negative costs
    softplus(negative_scale · z) / negative_scale, so that those that are told by some way pull no more. With gamma
    above 0 both are focal, times `scale`.

    `counts` are of the whole training data, not of the batch. A label that is never or always true
    counts as once true, or once not.

    Shapes: prediction and target (*batch, labels), with one count for each label; prediction in logits, target 0, 1
    or between. The value of an example is the mean over its labels.

    Raises:
        ValueError: a count is negative or exceeds `examples`.
        DomainError: a target is outside [0, 1].
        ShapeError: there is not one count for each label.

    >>> import torch, wald
    >>> loss = wald.DistributionBalanced(counts=(900, 10), examples=1000)
    >>> loss(torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), reduction="none")
    tensor([0.2363, 0.2553])
    """

    counts: tuple[float, ...] = param(
        convert=numbers,
        at_least=0,
        typical=((900.0, 90.0, 9.0, 1.0),),
        help="how many examples of the training data have each label",
    )
    examples: float = param(typical=(1000.0,), at_least=2, help="how many examples the training data has")
    floor: float = param(default=0.1, at_least=0, help="the least weight of a label in an example")
    steepness: float = param(default=10.0, above=0, help="how sharply the weight rises with r")
    midpoint: float = param(default=0.2, help="the r at which half of the rise is done")
    negative_scale: float = param(default=2.0, above=0, help="how much milder negatives are; 1 is none")
    prior: float = param(default=0.05, at_least=0, help="how far scores are shifted by the log-odds of their labels")
    gamma: float = param(default=2.0, at_least=0, typical=(0.0,), help="the exponent of the focal loss; 0 is none")
    scale: float = param(default=2.0, above=0, help="what a focal loss is multiplied by; not used at gamma 0")

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Logit.of("labels", size=len(loss.counts)),
            "target": BinaryTarget.of("labels"),
        },
        formula=Formula(
            "mean([w * (scale if gamma else 1) * (t * sigmoid(-x)**gamma * softplus(-x)"
            " + (1 - t) * sigmoid(a * x)**gamma * softplus(a * x) / a) for w, x, t in zip(weight, z, target)])",
            a="negative_scale",
            n="[min(max(c, 1), examples - 1) for c in counts]",
            drawn="max(sum([t / c for t, c in zip(target, n)]), 1e-30)",
            weight="[floor + sigmoid(min(steepness * (1 / c / drawn - midpoint), 700)) for c in n]",
            z="[s - prior / a * log(examples / c - 1) for s, c in zip(prediction, n)]",
        ),
        convex=lambda loss: True if loss.gamma == 0 else None,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; within an example, its labels",
        when="Several labels at once, a few of them common and most rare, judged by the mean over labels.",
        when_not="Labels are about equally common, or probabilities are wanted (BinaryCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("DB loss", "DistributionBalancedLoss", "distribution-balanced loss", "DB-focal", "rebalanced focal"),
        ports={"timm.loss.DistributionBalancedLoss": {}},
        tags=("classification", "multi-label", "imbalanced", "long tail", "focal", "class imbalance"),
        cite=("Wu et al. 2020, arXiv:2007.09654",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.counts, default=0) > self.examples:
            raise ValueError(
                f"DistributionBalanced: a label has a count of {max(self.counts):g} in {self.examples:g} examples. "
                "counts is how many examples have each label, examples how many there are."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        counts = [min(max(count, 1.0), self.examples - 1) for count in self.counts]
        frequency = constant(tuple(1 / count for count in counts), prediction)
        shift = tuple(self.prior / self.negative_scale * math.log(self.examples / count - 1) for count in counts)
        drawn = (target * frequency).sum(-1, keepdim=True)
        ratio = frequency / drawn.clamp(min=1e-30)
        weight = self.floor + (self.steepness * (ratio - self.midpoint)).sigmoid()
        z = prediction - constant(shift, prediction)
        yes = target * self._faded(z, softplus(-z))
        negative = self.negative_scale * z
        no = (1 - target) * self._faded(-negative, softplus(negative)) / self.negative_scale
        return (weight * (yes + no)).mean(-1)

    def _faded(self, sure: Tensor, cost: Tensor) -> Tensor:
        """The cost of a label, made smaller the surer its score is."""
        return self.scale * torch.exp(-self.gamma * softplus(sure)) * cost if self.gamma else cost
