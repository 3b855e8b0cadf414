"""Soft F1: one minus the F1 score of the whole batch, with probabilities for yes and no."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised
from ..pieces.pairs import one_batch_of_scores


class SoftF1(Supervised):
    """One minus the F1 of the batch, with probabilities in place of yes and no.

    F1 is 2 TP / (2 TP + FP + FN), here with soft counts: TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t over the
    examples of the batch, for p = sigmoid(prediction). One minus that is Σ |p - t| / (Σ p + Σ t) for labels of 0 and 1,
    which is how it is computed: nothing cancels. With `smooth` above 0 both sides of the ratio 2 TP / (…) get it: it is
    then Dice, over the batch in place of the pixels.

    **It depends on who is in the batch.** The mean over batches is not that of the data, and a batch without a
    positive costs 1 whatever is predicted, with almost no slope. Use batches that hold several positives. Each example
    has its share of the mistakes: the mean over the examples is the loss of the batch.

    For several labels, `torch.vmap(loss, in_dims=1)(prediction, target).mean()` is the macro F1, in which a rare label
    counts as much as a common one, and `flatten()` of both the micro F1. The "double" F1 of some notebooks is the mean
    of this and of the loss of (-prediction, 1 - target), where the negatives are what is looked for.

    Shapes: prediction and target (N,), the one batch axis; prediction in logits, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> prediction, target = torch.tensor([40.0, 40.0, -40.0]), torch.tensor([1.0, 0.0, 0.0])
    >>> wald.SoftF1()(prediction, target)  # one hit, one false alarm: F1 is 2/3
    tensor(0.3333)
    """

    smooth: float = param(
        default=0.0, at_least=0, typical=(1.0,), help="added above and below, in examples; it decides an empty batch"
    )

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "n * abs(sigmoid(prediction[i]) - target[i])"
            " / (sum([sigmoid(z) + t for z, t in zip(prediction, target)]) + smooth)",
            n="len(target)",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=None,
        slope="vanishing",
        denominator="the unmasked examples, each counted by its weight",
        when="You are judged by F1, and batches hold many positives.",
        when_not="Batches are small, or probabilities are wanted (BinaryCrossEntropy, then a tuned threshold).",
        points={"perfect": 0, "worst": 1, "floor": 0},
        aliases=("soft F1", "macro soft F1", "SoftF1Loss", "soft_f1_loss", "BinarySoftF1", "F-measure loss"),
        tags=("classification", "multi-label", "F1", "imbalanced", "metric", "batch"),
        cite=("Pastor-Pellicer et al. 2013, doi:10.1007/978-3-642-38679-4_37",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("SoftF1", prediction=prediction, target=target)
        p = prediction.sigmoid()
        there = torch.ones_like(p) if keep is None else keep.to(p.dtype)
        both = ((p + target) * there).sum(-1, keepdim=True) + self.smooth
        # |p - t| by the probability of what is wrong, which keeps its digits where p is close to t.
        wrong = torch.where(target > 0.5, (target - 1) + (-prediction).sigmoid(), p - target).abs()
        size = there.sum(-1, keepdim=True).clamp(min=1)
        return size * wrong / torch.where(both == 0, torch.ones_like(both), both)
