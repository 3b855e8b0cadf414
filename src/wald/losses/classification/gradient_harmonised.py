"""Gradient-harmonised cross-entropy: examples of every size of gradient count alike, however many there are."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised
from ..pieces.pairs import one_batch_of_scores
from ..pieces.softmax import spared
from ..pieces.softplus import softplus


class GradientHarmonised(Supervised):
    """Binary cross-entropy averaged within bins of |p - t|, then over the bins.

    GHM-C. The size of an example's gradient is |p - t|, with p = sigmoid(prediction): near 0 for the many easy ones,
    near 1 for the few that the model has quite wrong, most of them mislabelled. Cut into `bins` of equal width, the
    examples of a bin share one voice: the loss is the mean over the bins that are not empty of the mean cross-entropy
    in each. So both crowds are held down, where Focal holds down the easy ones only.

    It is no proper loss: a few surprises in the last bins may cost a model of honest probabilities more than saying one
    half to all costs, the sooner the fewer bins there are. Watch the ranking, not the value.

    The bins are those of the batch, so examples meet; each has its share, and the mean over the examples is the loss
    of the batch. A prediction that crosses from one bin to the next jumps in value, and the gradient is that within
    the bin. The authors also keep a running mean of the counts, which is a state of training and not here.

    Shapes: prediction and target (N,), the one batch axis; `flatten()` both for the anchors and classes of a detector.
    Prediction in logits, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> prediction, target = torch.tensor([9.0, 9.0, 9.0, -2.0]), torch.tensor([1.0, 1.0, 1.0, 1.0])
    >>> wald.GradientHarmonised()(prediction, target)  # half of 2.1269: three that are easy count like one that is not
    tensor(1.0635)
    """

    bins: int = param(default=10, at_least=1, at_most=1000, help="how many bins |p - t| is cut into")

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "n * cost / (len([k for k in place if k == place[i]]) * len([k for k in range(bins) if k in place]))",
            n="len(target)",
            cost="target[i] * softplus(-prediction[i]) + (1 - target[i]) * softplus(prediction[i])",
            place="[sum([abs(sigmoid(z) - t) >= k / bins for k in range(1, bins)])"
            " for z, t in zip(prediction, target)]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=None,
        slope=None,
        denominator="the unmasked examples, each counted by its weight; the bins are in the values",
        when="Dense detection: easy negatives are legion, and some labels are so wrong that they should not lead.",
        when_not="Batches are small, so that bins hold a handful, or probabilities are wanted (BinaryCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("GHM", "GHM-C", "GHMC", "GHMCLoss", "gradient harmonizing mechanism", "GradientHarmonized"),
        tags=("classification", "imbalanced", "class imbalance", "detection", "hard examples", "outliers", "batch"),
        cite=("Li, Liu & Wang 2019, arXiv:1811.05181",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("GradientHarmonised", prediction=prediction, target=target)
        no = 1 - target
        cost = target * spared(softplus(-prediction), target) + no * spared(softplus(prediction), no)
        size = (prediction.sigmoid() - target).abs().detach()
        edges = torch.arange(1, self.bins, device=size.device, dtype=size.dtype) / self.bins
        place = (size.unsqueeze(-1) >= edges).sum(-1)
        there = torch.ones_like(size) if keep is None else keep.to(size.dtype)
        # Which bin each example is in, as ones and zeros: counts and look-ups are sums over it.
        inside = (place.unsqueeze(-1) == torch.arange(self.bins, device=size.device)).to(size.dtype)
        counts = (inside * there.unsqueeze(-1)).sum(-2)
        filled = (counts > 0).sum(-1, keepdim=True).clamp(min=1)
        beside = (inside * counts.unsqueeze(-2)).sum(-1).clamp(min=1)
        return there.sum(-1, keepdim=True).clamp(min=1) * cost / (beside * filled)
