"""Tversky: an overlap in which pixels that are falsely in and falsely out cost differently."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, mask_inputs, param
from ...core import Supervised
from ..pieces.over_masks import OverMasks, counts, share_lost
from ..pieces.powers import raised


class Tversky(Supervised, OverMasks):
    """One minus TP / (TP + alpha FP + beta FN): what is missed may cost more than a false alarm.

    Of p = sigmoid(prediction), TP = Σ p t is rightly in the mask, FP = Σ p (1 - t) falsely in, FN = Σ (1 - p) t
    missed. ALPHA IS FOR FALSE ALARMS, BETA FOR WHAT IS MISSED, as in MONAI, Kornia and segmentation-models-pytorch.
    Keras documents the same, but its code has them the other way round (3.15): `Tversky(like="keras")` is its default,
    at which they are equal; swap yours when you bring other ones from there. alpha = beta = 1/2 is Dice at twice the
    `smooth`, both 1 Jaccard.

    `gamma` is the exponent of one minus the ratio: (1 - TI)^gamma for each mask, before the mean over the masks. Above
    1 masks that overlap well already count less, below 1 more; the paper of the focal Tversky loss writes 1/gamma for
    it, and FocalTversky has its values. segmentation-models-pytorch raises the mean over the masks instead.

    `smooth`, `below`, `absent`, `common`, `kind` and the rest are as in Dice.

    Shapes: as in Dice: (*batch, pixels); with classes (*batch, pixels, classes); `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: a target is outside [0, 1], or an id is neither a class nor `ignore_index`.
        ShapeError: prediction and target do not go together.

    >>> import torch, wald
    >>> found, truth = torch.tensor([[40.0, -40.0, -40.0]]), torch.tensor([[1.0, 1.0, 0.0]])  # one pixel is missed
    >>> wald.Tversky(alpha=0.3, beta=0.7, smooth=0)(found, truth)  # 1 - 1 / 1.7
    tensor(0.4118)
    """

    alpha: float = param(default=0.5, at_least=0, typical=(0.3,), help="what a pixel falsely in the mask costs")
    beta: float = param(default=0.5, at_least=0, typical=(0.7,), help="what a pixel missed costs")
    gamma: float = param(default=1.0, above=0, quiet=True, help="the exponent of one minus the ratio")
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
        default="binary", quiet=True, help="one mask, several that may overlap, or one class for each pixel"
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
                "(lost / (right + lost + smooth))**gamma if right + lost + smooth else 0",
                p="[sigmoid(z) for z in prediction]",
                right="dot(p, target)",
                lost="alpha * sum([a * (1 - t) for a, t in zip(p, target)])"
                " + beta * sum([(1 - a) * t for a, t in zip(p, target)])",
            )
            if loss.kind == "binary"
            else "the mean over the masks of (1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth))^gamma"
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Masks are small, and missing a pixel is worse than a false one (beta above alpha), or the other way.",
        when_not="Both are as bad (Dice), or probabilities of pixels matter (BinaryCrossEntropy with pos_weight).",
        points={"perfect": 0, "floor": 0},
        aliases=("TverskyLoss", "tversky_loss", "Tversky index"),
        ports={
            "monai.losses.TverskyLoss": {"smooth": 1e-5},
            "keras.losses.Tversky": {"smooth": 0.0, "below": 1e-7},
            "kornia.losses.tversky_loss": {"smooth": 0.0, "below": 1e-8, "kind": "multiclass", "absent": "skip"},
        },
        tags=("segmentation", "overlap", "mask", "imbalanced", "medical", "recall"),
        cite=("Salehi, Erdogmus & Gholipour 2017, arXiv:1706.05721",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        inside, outside, truth = self.masks(*self.pixels_last(prediction, target))
        right, falsely, missed = counts(inside, outside, truth, self.common)
        lost = self.alpha * falsely + self.beta * missed
        costs = share_lost(lost, right + lost, self.smooth, self.smooth if self.below is None else self.below)
        return self.over_masks(raised(costs, self.gamma), truth)


class FocalTversky(Supervised, OverMasks):
    """The Tversky loss of each mask to a power: masks that overlap badly are pulled harder.

    (1 - TI)^gamma with TI = (TP + smooth) / (TP + alpha FP + beta FN + smooth): Tversky(gamma=...) at the values of
    the paper, which has 4/3 in the denominator of the exponent and so 3/4 in its place, alpha 0.7 for what is missed
    and 0.3 for false alarms. Here, as in Tversky, alpha is for false alarms. At an exponent below 1 the slope grows
    without limit as a mask becomes perfect in probability; in logits it vanishes all the same, and is 0 where nothing
    is left to lose. Sources disagree about every one of these values: state yours.

    Shapes: as in Dice: (*batch, pixels); with classes (*batch, pixels, classes); `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: a target is outside [0, 1], or an id is neither a class nor `ignore_index`.
        ShapeError: prediction and target do not go together.

    >>> import torch, wald
    >>> found, truth = torch.tensor([[40.0, -40.0, -40.0]]), torch.tensor([[1.0, 1.0, 0.0]])  # one pixel is missed
    >>> wald.FocalTversky(smooth=0)(found, truth)  # (1 - 1 / 1.7) ** 0.75
    tensor(0.5140)
    """

    alpha: float = param(default=0.3, at_least=0, help="what a pixel falsely in the mask costs")
    beta: float = param(default=0.7, at_least=0, help="what a pixel missed costs")
    gamma: float = param(
        default=0.75, above=0, typical=(4 / 3,), help="the exponent of one minus the ratio; above 1 spares good masks"
    )
    smooth: float = param(default=1.0, at_least=0, help="added above and below, in pixels: what an empty mask costs")
    absent: Literal["count", "skip", "zero"] = param(
        default="count", quiet=True, help="whether masks that are empty in truth take part, are left out, or cost 0"
    )
    kind: Literal["binary", "multilabel", "multiclass"] = param(
        default="binary", quiet=True, help="one mask, several that may overlap, or one class for each pixel"
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
                "(lost / (right + lost + smooth))**gamma if right + lost + smooth else 0",
                p="[sigmoid(z) for z in prediction]",
                right="dot(p, target)",
                lost="alpha * sum([a * (1 - t) for a, t in zip(p, target)])"
                " + beta * sum([(1 - a) * t for a, t in zip(p, target)])",
            )
            if loss.kind == "binary"
            else "the mean over the masks of (1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth))^gamma"
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Small masks are found badly beside large ones, and missing is worse than a false alarm.",
        when_not="Labels are noisy: the worst masks pull hardest. Begin with Tversky or Dice.",
        points={"perfect": 0, "floor": 0},
        aliases=("FocalTverskyLoss", "FTL"),
        tags=("segmentation", "overlap", "mask", "imbalanced", "medical", "recall", "hard examples"),
        cite=("Abraham & Khan 2018, arXiv:1810.07842", "Salehi, Erdogmus & Gholipour 2017, arXiv:1706.05721"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        inside, outside, truth = self.masks(*self.pixels_last(prediction, target))
        right, falsely, missed = counts(inside, outside, truth)
        lost = self.alpha * falsely + self.beta * missed
        costs = raised(share_lost(lost, right + lost, self.smooth, self.smooth), self.gamma)
        return self.over_masks(costs, truth)
