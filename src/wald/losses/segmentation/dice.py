"""Dice: how much a predicted mask and the true one overlap."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from ...cards import MASKS, Card, Formula, mask_inputs, param
from ...core import Supervised
from ..pieces.over_masks import OverMasks, counts, share_lost
from ..pieces.softplus import softplus


class Dice(Supervised, OverMasks):
    """One minus the overlap of a mask with the truth, twice the common part over the sum of both.

    For p = sigmoid(prediction): 1 - (2 Σ p t + smooth) / (Σ p + Σ t + smooth), over the pixels of each example by
    itself. A mask of a hundred pixels counts as much as one of a million, which is why it is used where little is to
    be found. It does not look at how sure a single pixel is, so its probabilities crowd at 0 and 1: add
    BinaryCrossEntropy where they matter (DiceCrossEntropy does).

    Where the true mask is empty there is no overlap to win, and `smooth` alone decides. At 0 every prediction costs 1
    and has no gradient; at 1 an empty prediction costs 0, and what is predicted falsely is pushed down. It also
    draws small masks towards 0 loss, so it is no rounding guard: MONAI has 1e-5, segmentation-models-pytorch 0,
    Optax 1 to the common part before it is doubled, which is 2 here, many a copied loss 1. Kornia and Keras add theirs
    below only (`smooth=0, below=...`). `absent="skip"` leaves empty masks out of sum and count instead, and "zero" out
    of the sum only, as segmentation-models-pytorch does. At `smooth=0`, nothing predicted where nothing is costs 0.

    `squared` takes Σ p² + Σ t² below, as V-Net does; on hard masks both agree. With targets between 0 and 1, p = t is
    not the best that p can do, and costs more than 0: `common="minimum"` has min(p, t) for the common part, where it
    is.

    form="log_cosh" is the log of the hyperbolic cosine of each: as good as half its square, so that masks which are
    nearly right hardly pull.

    kind="multiclass" is the mean of the Dice of each class under one softmax, "multilabel" under a sigmoid for each;
    `background=False` leaves class 0 out. Pooling all classes, or all pixels of a batch, into one ratio, as Keras,
    Kornia and segmentation-models-pytorch do unless told otherwise, is another loss: it is then about what is large,
    and depends on who is in the batch. Hand such a batch over as one example to have it.

    Shapes: kind "binary": prediction and target (*batch, pixels), `flatten(1)` of masks (N, H, W); prediction in
    logits, target 0, 1 or between. "multilabel": both (*batch, pixels, labels). "multiclass": prediction (*batch,
    pixels, classes), target (*batch, pixels) class ids. `axis=1` takes all of them as networks give them: (N, C,
    *space) and class ids (N, *space), or (N, *space) of one mask. Without it a mask (N, H, W) is N H rows of pixels.

    Raises:
        DomainError: a target is outside [0, 1], or an id is no class, and it is not `ignore_index`.
        ShapeError: prediction and target do not go together.

    >>> import torch, wald
    >>> sure, truth = torch.tensor([[40.0, 40.0, -40.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.Dice(smooth=0)(sure, truth)
    tensor(0.3333)
    >>> wald.Dice()(torch.zeros(1, 3), torch.zeros(1, 3))
    tensor(0.6000)
    >>> images, masks = torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    >>> wald.Dice(kind="multiclass", axis=1, smooth=0, absent="skip")(images, masks)
    tensor(0.5000)
    """

    smooth: float = param(
        default=1.0,
        at_least=0,
        typical=(0.0, 1e-5),
        help="added above and below, in pixels; it decides what an empty mask costs",
    )
    below: float | None = param(
        default=None, at_least=0, quiet=True, help="what is added below instead, where that is not `smooth`"
    )
    absent: Literal["count", "skip", "zero"] = param(
        default="count",
        choices=("count", "skip", "zero"),
        quiet=True,
        help="whether masks that are empty in truth take part, are left out, or cost 0 and count",
    )
    squared: bool = param(default=False, choices=(False, True), quiet=True, help="squares in the denominator")
    common: Literal["product", "minimum"] = param(
        default="product",
        choices=("product", "minimum"),
        quiet=True,
        help="what a pixel has in common with a soft target: p t, or the lesser of both",
    )
    form: Literal["linear", "log_cosh"] = param(
        default="linear",
        choices=("linear", "log_cosh"),
        quiet=True,
        help="the loss of each mask, or the log of its hyperbolic cosine, which is flat where it is small",
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
                "1 - (2 * sum([a * b for a, b in zip(p, target)]) + smooth)"
                " / (sum([a**power for a in p]) + sum([b**power for b in target]) + smooth)",
                p="[sigmoid(z) for z in prediction]",
                power="2 if squared else 1",
            )
            if (loss.kind, loss.absent, loss.common, loss.form) == ("binary", "count", "product", "linear")
            else Formula(
                {
                    "count": "mean([cost(p, t) for p, t in masks])",
                    "zero": "mean([cost(p, t) if max(t) else 0 for p, t in masks])",
                    "skip": "mean([cost(p, t) for p, t in masks if max(t)] or [0])",
                }[loss.absent],
                both="lambda a, b: min(a, b) if common == 'minimum' and not squared else a * b",
                power="2 if squared else 1",
                whole="lambda p, t: sum([a**power for a in p]) + sum([b**power for b in t]) + smooth",
                apart="lambda p, t: 1 - (2 * sum([both(a, b) for a, b in zip(p, t)]) + smooth) / whole(p, t)",
                cost="apart" if loss.form == "linear" else "lambda p, t: log(cosh(apart(p, t)))",
                **MASKS[loss.kind],
            )
        ),
        convex=False,
        bounded_below=True,
        smooth=lambda loss: 3 if loss.common == "product" else 0,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Masks are small beside the image, and overlap is how you are judged.",
        when_not="Probabilities of pixels matter, or most masks are empty: use or add BinaryCrossEntropy.",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "DiceLoss",
            "dice_loss",
            "soft Dice",
            "SoftDiceLoss",
            "F1 loss",
            "V-Net loss",
            "Sorensen-Dice",
            "LogCoshDice",
        ),
        ports={
            "monai.losses.DiceLoss": {"smooth": 1e-5},
            "keras.losses.Dice": {"smooth": 0.0, "below": 1e-7},
            "optax.losses.binary_dice_loss": {"smooth": 2.0},
            "optax.losses.dice_loss": {"smooth": 2.0, "kind": "multiclass"},
            "kornia.losses.dice_loss": {"smooth": 0.0, "below": 1e-8, "kind": "multiclass", "absent": "skip"},
        },
        tags=("segmentation", "overlap", "mask", "imbalanced", "medical", "F1", "multiclass"),
        cite=(
            "Dice 1945, doi:10.2307/1932409",
            "Milletari, Navab & Ahmadi 2016, arXiv:1606.04797 (V-Net)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        inside, outside, truth = self.masks(*self.pixels_last(prediction, target))
        if self.squared:
            # In squares, what is lost is Σ (p - t)², whichever way the common part is taken.
            lost = (inside - truth).square().sum(-1)
            whole = (inside.square() + truth.square()).sum(-1)
        else:
            right, falsely, missed = counts(inside, outside, truth, self.common)
            lost, whole = falsely + missed, 2 * right + falsely + missed
        costs = share_lost(lost, whole, self.smooth, self.smooth if self.below is None else self.below)
        if self.form == "log_cosh":
            costs = costs + softplus(-2 * costs) - math.log(2)
        return self.over_masks(costs, truth)
