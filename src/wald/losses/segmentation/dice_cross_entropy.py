"""Dice and cross-entropy of the same mask together: overlap, and how sure each pixel is."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import MASKS, Card, Formula, mask_inputs, param
from ...core import Supervised
from ..pieces.over_masks import OverMasks, counts, share_lost
from ..pieces.softmax import log_odds_of
from ..pieces.softplus import softplus


class DiceCrossEntropy(Supervised, OverMasks):
    """Dice of an image plus the mean cross-entropy of its pixels: the usual pair for segmentation.

    dice · Dice + pixel · (mean over the pixels of cross-entropy): sigmoid for one mask or labels, softmax for classes.
    Cross-entropy gives every pixel a gradient where Dice has none, and keeps probabilities sensible; Dice sees to it
    that small masks count. With `gamma` above 0 the cross-entropy is focal, times (1 - p)^gamma, which makes it the
    Dice-focal pair. Combo loss is this with weights of its own, less a constant.

    One value an image. The mean over pixels is taken within the image, so an image with many pixels left out counts as
    much as any; torch's CrossEntropyLoss pools the pixels of the batch. `background=False` leaves class 0 out of Dice
    only, as in MONAI, and cross-entropy still has it. In MONAI's DiceFocalLoss the focal part of several classes is a
    sigmoid for each, and a mean over them: give it kind="multilabel". As terms with weights and figures of their own,
    write `Objective(Dice(...), BinaryCrossEntropy())` instead.

    Shapes: as in Dice: (*batch, pixels); with classes (*batch, pixels, classes); `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: a target is outside [0, 1], or an id is no class, and it is not `ignore_index`.
        ShapeError: prediction and target do not go together.

    >>> import torch, wald
    >>> z, t = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.DiceCrossEntropy()(z, t), wald.Dice()(z, t) + wald.BinaryCrossEntropy()(z, t)
    (tensor(0.5266), tensor(0.5266))
    """

    dice: float = param(default=1.0, at_least=0, typical=(0.5,), help="the weight of the overlap")
    pixel: float = param(default=1.0, at_least=0, quiet=True, help="the weight of the cross-entropy of a pixel")
    gamma: float = param(
        default=0.0, at_least=0, typical=(2.0,), quiet=True, help="how fast an easy pixel fades; 0 is cross-entropy"
    )
    smooth: float = param(default=1.0, at_least=0, quiet=True, help="added above and below in Dice, in pixels")
    absent: Literal["count", "skip", "zero"] = param(
        default="count", quiet=True, help="whether masks that are empty in truth take part in Dice, or cost 0 there"
    )
    kind: Literal["binary", "multilabel", "multiclass"] = param(
        default="binary",
        choices=("binary", "multilabel", "multiclass"),
        quiet=True,
        help="one mask, several that may overlap, or one class for each pixel",
    )
    background: bool = param(default=True, quiet=True, help="whether class 0 takes part in Dice")
    ignore_index: int | None = param(
        default=None, quiet=True, help="the class id, or number in a mask, that marks pixels to leave out"
    )
    axis: Literal[-1, 1] = param(
        default=-1, quiet=True, help="1 for images (N, C, H, W); -1 where pixels are one axis and classes the last"
    )

    card = Card(
        task="other",
        inputs=mask_inputs,
        formula=lambda loss: (
            Formula(
                "dice * (1 - (2 * dot(p, target) + smooth) / (sum(p) + sum(target) + smooth))"
                " + pixel * mean([t * (1 - a)**gamma * softplus(-z) + (1 - t) * a**gamma * softplus(z)"
                " for a, z, t in zip(p, prediction, target)])",
                p="[sigmoid(z) for z in prediction]",
            )
            if loss.kind == "binary"
            else Formula(
                "dice * mean([1 - (2 * dot(p, t) + smooth) / (sum(p) + sum(t) + smooth) for p, t in masks])"
                + {
                    "multilabel": " + pixel * mean([t * surprise(a) + (1 - t) * surprise(1 - a)"
                    " for p, y in masks for a, t in zip(p, y)])",
                    "multiclass": " + pixel * mean([surprise(softmax(z)[t]) for z, t in zip(prediction, target)])",
                }[loss.kind],
                **MASKS[loss.kind],
                surprise="lambda p: -(1 - p)**gamma * log(p)",
            )
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="The first choice for segmentation with few or small objects, where overlap is how you are judged.",
        when_not="Probabilities alone matter (BinaryCrossEntropy, CrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("DiceCE", "DiceCELoss", "DiceBCE", "BCEDice", "DiceFocal", "DiceFocalLoss", "Combo loss"),
        ports={"monai.losses.DiceCELoss": {"smooth": 1e-5}},
        tags=("segmentation", "overlap", "mask", "multiclass", "imbalanced", "medical", "compound"),
        cite=("Isensee et al. 2018, arXiv:1809.10486",),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        # An image without a mask still has pixels to learn from.
        return None

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = self.pixels_last(prediction, target)
        inside, outside, truth = self.masks(prediction, target)
        right, falsely, missed = counts(inside, outside, truth)
        lost = falsely + missed
        overlap = self.over_masks(share_lost(lost, 2 * right + lost, self.smooth, self.smooth), truth)
        return self.dice * overlap + self.pixel * self._of_pixels(prediction, target)

    def _of_pixels(self, prediction: Tensor, target: Tensor) -> Tensor:
        counted = torch.ones_like(target, dtype=torch.bool)
        if self.ignore_index is not None:
            counted = target != self.ignore_index
            shown = counted.unsqueeze(-1) if self.kind == "multiclass" else counted
            prediction = torch.where(shown, prediction, torch.zeros_like(prediction))
            target = torch.where(counted, target, torch.zeros_like(target))
        if self.kind == "multiclass":
            costs = self._focused(log_odds_of(prediction, target))
        else:
            costs = target * self._focused(prediction) + (1 - target) * self._focused(-prediction)
        axes = (-2, -1) if self.kind == "multilabel" else -1
        costs = torch.where(counted, costs, torch.zeros_like(costs))
        return costs.sum(axes) / counted.sum(axes).clamp(min=1)

    def _focused(self, logit: Tensor) -> Tensor:
        cost = softplus(-logit)
        return torch.exp(-self.gamma * softplus(logit)) * cost if self.gamma else cost
