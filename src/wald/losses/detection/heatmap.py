"""Focal loss of a heatmap of centres."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised
from ..pieces.over_masks import OverPixels
from ..pieces.powers import raised
from ..pieces.softplus import softplus


class GaussianFocal(Supervised, OverPixels):
    """Focal loss of a heatmap of centres, in which pixels near a centre count less as background.

    For p = sigmoid(prediction): -(1 - p)^alpha log p where the target is a centre, elsewhere -(1 - t)^beta p^alpha
    log(1 - p), t the height of the Gaussian drawn around a centre (CornerNet, CenterNet): the sum over the pixels of
    a map, divided by the number of its centres, or by 1 where it has none. With per_object=False it is the sum alone;
    then divide by the objects of the batch, `normalizer=max(1, objects)`, as most code does.

    A pixel is a centre where t is at least `peak`. Others compare with exactly 1, by which a heatmap that went through
    bfloat16 or was resized loses its centres, with no sign of it: set peak=0.99 for such. On targets of 0 and 1 alone
    each pixel costs what Focal does with gamma = alpha.

    Shapes: prediction and target (*batch, pixels), `axis=1` for maps (N, *space), where several classes are one map;
    prediction in logits, target in [0, 1].

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.GaussianFocal()(torch.zeros(1, 2), torch.tensor([[1.0, 0.5]]))  # log 2 / 4 + log 2 / 64
    tensor(0.1841)
    """

    alpha: float = param(default=2.0, at_least=0, help="how fast an easy pixel fades")
    beta: float = param(default=4.0, at_least=0, typical=(2.0,), help="how fast a pixel near a centre stops to count")
    peak: float = param(default=1.0, above=0, at_most=1, quiet=True, help="from what height on a pixel is a centre")
    per_object: bool = param(
        default=True, choices=(True, False), quiet=True, help="whether a map is divided by the number of its centres"
    )
    axis: Literal[-1, 1] = param(default=-1, quiet=True, help="1 for maps (N, *space); -1 where pixels are one axis")

    card = Card(
        task="other",
        inputs={"prediction": Logit.of("pixels"), "target": BinaryTarget.of("pixels")},
        formula=Formula(
            "sum([(1 - p)**alpha * softplus(-z) if t >= peak else (1 - t)**beta * p**alpha * softplus(z)"
            " for p, z, t in zip(chance, prediction, target)]) / (max(1, centres) if per_object else 1)",
            chance="[sigmoid(z) for z in prediction]",
            centres="sum([t >= peak for t in target])",
        ),
        convex=lambda loss: loss.alpha == 0,
        bounded_below=True,
        slope="bounded",
        denominator="the unmasked examples (maps), each counted by its weight; not the pixels",
        when="Centres, corners or joints are marked in a heatmap.",
        when_not="The heatmap is itself to be matched (Squared, AdaptiveWing).",
        points={"floor": 0},
        aliases=("GaussianFocalLoss", "CornerNet loss", "CenterNet loss", "penalty-reduced focal", "heatmap focal"),
        ports={"mmdet.models.losses.GaussianFocalLoss": {"per_object": False}},
        tags=("detection", "focal", "heatmap", "keypoints", "imbalanced"),
        cite=("Law & Deng 2018, arXiv:1808.01244 (CornerNet)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        z, t = self.pixels_last(prediction, target)
        centre = t >= self.peak
        wrong = torch.where(centre, -z, z)
        near = raised(1 - t, self.beta) if self.beta else torch.ones_like(t)
        cost = torch.exp(-self.alpha * softplus(-wrong)) * softplus(wrong)
        total = (torch.where(centre, torch.ones_like(t), near) * cost).sum(-1)
        return total / centre.sum(-1).clamp(min=1) if self.per_object else total
