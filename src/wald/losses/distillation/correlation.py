"""Distillation by correlation: what matters is the order that the teacher sees, not its numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, param
from ...core import Supervised
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class CorrelationDistillation(Supervised):
    """A student's probabilities correlate with a teacher's, within each example and within each class (DIST).

    temperature² · (within · (1 - Pearson over the classes of an example) + between · the mean over classes of (1 -
    Pearson over the examples of the batch)). A correlation asks for the teacher's order and proportions, not for its
    sureness, which a small student of a large teacher cannot reach. The examples of a batch meet in the second part:
    what it costs is given to each alike. **The target is held fixed.**

    A class or example that does not vary has no correlation, and costs 1. A batch of one example therefore costs
    `between`, without a gradient from it.

    Shapes: prediction and target (N, classes), both logits; exactly one batch axis.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> teacher = torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.0, 3.0]])
    >>> float(wald.CorrelationDistillation()(teacher, teacher)) < 1e-6
    True
    """

    temperature: float = param(default=1.0, above=0, typical=(4.0,), help="what both sides' logits are divided by")
    within: float = param(default=1.0, at_least=0, help="the weight of correlations over the classes of an example")
    between: float = param(default=1.0, at_least=0, help="the weight of correlations over the examples of a class")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": Logits},
        formula=Formula(
            "temperature**2 * (within * (1 - cosine(centre(p[i]), centre(t[i])))"
            " + between * mean([1 - cosine(centre([r[k] for r in p]), centre([r[k] for r in t])) for k in classes]))",
            centre="lambda v: [x - mean(v) for x in v]",
            p="[softmax([x / temperature for x in row]) for row in prediction]",
            t="[softmax([x / temperature for x in row]) for row in target]",
            classes="range(len(p[0]))",
        ),
        convex=False,
        coupling="coupled",
        slope="vanishing",
        denominator="the unmasked examples, each counted by its weight",
        when="The teacher is much stronger than the student, and matching it exactly fails.",
        when_not="Probabilities themselves are used afterwards (Distillation), or batches are small.",
        points={"perfect": 0, "floor": 0, "collapse": "temperature**2 * (within + between)"},
        aliases=("DIST", "DISTLoss", "Pearson distillation"),
        ports={"torchdistill.losses.mid_level.DISTLoss": {}},
        tags=("distillation", "teacher", "student", "correlation"),
        cite=("Huang et al. 2022, arXiv:2205.10536",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("CorrelationDistillation", "over which examples correlate", prediction=prediction, target=target)
        own, wanted = (_uneven(z / self.temperature) for z in (prediction, target.detach()))
        within = 1 - _correlation(own, wanted)
        counted = torch.ones_like(within) if keep is None else keep.to(within.dtype)
        between = 1 - _correlation(own.mT, wanted.mT, counted)
        return self.temperature**2 * (self.within * within + self.between * between.mean())


def _uneven(logits: Tensor) -> Tensor:
    """Softmax probabilities less their mean, 1 / classes, which keeps their digits where all are nearly alike."""
    above = (logits - logits.amax(-1, keepdim=True)).expm1()
    return (above - above.mean(-1, keepdim=True)) / (1 + above).sum(-1, keepdim=True)


def _correlation(x: Tensor, y: Tensor, counted: Tensor | None = None) -> Tensor:
    """Pearson's along the last axis over what is counted; 0 where one of them does not vary."""
    counted = x.new_ones(x.shape[-1]) if counted is None else counted
    total = counted.sum().clamp(min=1)
    x, y = ((v - (v * counted).sum(-1, keepdim=True) / total) * counted for v in (x, y))
    return (direction(x) * direction(y)).sum(-1)
