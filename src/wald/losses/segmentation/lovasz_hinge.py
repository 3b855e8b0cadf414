"""Lovász hinge: the Jaccard loss of a binary mask, made convex in the scores."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Real, param
from ...core import Supervised
from ...core.tensors import wide
from ..pieces.jaccard import lovasz


class LovaszHinge(Supervised):
    """One minus the overlap of a mask with the truth (Jaccard, IoU), made convex by hinges.

    A pixel with score z is wrong by max(0, 1 - z) in the mask and by max(0, 1 + z) outside it. The pixels are put in
    order from the most wrong, and each is charged what the Jaccard loss gains as it joins those before: the Lovász
    extension. It is convex in the scores, where Dice is not, and gives 1 - IoU for errors of 0 and 1. A pixel that
    leads by 1 on the right side costs nothing; the mask is z > 0.

    Each example is a mask by itself; pooling the pixels of a batch, as some libraries do, is another loss. Where the
    true mask is empty any false pixel makes the overlap 0, so the most wrong pixel alone is charged: one gradient
    for a whole image. `absent="skip"` leaves such examples out of sum and count instead. Where errors tie, the
    gradient is that of one order among them.

    Shapes: prediction and target (*batch, pixels), `flatten(1)` of masks (N, H, W); prediction a score whose sign
    decides, target 0 or 1; a share between belongs to the mask by so much.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.LovaszHinge()(torch.tensor([[2.0, 0.5, -3.0]]), torch.tensor([[1.0, 0.0, 0.0]]))  # one false pixel
    tensor(0.7500)
    """

    absent: Literal["count", "skip"] = param(
        default="count",
        choices=("count", "skip"),
        quiet=True,
        help="whether examples whose true mask is empty take part",
    )

    card = Card(
        task="other",
        inputs={"prediction": Real.of("pixels"), "target": BinaryTarget.of("pixels")},
        formula=Formula(
            "sum([max(0, a) * (loss[1] - loss[0]) / error.count(a) for a, loss in zip(error, jaccard)])",
            error="[1 - z * (2 * t - 1) for z, t in zip(prediction, target)]",
            more="[[[t for e, t in zip(error, target) if e > a], [t for e, t in zip(error, target) if e >= a]]"
            " for a in error]",
            jaccard="[[(sum(target) + len(s) - sum(s)) and 1 - (sum(target) - sum(s))"
            " / (sum(target) + len(s) - sum(s)) for s in pair] for pair in more]",
        ),
        convex=True,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="You are judged by IoU of a binary mask, as a last stage after a loss of pixels.",
        when_not="Probabilities of pixels matter (BinaryCrossEntropy), or most masks are empty.",
        points={"perfect": 0, "floor": 0},
        aliases=("LovaszHingeLoss", "BinaryLovaszLoss", "lovasz_hinge", "Jaccard hinge", "IoU hinge"),
        ports={"kornia.losses.lovasz_hinge_loss": {}},
        tags=("segmentation", "overlap", "mask", "IoU", "Jaccard", "Lovász", "imbalanced"),
        cite=(
            "Yu & Blaschko 2015, arXiv:1512.07797",
            "Berman, Triki & Blaschko 2018, arXiv:1705.08790",
        ),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return (inputs[1] != 0).any(-1) if self.absent == "skip" else None

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        truth = wide(target)
        errors = torch.relu(1 - wide(prediction) * (2 * truth - 1))
        return lovasz(errors, truth, torch.ones_like(truth)).to(prediction.dtype)
