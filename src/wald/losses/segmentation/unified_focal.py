"""Unified focal loss: a focal cross-entropy of the pixels and a focal Tversky of the mask with shared fields."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised
from ..pieces.over_masks import OverPixels, counts, masks_of, share_lost
from ..pieces.powers import raised
from ..pieces.softplus import softplus


class UnifiedFocal(Supervised, OverPixels):
    """A focal cross-entropy of pixels and a focal Tversky of masks, with one delta and one gamma.

    Of p = sigmoid(prediction): weight · L + (1 - weight) · M, where the object is rare and kept from being suppressed.
    L is the mean over pixels, and over the two sides, of -delta t log p for the object and
    -(1 - delta) (1 - t) p^gamma log(1 - p) for the background, which alone is focal. M is the mean over the two sides
    of 1 - TI for the background and (1 - TI)^(1 - gamma) for the object, TI = TP / (TP + delta FN + (1 - delta) FP).
    This is the asymmetric form, the one that is used.

    The paper has delta 0.6 and gamma 0.2 or so, MONAI 0.7 and 0.5 on probabilities that it clamps; here they are
    logits and nothing is clamped. A mask that is empty in truth has an object that costs 1 with no gradient of its own;
    the background then teaches alone.

    Shapes: prediction and target (*batch, pixels), `axis=1` for masks (N, *space); prediction in logits.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.UnifiedFocal()(torch.tensor([[3.0, -3.0, -3.0]]), torch.tensor([[1.0, 0.0, 0.0]])).round(decimals=4)
    tensor(0.0419)
    """

    weight: float = param(default=0.5, at_least=0, at_most=1, help="the share of the pixels; the rest is the masks'")
    delta: float = param(
        default=0.6,
        at_least=0,
        at_most=1,
        typical=(0.7,),
        help="what the object, and a miss, count; the rest of 1 else",
    )
    gamma: float = param(
        default=0.2, at_least=0, below=1, typical=(0.5,), help="how fast an easy background pixel fades"
    )
    axis: Literal[-1, 1] = param(default=-1, quiet=True, help="1 for masks (N, *space); -1 where pixels are one axis")

    card = Card(
        task="other",
        inputs={"prediction": Logit.of("pixels"), "target": BinaryTarget.of("pixels")},
        formula=Formula(
            "weight * mean([delta * t * softplus(-z) + (1 - delta) * (1 - t) * a**gamma * softplus(z)"
            " for a, z, t in zip(p, prediction, target)]) / 2"
            " + (1 - weight) * (rest + (fore and fore**(1 - gamma))) / 2",
            p="[sigmoid(z) for z in prediction]",
            right="dot(p, target)",
            missed="sum([(1 - a) * t for a, t in zip(p, target)])",
            falsely="sum([a * (1 - t) for a, t in zip(p, target)])",
            outside="sum([(1 - a) * (1 - t) for a, t in zip(p, target)])",
            fore="1 - right / (right + delta * missed + (1 - delta) * falsely)",
            rest="1 - outside / (outside + delta * falsely + (1 - delta) * missed)",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="One small object in a large image, with both overlap and pixels to care for.",
        when_not="Several classes, or a first attempt: DiceCrossEntropy has fewer values to choose.",
        points={"perfect": 0, "floor": 0},
        aliases=("UnifiedFocalLoss", "AsymmetricUnifiedFocalLoss", "asymmetric unified focal"),
        ports={"monai.losses.AsymmetricUnifiedFocalLoss": {"delta": 0.7, "gamma": 0.5}},
        tags=("segmentation", "overlap", "mask", "imbalanced", "medical", "focal", "compound"),
        cite=("Yeung et al. 2021, arXiv:2102.04525",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        z, t = self.pixels_last(prediction, target)
        object_costs = self.delta * t * softplus(-z)
        rest_costs = (1 - self.delta) * (1 - t) * torch.exp(-self.gamma * softplus(-z)) * softplus(z)
        pixels = (object_costs + rest_costs).mean(-1) / 2
        inside, outside, truth = (each.squeeze(-2) for each in masks_of("binary", None, z, t))
        right, falsely, missed = counts(inside, outside, truth)
        lost = self.delta * missed + (1 - self.delta) * falsely
        fore = raised(share_lost(lost, right + lost, 0.0, 0.0), 1 - self.gamma)
        clear = (outside * (1 - truth)).sum(-1)
        lost = self.delta * falsely + (1 - self.delta) * missed
        rest = share_lost(lost, clear + lost, 0.0, 0.0)
        return self.weight * pixels + (1 - self.weight) * (fore + rest) / 2
