"""Dice: how much a predicted mask and the true one overlap."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised


class Dice(Supervised):
    """One minus the overlap of a mask with the truth, twice the common part over the sum of both.

    For p = sigmoid(prediction): 1 - (2 Σ p t + smooth) / (Σ p + Σ t + smooth), over the pixels of each example by
    itself. A mask of a hundred pixels counts as much as one of a million, which is why it is used where little is to
    be found. It does not look at how sure a single pixel is, so its probabilities crowd at 0 and 1: add
    BinaryCrossEntropy where they matter.

    Where the true mask is empty there is no overlap to win, and `smooth` alone decides. At 0 every prediction costs 1
    and has no gradient; at 1 an empty prediction costs 0, and what is predicted falsely is pushed down. It also
    draws small masks towards 0 loss, so it is no rounding guard: MONAI has 1e-5, segmentation-models-pytorch 0,
    many a copied loss 1. `absent="skip"` leaves examples with an empty mask out of sum and count instead. At
    `smooth=0`, nothing predicted where nothing is costs 0.

    `squared` takes Σ p² + Σ t² below, as V-Net does; on hard masks both agree. Pooling all pixels of a batch into one
    ratio, as some libraries do, is another loss: it depends on who is in the batch.

    Shapes: prediction and target (*batch, pixels), `flatten(1)` of masks (N, H, W); prediction in logits, target 0, 1
    or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> sure, truth = torch.tensor([[40.0, 40.0, -40.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.Dice(smooth=0)(sure, truth)
    tensor(0.3333)
    >>> wald.Dice()(torch.zeros(1, 3), torch.zeros(1, 3))
    tensor(0.6000)
    """

    smooth: float = param(
        default=1.0,
        at_least=0,
        typical=(0.0, 1e-5),
        help="added above and below, in pixels; it decides what an empty mask costs",
    )
    absent: Literal["count", "skip"] = param(
        default="count",
        choices=("count", "skip"),
        quiet=True,
        help="whether examples whose true mask is empty take part",
    )
    squared: bool = param(default=False, choices=(False, True), quiet=True, help="squares in the denominator")

    card = Card(
        task="other",
        inputs={"prediction": Logit.of("pixels"), "target": BinaryTarget.of("pixels")},
        formula=Formula(
            "1 - (2 * sum([a * b for a, b in zip(p, target)]) + smooth)"
            " / (sum([a**power for a in p]) + sum([b**power for b in target]) + smooth)",
            p="[sigmoid(z) for z in prediction]",
            power="2 if squared else 1",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Masks are small beside the image, and overlap is how you are judged.",
        when_not="Probabilities of pixels matter, or most masks are empty: use or add BinaryCrossEntropy.",
        aliases=("DiceLoss", "dice_loss", "soft Dice", "SoftDiceLoss", "F1 loss", "V-Net loss", "Sorensen-Dice"),
        tags=("segmentation", "overlap", "mask", "imbalanced", "medical", "F1"),
        cite=(
            "Dice 1945, doi:10.2307/1932409",
            "Milletari, Navab & Ahmadi 2016, arXiv:1606.04797 (V-Net)",
        ),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return (inputs[1] != 0).any(-1) if self.absent == "skip" else None

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        p = prediction.sigmoid()
        common = (p * target).sum(-1)
        sizes = (p.square() + target.square()).sum(-1) if self.squared else (p + target).sum(-1)
        # Where both masks are nothing at all, nothing is missing: the ratio is 1, with a slope of 0.
        nothing = sizes + self.smooth == 0
        return torch.where(nothing, 0.0, (sizes - 2 * common) / torch.where(nothing, 1.0, sizes + self.smooth))
