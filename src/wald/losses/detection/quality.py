"""Losses of the scores of a dense detector: how good each box is, and where each of its sides lies."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, NonNegative, param
from ...core import DomainError, Supervised
from ...core.tensors import wide
from ..pieces.powers import raised
from ..pieces.softplus import softplus


class QualityFocal(Supervised):
    """Cross-entropy against the IoU of a box, less where the score is near it already.

    |q - p|^beta times binary cross-entropy of p = sigmoid(prediction) against q, where q is the IoU of the box with
    what it found, for its class, and 0 for everything else. On labels 0 and 1 it is Focal with gamma = beta. It is 0
    at p = q, where cross-entropy of a soft target is not, so the best score is the quality itself.

    Sum over classes and boxes and divide by the number of objects (`normalizer=`), as in the paper; a mean over all
    elements is mostly background.

    Shapes: prediction and target (*batch), each element an example; prediction in logits, target in [0, 1].

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.QualityFocal()(torch.zeros(2), torch.tensor([0.9, 0.0]), reduction="none")  # 0.16 log 2, 0.25 log 2
    tensor([0.1109, 0.1733])
    """

    beta: float = param(default=2.0, at_least=0, typical=(1.0,), help="how fast a good score fades; 0 is cross-entropy")

    card = Card(
        task="other",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "abs(target - sigmoid(prediction))**beta"
            " * (target * softplus(-prediction) + (1 - target) * softplus(prediction))"
        ),
        convex=lambda loss: loss.beta == 0,
        bounded_below=True,
        slope="bounded",
        denominator="the unmasked elements, each counted by its weight; give the number of objects as normalizer",
        when="A detector is to score how well a box fits, not only whether it is an object.",
        when_not="Targets are labels (Focal).",
        points={"floor": 0},
        aliases=("QFL", "QualityFocalLoss"),
        ports={"mmdet.models.losses.QualityFocalLoss": {}},
        tags=("detection", "focal", "quality", "imbalanced", "dense"),
        cite=("Li et al. 2020, arXiv:2006.04388",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        cost = target * softplus(-prediction) + (1 - target) * softplus(prediction)
        if self.beta == 0:
            return cost
        # Of each side by itself, p - q is exact where p is nearly 0 or 1.
        off = target * (-prediction).sigmoid() - (1 - target) * prediction.sigmoid()
        return raised(off.abs(), self.beta) * cost


class Varifocal(Supervised):
    """Cross-entropy against the IoU of a box for objects, and focal for the background alone.

    For q > 0: q times binary cross-entropy of p = sigmoid(prediction) against q, so that good boxes count more. For
    q = 0: -alpha p^gamma log(1 - p). Objects are rare and keep their pull; only easy background fades. Its best
    score is q. Some write |p - q|^gamma for the background, which is the same, as q is 0 there.

    Sum over classes and boxes and divide by the sum of q (`normalizer=target.sum()`), as in the paper.

    Shapes: prediction and target (*batch), each element an example; prediction in logits, target in [0, 1], exactly 0
    where there is no object.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.Varifocal()(torch.zeros(2), torch.tensor([0.9, 0.0]), reduction="none")  # 0.9 log 2, 0.75/4 log 2
    tensor([0.6238, 0.1300])
    """

    alpha: float = param(default=0.75, at_least=0, typical=(0.5,), help="what the background counts")
    gamma: float = param(default=2.0, at_least=0, typical=(1.0,), help="how fast easy background fades")

    card = Card(
        task="other",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "target * (target * softplus(-prediction) + (1 - target) * softplus(prediction)) if target > 0"
            " else alpha * sigmoid(prediction)**gamma * softplus(prediction)"
        ),
        convex=lambda loss: loss.gamma == 0,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked elements, each counted by its weight; give the sum of targets as normalizer",
        when="A detector is to score how well a box fits, and background is most of what it sees.",
        when_not="Targets are labels (Focal, AsymmetricFocal).",
        points={"floor": 0},
        aliases=("VFL", "VarifocalLoss"),
        ports={"mmdet.models.losses.VarifocalLoss": {}, "ultralytics.utils.loss.VarifocalLoss": {}},
        tags=("detection", "focal", "quality", "imbalanced", "dense"),
        cite=("Zhang et al. 2020, arXiv:2008.13367",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        found = target * (target * softplus(-prediction) + (1 - target) * softplus(prediction))
        # In this form the slope of p^gamma is finite for any gamma.
        empty = self.alpha * torch.exp(-self.gamma * softplus(-prediction)) * softplus(prediction)
        # Not target > 0, by which a target of NaN would be background.
        return torch.where(target == 0, empty, found)


class DistributionFocal(Supervised):
    """Cross-entropy of the two bins on either side of a real number, by how near each is.

    The place of a side of a box is a distribution over bins 0, 1, ..., its softmax p, read as its mean. Of a target t
    between bins l and l + 1 the loss is -(l + 1 - t) log p_l - (t - l) log p_(l+1). At its minimum the mean of p is t.
    A target beyond the last bin cannot be said, and is refused: scale, or add bins. ultralytics clamps such targets
    just below the last bin.

    Shapes: prediction (*batch, bins), unnormalised; target (*batch) from 0 to bins - 1, in bins. A box has four.

    Raises:
        DomainError: a target is below 0 or beyond the last bin.
        ShapeError: prediction and target do not line up.

    >>> import torch, wald
    >>> wald.DistributionFocal()(torch.tensor([[0.0, 2.0, 1.0]]), torch.tensor([1.25]))  # 3/4 of bin 1, 1/4 of bin 2
    tensor(0.6576)
    """

    card = Card(
        task="other",
        inputs={"prediction": Logit.of("bins"), "target": NonNegative},
        formula=Formula(
            "-(low + 1 - target) * s[low] - (target - low) * s[low + 1]",
            s="log_softmax(prediction)",
            low="[k for k in range(len(s) - 1) if k <= target][-1]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked sides, each counted by its weight",
        when="A side of a box is not sharp, and its place is to be told as a distribution.",
        when_not="One number for each side is enough (CIoU and its kin, Absolute).",
        points={"floor": 0},
        aliases=("DFL", "DistributionFocalLoss"),
        ports={"mmdet.models.losses.DistributionFocalLoss": {}, "ultralytics.utils.loss.DFLoss": {}},
        tags=("detection", "boxes", "distribution", "regression by classification"),
        cite=("Li et al. 2020, arXiv:2006.04388",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        prediction, target = inputs
        last = prediction.shape[-1] - 1
        beyond = target > last
        if beyond.any():
            value = target[beyond][0].item()
            raise DomainError(
                f"DistributionFocal: target contains {value:g}, and the last of {last + 1} bins is {last}, so no "
                f"prediction can say it. Divide targets by the width of a bin, use more bins, or "
                f"target.clamp(max={last})."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        logs = prediction.log_softmax(-1)
        bins = torch.arange(prediction.shape[-1], device=prediction.device, dtype=wide(target).dtype)
        # A tent over each bin, one wide on both sides: what is left of 1 minus the distance, where something is.
        share = (1 - (wide(target).unsqueeze(-1) - bins).abs()).relu().to(prediction.dtype)
        return -(share * logs).sum(-1)
