"""Partial AUC: positives should score above the negatives that score highest."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Label, Real, param
from ...core import Supervised
from ...core.tensors import wide
from ..pieces.pairs import hinge_over_pairs, mean_over, one_batch_of_scores
from ..pieces.ties import placed, runs


class PartialAUC(Supervised):
    """A surrogate of the area under the ROC curve up to a false-positive rate: the hardest negatives count.

    The mean of max(0, margin - (s - s'))**power over all pairs of a positive with score s and a negative with score
    s' among the share `max_fpr` of the negatives that score highest. This is one-way partial AUC, false-positive rates
    from 0 to `max_fpr`, the part of the curve at which a screen or an alarm works. It is also, for each positive,
    the conditional value at risk at `max_fpr` of the pair's cost over the negatives. At `max_fpr=1` it is
    PairwiseHinge.

    A share that ends within a negative counts that one in part, and negatives of equal score share alike, so the
    value changes steadily with `max_fpr`. An example costs its mean over those of the other label that take part, a
    negative as often as it is chosen, so that the mean over the batch is the mean over these pairs. Time is n log n,
    memory n.

    The negatives are those of the batch: `max_fpr` times their number should be several. In a batch without both labels
    it costs 0 and teaches nothing. An example that is left out meets no other; a weight w counts what the example
    costs w times.

    Shapes: prediction and target (N,); exactly one batch axis, as it says who meets whom. Prediction any score,
    target 0 or 1.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> score, label = torch.tensor([0.5, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0])
    >>> wald.PartialAUC(max_fpr=0.5)(score, label)  # the negative at 1.0 alone: 1.5²
    tensor(2.2500)
    """

    max_fpr: float = param(
        default=0.1, above=0, at_most=1, typical=(0.5,), help="the share of negatives that counts, from the highest"
    )
    margin: float = param(default=1.0, above=0, help="the lead beyond which a pair costs nothing")
    power: Literal[1, 2] = param(default=2, choices=(1, 2), help="1: the hinge; 2: the squared hinge")

    card = Card(
        task="other",
        inputs={"prediction": Real, "target": Label},
        formula=Formula(
            "target[i] * above / (sum(hard) or 1) + hard[i] / (sum(hard) or 1) * sum(no) * below / (sum(target) or 1)",
            no="[1 - a for a in target]",
            over="[sum([b for y, b in zip(prediction, no) if y > z]) for z in prediction]",
            equal="[sum([b for y, b in zip(prediction, no) if y == z]) for z in prediction]",
            hard="[b * min(1, max(0, max_fpr * sum(no) - o) / (e or 1)) for b, o, e in zip(no, over, equal)]",
            above="sum([b * max(0, margin + z - prediction[i])**power for z, b in zip(prediction, hard)])",
            below="sum([a * max(0, margin + prediction[i] - z)**power for z, a in zip(prediction, target)])",
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope=lambda loss: "bounded" if loss.power == 1 else "linear",
        when="You work at a low false-positive rate, and are judged by the partial area under the ROC curve.",
        when_not="The whole curve counts (PairwiseHinge), or batches hold few negatives.",
        points={"perfect": 0, "chance": "margin**power", "floor": 0},
        aliases=("pAUC", "partial AUC", "pAUC-CVaR", "pAUC_CVaR_Loss", "one-way partial AUC", "OPAUC", "top-push"),
        tags=("ranking", "AUC", "imbalanced", "pairs", "ROC", "binary", "false-positive rate", "screening"),
        cite=(
            "Narasimhan & Agarwal 2013, ICML, A structural SVM based approach for optimizing partial AUC",
            "Zhu et al. 2022, arXiv:2203.00176 (by conditional value at risk)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("PartialAUC", prediction=prediction, target=target)
        target = target.to(prediction.dtype)
        here = torch.ones_like(target) if keep is None else keep.to(target.dtype)
        yes, no = wide(target * here), wide((1 - target) * here)
        ordered, order = wide(prediction).sort(-1)
        mass = no.gather(-1, order)
        chosen = chosen_from_the_top(ordered, mass, self.max_fpr)
        as_yes, as_no = hinge_over_pairs(ordered, yes.gather(-1, order), mass * chosen, self.margin, self.power)
        hard = self.max_fpr * no.sum(-1)
        as_yes = mean_over(placed(as_yes, order), hard).to(prediction.dtype)
        as_no = mean_over(placed(as_no * chosen, order), self.max_fpr * yes.sum(-1)).to(prediction.dtype)
        return target * as_yes + (1 - target) * as_no


def chosen_from_the_top(ordered: Tensor, mass: Tensor, share: float) -> Tensor:
    """How far each of some sorted scores belongs to the share of the mass that scores highest; equal scores alike."""
    first, last = runs(ordered)
    whole = mass.sum(-1, keepdim=True)
    below = mass.cumsum(-1)
    above = whole - below.gather(-1, last)
    own = below.gather(-1, last) - (below - mass).gather(-1, first)
    return mean_over(share * whole - above, own).clamp(0, 1)
