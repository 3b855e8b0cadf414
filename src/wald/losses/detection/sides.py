"""Losses of boxes that look at width and height by themselves: EIoU, SIoU and bounded IoU."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.boxes import pair
from ..pieces.powers import raised, ratio


class EIoU(Supervised):
    """DIoU plus the squared errors of width and height, each as a share of the least box around both.

    1 - IoU + d² / c² + (w - w*)² / W² + (h - h*)² / H² (efficient IoU), W and H the sides of the least box that holds
    both. Unlike CIoU it sees width and height, not their ratio alone.

    Focal-EIoU weighs each box by IoU^gamma, so that boxes far off count less. As a part of the loss that weight would
    be lowered by moving boxes apart, so it must be a constant, and here it is the caller's: `weight=(1 -
    IoU()(prediction.detach(), target, reduction="none")) ** 0.5`, with `normalizer="rows"` for a plain mean.

    mmdetection's EIoULoss is another loss, the extended IoU of Peng and Yu.

    Boxes are two opposite corners (x1, y1, x2, y2) in any order, as in IoU; paired box by box.

    Shapes: prediction and target (*batch, 4), in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.EIoU()(torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))  # 1/2 + 1/20 + 1/4
    tensor(0.8000)
    """

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "1 - iou + centres / (wide**2 + high**2)"
            " + ((p[2] - p[0] - t[2] + t[0]) / wide)**2 + ((p[3] - p[1] - t[3] + t[1]) / high)**2",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            common="max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))",
            iou="common / ((p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - common)",
            centres="((p[0] + p[2] - t[0] - t[2])**2 + (p[1] + p[3] - t[1] - t[3])**2) / 4",
            wide="max(p[2], t[2]) - min(p[0], t[0])",
            high="max(p[3], t[3]) - min(p[1], t[1])",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        denominator="the unmasked boxes, each counted by its weight",
        when="Width and height are to come right by themselves, not their ratio alone.",
        when_not="Many boxes are far off and drown the rest: weigh them by their IoU, held constant.",
        points={"perfect": 0, "floor": 0},
        aliases=("efficient IoU", "Focal-EIoU", "FocalEIoU"),
        tags=("detection", "boxes", "overlap", "regression", "IoU", "focal"),
        cite=("Zhang et al. 2021, arXiv:2101.08158",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        both = pair(prediction, target)
        wide = ratio(both.width - both.true_width, both.around_width).square()
        high = ratio(both.height - both.true_height, both.around_height).square()
        return 1 - both.iou + both.centres + wide + high


class SIoU(Supervised):
    """One minus IoU, plus the distance of the centres along the axes and the errors of the sides.

    1 - IoU + (D + S) / 2. D = Σ (1 - exp(-(2 - A) ρ)) over both axes, ρ the squared offset of the centres as a share of
    the squared side of the least box around both; A = sin 2φ, φ the angle of the line between the centres, so that
    offsets along one axis cost more than along a diagonal. S = Σ (1 - exp(-ω))^theta over both sides, ω = |w - w*| /
    max(w, w*). mmdetection has exp(+(2 - A) ρ) unless `neg_gamma=True`, by which centres are cheaper the farther apart
    they are; this is the paper's sign.

    Boxes are two opposite corners (x1, y1, x2, y2) in any order, as in IoU; paired box by box.

    Shapes: prediction and target (*batch, 4), in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> near, far = torch.tensor([[1.0, 1.0, 3.0, 3.0], [4.0, 0.0, 6.0, 2.0]])
    >>> wald.SIoU()(torch.stack([near, far]), torch.tensor([[0.0, 0.0, 2.0, 2.0]] * 2), reduction="none")
    tensor([0.9623, 1.2944])
    """

    theta: float = param(default=4.0, at_least=1, typical=(2.0,), help="how fast errors of the sides come to count")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "1 - iou + (2 - exp(-k * (across / wide)**2) - exp(-k * (down / high)**2)"
            " + (1 - exp(-abs(w - v) / max(w, v)))**theta + (1 - exp(-abs(h - g) / max(h, g)))**theta) / 2",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            common="max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))",
            w="p[2] - p[0]",
            h="p[3] - p[1]",
            v="t[2] - t[0]",
            g="t[3] - t[1]",
            iou="common / (w * h + v * g - common)",
            across="(p[0] + p[2] - t[0] - t[2]) / 2",
            down="(p[1] + p[3] - t[1] - t[3]) / 2",
            k="2 - 2 * abs(across * down) / ((across**2 + down**2) or 1)",
            wide="max(p[2], t[2]) - min(p[0], t[0])",
            high="max(p[3], t[3]) - min(p[1], t[1])",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        denominator="the unmasked boxes, each counted by its weight",
        when="As an alternative to CIoU in one-stage detectors.",
        when_not="You have not tried CIoU or DIoU: they have less to choose and are better studied.",
        points={"perfect": 0, "floor": 0},
        aliases=("SIoULoss", "SCYLLA-IoU"),
        tags=("detection", "boxes", "overlap", "regression", "IoU"),
        cite=("Gevorgyan 2022, arXiv:2205.12740",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        both = pair(prediction, target)
        product = (both.right * both.down).abs()
        rate = 2 - ratio(2 * product, both.right.square() + both.down.square())
        across = -torch.expm1(-rate * ratio(both.right, both.around_width).square())
        down = -torch.expm1(-rate * ratio(both.down, both.around_height).square())
        wide = ratio((both.width - both.true_width).abs(), torch.maximum(both.width, both.true_width))
        high = ratio((both.height - both.true_height).abs(), torch.maximum(both.height, both.true_height))
        sides = raised(-torch.expm1(-wide), self.theta) + raised(-torch.expm1(-high), self.theta)
        return 1 - both.iou + (across + down + sides) / 2


class BoundedIoU(Supervised):
    """The best IoU that the error of each coordinate still allows, as a smooth absolute loss.

    With one of centre x, centre y, width and height wrong and the others right, the IoU is at most (w* - 2|dx|) /
    (w* + 2|dx|), not below 0, and min(w / w*, w* / w), and likewise for y and the height. The loss is the sum of the
    four of smooth L1 (beta) of one minus that bound. It is separable, unlike the IoU, and in units of it.

    mmdetection takes the mean over the four where this takes the sum. Boxes are two opposite corners (x1, y1, x2, y2)
    in any order, as in IoU. A box without width or height allows an IoU of 0 there.

    Shapes: prediction and target (*batch, 4), in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.BoundedIoU()(torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))  # 0.9 + 0.4
    tensor(1.3000)
    """

    beta: float = param(default=0.2, above=0, typical=(1.0,), help="where squared turns into absolute, in IoU")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "sum([s**2 / (2 * beta) if s < beta else s - beta / 2 for s in short])",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            side="lambda box, k: box[k + 2] - box[k]",
            off="lambda k: abs(p[k] + p[k + 2] - t[k] - t[k + 2])",
            centres="[max(0, side(t, k) - off(k)) / (side(t, k) + off(k)) for k in (0, 1)]",
            sides="[min(side(p, k), side(t, k)) / max(side(p, k), side(t, k)) for k in (0, 1)]",
            short="[1 - bound for bound in centres + sides]",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        denominator="the unmasked boxes, each counted by its weight",
        when="You are judged by IoU, and want each coordinate to have its own pull.",
        when_not="Boxes may be far apart: beyond half a width the centre has no gradient (DIoU).",
        points={"perfect": 0, "floor": 0},
        aliases=("BoundedIoULoss", "BIoU"),
        tags=("detection", "boxes", "regression", "IoU"),
        cite=("Tychsen-Smith & Petersson 2017, arXiv:1711.00164",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        both = pair(prediction, target)
        bounds = (
            _centred(both.right, both.true_width),
            _centred(both.down, both.true_height),
            _sided(both.width, both.true_width),
            _sided(both.height, both.true_height),
        )
        short = 1 - torch.stack(bounds, -1)
        near = short.square() / (2 * self.beta)
        return torch.where(short < self.beta, near, short - self.beta / 2).sum(-1)


def _centred(offset: Tensor, side: Tensor) -> Tensor:
    """The largest IoU that an offset of the centre allows."""
    both_ways = 2 * offset.abs()
    perfect = (side == 0) & (offset == 0)
    return torch.where(perfect, torch.ones_like(side), ratio((side - both_ways).relu(), side + both_ways))


def _sided(side: Tensor, true: Tensor) -> Tensor:
    """The largest IoU that an error of a side allows."""
    perfect = side == true
    share = ratio(torch.minimum(side, true), torch.maximum(side, true))
    return torch.where(perfect & (side == 0), torch.ones_like(side), share)
