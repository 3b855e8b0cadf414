"""Jaccard: the common part of two masks over their union, the IoU by which segmentation is judged."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ...cards import MASKS, Card, Formula, mask_inputs, param
from ...core import Supervised
from ..pieces.over_masks import OverMasks, counts, share_lost


class Jaccard(Supervised, OverMasks):
    """One minus the IoU of a mask with the truth: the common part over the union.

    For p = sigmoid(prediction): 1 - (Σ p t + smooth) / (Σ p + Σ t - Σ p t + smooth), over the pixels of each example
    by itself. J = D / (2 - D) of the Dice loss D where nothing is smoothed, so both have the same best mask; their
    means over images differ, as this one is harder on images that overlap half. MONAI's DiceLoss(jaccard=True) adds
    its smoothing after doubling, so half of it is `smooth` here.

    `smooth`, `below`, `absent`, `common`, `kind` and the rest are as in Dice. The IoU of boxes is wald.IoU; a form
    that is convex in the scores is LovaszHinge, and its kin for classes LovaszSoftmax.

    Shapes: as in Dice: (*batch, pixels); with classes (*batch, pixels, classes); `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: a target is outside [0, 1], or an id is neither a class nor `ignore_index`.
        ShapeError: prediction and target do not go together.

    >>> import torch, wald
    >>> wald.Jaccard(smooth=0)(torch.tensor([[40.0, 40.0, -40.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
    tensor(0.5000)
    """

    smooth: float = param(
        default=1.0, at_least=0, typical=(0.0,), help="added above and below, in pixels: what an empty mask costs"
    )
    below: float | None = param(
        default=None, at_least=0, quiet=True, help="what is added below instead, where that is not `smooth`"
    )
    absent: Literal["count", "skip", "zero"] = param(
        default="count", quiet=True, help="whether masks that are empty in truth take part, are left out, or cost 0"
    )
    common: Literal["product", "minimum"] = param(
        default="product", quiet=True, help="what a pixel has in common with a soft target: p t, or the lesser of both"
    )
    kind: Literal["binary", "multilabel", "multiclass"] = param(
        default="binary",
        choices=("binary", "multilabel", "multiclass"),
        quiet=True,
        help="one mask, several that may overlap, or one class for each pixel",
    )
    background: bool = param(default=True, quiet=True, help="whether class 0 takes part, where there are classes")
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
                "1 - (common + smooth) / (sum(p) + sum(target) - common + smooth)",
                p="[sigmoid(z) for z in prediction]",
                common="dot(p, target)",
            )
            if loss.kind == "binary"
            else Formula(
                "mean([1 - (dot(p, t) + smooth) / (sum(p) + sum(t) - dot(p, t) + smooth) for p, t in masks])",
                **MASKS[loss.kind],
            )
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="You are judged by IoU within each image.",
        when_not="Probabilities of pixels matter, or most masks are empty: use or add BinaryCrossEntropy.",
        points={"perfect": 0, "floor": 0},
        aliases=("JaccardLoss", "soft IoU", "mask IoU", "SoftJaccard", "SoftIoULoss"),
        tags=("segmentation", "overlap", "mask", "IoU", "imbalanced", "medical"),
        cite=("Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        inside, outside, truth = self.masks(*self.pixels_last(prediction, target))
        right, falsely, missed = counts(inside, outside, truth, self.common)
        lost = falsely + missed
        costs = share_lost(lost, right + lost, self.smooth, self.smooth if self.below is None else self.below)
        return self.over_masks(costs, truth)
