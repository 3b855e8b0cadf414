"""How much an image changes from pixel to pixel: as a penalty, by the edges of another, and against another."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss, Supervised
from ..pieces.powers import raised, ratio


class TotalVariation(Loss):
    """How much an image changes from pixel to pixel: a penalty that removes noise and keeps edges.

    form="absolute" is Σ |x_(i+1) - x_i| down and across, which prefers few sharp edges along the axes; "squared" is
    the sum of squares, which blurs edges; "length" is the sum over pixels of the length of the gradient, which has no
    preferred direction, with a slope of 0 where nothing changes. "root" is the square root of the squared form, which
    piq takes by default. Over the whole image it grows with the number of pixels; mean=True divides each direction by
    the number of its differences, as torchmetrics does not and Kornia does on request.

    Shapes: image (*batch, channels, height, width), such as (N, C, H, W); it takes no target.

    >>> import torch, wald
    >>> wald.TotalVariation()(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
    tensor(2.)
    """

    form: Literal["absolute", "squared", "length", "root"] = param(
        default="absolute",
        choices=("absolute", "squared", "length", "root"),
        help="absolute or squared differences, lengths of gradients, or the root of the squares",
    )
    mean: bool = param(default=False, choices=(False, True), quiet=True, help="means of differences in place of sums")

    card = Card(
        task="other",
        inputs={"image": Real.of("channels", "height", "width")},
        formula=lambda loss: Formula(
            {
                "absolute": "over([abs(v) for v in down]) + over([abs(v) for v in across])",
                "squared": "over([v**2 for v in down]) + over([v**2 for v in across])",
                "root": "sqrt(over([v**2 for v in down]) + over([v**2 for v in across]))",
                "length": "over([sqrt((y - x)**2 + (z - x)**2) for c in image for r, s in zip(c, c[1:] + c[-1:])"
                " for x, y, z in zip(r, s, r[1:] + r[-1:])])",
            }[loss.form],
            down="[b - a for c in image for r, s in zip(c, c[1:]) for a, b in zip(r, s)]",
            across="[b - a for c in image for r in c for a, b in zip(r, r[1:])]",
            over="lambda v: sum(v) / (max(1, len(v)) if mean else 1)",
        ),
        convex=True,
        bounded_below=True,
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Beside a loss of the data, where images are piecewise even and noise is to go.",
        when_not="Texture matters, or edges of one image tell where another may change (EdgeAwareSmoothness).",
        points={"floor": 0},
        aliases=("TV", "TVLoss", "total_variation", "anisotropic TV"),
        ports={
            "kornia.losses.TotalVariation": {},
            "piq.TVLoss": {"form": "root"},
            "torchmetrics.image.TotalVariation": {},
        },
        tags=("image", "restoration", "penalty", "smoothness", "denoising"),
        cite=("Rudin, Osher & Fatemi 1992, doi:10.1016/0167-2789(92)90242-F",),
    )

    def per_example(self, image: Tensor) -> Tensor:
        down, across = image.diff(dim=-2), image.diff(dim=-1)
        if self.form == "length":
            squares = _padded(down, -2).square() + _padded(across, -1).square()
            return _over(raised(squares, 0.5), self.mean)
        if self.form == "absolute":
            return _over(down.abs(), self.mean) + _over(across.abs(), self.mean)
        squares = _over(down.square(), self.mean) + _over(across.square(), self.mean)
        return raised(squares, 0.5) if self.form == "root" else squares


class EdgeAwareSmoothness(Loss):
    """How much a map changes where the image beside it does not: depth may jump at edges only.

    mean(|dx d| exp(-sharpness |dx I|)) + mean(|dy d| exp(-sharpness |dy I|)), with |dx I| the mean over the channels of
    the image. The loss falls by shrinking all of the map, so that of inverse depths is first to be divided by its mean:
    `relative=True` does. The image has no gradient to give, and gets none worth having.

    Shapes: prediction (*batch, height, width), a map such as inverse depth; image (*batch, channels, height, width), in
    [0, 1] for a sharpness of 1.

    Raises:
        ShapeError: the map and the image differ in size.

    >>> import torch, wald
    >>> depth = torch.tensor([[[1.0, 2.0], [1.0, 2.0]]])
    >>> wald.EdgeAwareSmoothness()(depth, depth.unsqueeze(1))  # the jump is at an edge: exp(-1)
    tensor(0.3679)
    """

    sharpness: float = param(default=1.0, at_least=0, typical=(10.0,), help="how fast an edge allows a jump")
    relative: bool = param(
        default=False, choices=(False, True), quiet=True, help="divide the map by its mean, which must be above 0"
    )

    card = Card(
        task="other",
        inputs={"prediction": Real.of("height", "width"), "image": Real.of("channels", "height", "width")},
        formula=Formula(
            "edges(down) + edges(across)",
            whole="mean([m for row in prediction for m in row]) if relative else 1",
            map="[[m / whole for m in row] for row in prediction]",
            down="lambda c: [b - a for r, s in zip(c, c[1:]) for a, b in zip(r, s)]",
            across="lambda c: [b - a for r in c for a, b in zip(r, r[1:])]",
            edges="lambda steps: mean([abs(m) * exp(-sharpness * mean([abs(v) for v in seen]))"
            " for m, *seen in zip(steps(map), *[steps(c) for c in image])])",
        ),
        convex=lambda loss: not loss.relative,
        bounded_below=True,
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Depth, disparity or flow is learned from pictures, beside a loss that compares them.",
        when_not="Nothing tells where edges are (TotalVariation).",
        points={"floor": 0},
        aliases=("InverseDepthSmoothness", "inverse_depth_smoothness_loss", "InverseDepthSmoothnessLoss"),
        ports={"kornia.losses.InverseDepthSmoothnessLoss": {}},
        tags=("image", "depth", "optical flow", "penalty", "smoothness"),
        cite=("Godard, Mac Aodha & Brostow 2016, arXiv:1609.03677",),
    )

    def per_example(self, prediction: Tensor, image: Tensor) -> Tensor:
        if self.relative:
            prediction = ratio(prediction, prediction.mean((-2, -1), keepdim=True).expand_as(prediction))
        total = torch.zeros_like(prediction[..., 0, 0])
        for axis in (-2, -1):
            allowed = torch.exp(-self.sharpness * image.diff(dim=axis).abs().mean(-3))
            change = prediction.diff(dim=axis).abs() * allowed
            total = total + change.sum((-2, -1)) / max(1, change.shape[-2] * change.shape[-1])
        return total


class GradientDifference(Supervised):
    """How far the edges of an image are from those of another: errors of the slopes, by a Sobel filter.

    The mean over pixels and both directions of |G * prediction - G * target|^power, G the Sobel filters divided by 8,
    so that a slope of one a pixel is 1. It does not see a constant brightness, so it is added to a loss that does.
    With operator="difference" slopes are x_(i+1) - x_i. Some compare |slopes| only, by which an edge and its mirror
    image are alike; signs are kept here.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W).

    Raises:
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> ramp = torch.arange(5.0).expand(1, 1, 5, 5)
    >>> wald.GradientDifference()(ramp, torch.zeros(1, 1, 5, 5))  # 1 across, 0 down
    tensor(0.5000)
    """

    power: float = param(default=1.0, at_least=1, typical=(2.0,), help="1 for absolute errors of slopes, 2 for squared")
    operator: Literal["sobel", "difference"] = param(
        default="sobel", choices=("sobel", "difference"), quiet=True, help="how a slope is taken"
    )

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=lambda loss: Formula(
            "(mean([abs(v)**power for v in down]) + mean([abs(v)**power for v in across])) / 2",
            off="[[[a - b for a, b in zip(q, s)] for q, s in zip(p, t)] for p, t in zip(prediction, target)]",
            **(
                {
                    "near": "[w for c in off for row in windows(c, 3, 3) for w in row]",
                    "down": "[(w[6] + 2 * w[7] + w[8] - w[0] - 2 * w[1] - w[2]) / 8 for w in near]",
                    "across": "[(w[2] + 2 * w[5] + w[8] - w[0] - 2 * w[3] - w[6]) / 8 for w in near]",
                }
                if loss.operator == "sobel"
                else {
                    "down": "[b - a for c in off for r, s in zip(c, c[1:]) for a, b in zip(r, s)]",
                    "across": "[b - a for c in off for r in c for a, b in zip(r, r[1:])]",
                }
            ),
        ),
        convex=True,
        bounded_below=True,
        perfect_is_minimal=True,
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Edges are to be sharp, beside a loss of the pixels: restoration, depth.",
        when_not="Alone: a constant may be added to the image at no cost.",
        points={"perfect": 0, "floor": 0},
        aliases=("gradient loss", "Sobel loss", "edge gradient loss", "GDL image gradient"),
        tags=("image", "restoration", "edge", "depth"),
        cite=("Mathieu, Couprie & LeCun 2015, arXiv:1511.05440",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        # Both operators are linear, so that one pass over the error is enough.
        error = prediction - target
        total = torch.zeros_like(error[..., 0, 0, 0])
        for axis in (-2, -1):
            slope = error.diff(dim=axis)
            if self.operator == "sobel":
                slope = _summed(slope, axis) / 2
                slope = _summed(_summed(slope, -3 - axis), -3 - axis) / 4
            total = total + _over(raised(slope.abs(), self.power), mean=True) / 2
        return total


def _summed(x: Tensor, axis: int) -> Tensor:
    """Each entry and the next one along an axis, together."""
    return x.narrow(axis, 0, max(0, x.shape[axis] - 1)) + x.narrow(
        axis, min(1, x.shape[axis]), max(0, x.shape[axis] - 1)
    )


def _padded(x: Tensor, axis: int) -> Tensor:
    return torch.cat([x, torch.zeros_like(x.narrow(axis, 0, 1)) if x.shape[axis] else x], axis)


def _over(x: Tensor, mean: bool) -> Tensor:
    total = x.sum((-3, -2, -1))
    return total / max(1, x.shape[-3:].numel()) if mean else total
