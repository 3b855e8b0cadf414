"""Rotated boxes: how far they lie from each other as normal laws."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.powers import raised


class RotatedBox(Supervised):
    """How far a rotated box is from the true one, each taken for a normal law with its centre, sides and angle.

    A box with sides w and h becomes a law with deviations w / 2 and h / 2 along them. The areas that two rotated boxes
    share have no simple slope; distances of laws have one everywhere. With d = log(1 + root of the distance), the loss
    is 1 - 1 / (tau + d):

    - "kl" (KLD): the Kullback-Leibler divergence of the target from the prediction, which pulls at the angle the
      harder the longer the box.
    - "wasserstein" (GWD): the square of the distance that mass must be moved, over that of the geometric mean of the
      four sides.

    Two others are shares already, and know no tau:

    - "hellinger" (ProbIoU): Hellinger's distance of laws with deviations w / √12 and h / √12, those of an even mass.
    - "kalman" (KFIoU): 1 - V / (V_p + V_t - V), with V the area of the product of both laws. **It does not see the
      centres**: add a loss of them. It is 2/3 at best.

    A box and the same one turned by half a turn, or by a quarter with its sides exchanged, are one, so the end of the
    angle's range costs nothing. **The angle of a square has no slope.** Angles are in radians, from the axis x to the
    axis y; a side below `floor` counts as that, without a slope.

    Shapes: prediction and target (*batch, 5): x, y, width, height and angle, paired box by box.

    Raises:
        ShapeError: the last axis has not five entries, or prediction and target differ in shape.

    >>> import math, torch, wald
    >>> box, turned = torch.tensor([[0.0, 0.0, 4.0, 2.0, 0.0]]), torch.tensor([[0.0, 0.0, 2.0, 4.0, math.pi / 2]])
    >>> wald.RotatedBox()(turned, box).round(decimals=4)  # the same box, but for rounding
    tensor(0.)
    >>> wald.RotatedBox(kind="hellinger")(box + torch.tensor([2.0, 0.0, 0.0, 0.0, 0.0]), box)  # √(1 - exp(-3/8))
    tensor(0.5592)
    """

    kind: Literal["wasserstein", "kl", "hellinger", "kalman"] = param(
        default="kl", choices=("kl", "wasserstein", "hellinger", "kalman"), help="the distance of the two laws"
    )
    tau: float = param(
        default=1.0, at_least=1, typical=(2.0,), help="how flat the loss is far away: 1 for the most slope"
    )
    floor: float = param(default=1e-4, above=0, quiet=True, help="the least side, in the unit of the boxes")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("numbers", size=5), "target": Real.of("numbers", size=5)},
        formula=lambda loss: Formula(
            {
                "hellinger": "sqrt(max(0, 1 - exp(-3 * quadratic / (4 * whole) - log(whole / (4 * sqrt(areas))) / 2)))",
                "kalman": "1 - 1 / (sqrt(whole / (c * d)) + sqrt(whole / (a * b)) - 1)",
            }.get(loss.kind, "1 - 1 / (tau + log1p(sqrt(max(0, distance))))"),
            a="max(abs(prediction[2]), floor)**2 / 4",
            b="max(abs(prediction[3]), floor)**2 / 4",
            c="max(abs(target[2]), floor)**2 / 4",
            d="max(abs(target[3]), floor)**2 / 4",
            areas="a * b * c * d",
            x="prediction[0] - target[0]",
            y="prediction[1] - target[1]",
            p="prediction[4]",
            t="target[4]",
            turn="sin(p - t)**2",
            **(
                {
                    "product": "(a * c + b * d) * (1 - turn) + (a * d + b * c) * turn",
                    "moved": "x * x + y * y + a + b + c + d - 2 * sqrt(product + 2 * sqrt(areas))",
                    "distance": "moved / (4 * sqrt(sqrt(areas)))",
                }
                if loss.kind == "wasserstein"
                else {
                    "along": "x * cos(p) + y * sin(p)",
                    "across": "y * cos(p) - x * sin(p)",
                    "ratios": "(c / a + d / b) * (1 - turn) + (d / a + c / b) * turn",
                    "distance": "(along**2 / a + across**2 / b + ratios + log(a * b / (c * d))) / 2 - 1",
                }
                if loss.kind == "kl"
                else {
                    "whole": "a * b + c * d + (a * d + b * c) * (1 - turn) + (a * c + b * d) * turn",
                    "quadratic": "a * (y * cos(p) - x * sin(p))**2 + b * (x * cos(p) + y * sin(p))**2"
                    " + c * (y * cos(t) - x * sin(t))**2 + d * (x * cos(t) + y * sin(t))**2",
                }
            ),
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        denominator="the unmasked boxes, each counted by its weight",
        when="Boxes have an angle: aerial images, text, parts on a belt.",
        when_not="Boxes are upright (GIoU, DIoU, CIoU), or nearly square with an angle that matters.",
        points=lambda loss: {
            "perfect": {"hellinger": 0, "kalman": 2 / 3}.get(loss.kind, "1 - 1 / tau"),
            "floor": {"hellinger": 0, "kalman": 2 / 3}.get(loss.kind, "1 - 1 / tau"),
        },
        aliases=("GWD", "KLD loss", "GDLoss", "KFIoU", "ProbIoU", "rotated IoU", "oriented bounding box", "OBB"),
        ports={
            "mmrotate.models.losses.gaussian_dist_loss.gwd_loss": {"kind": "wasserstein"},
            "mmrotate.models.losses.gaussian_dist_loss.kld_loss": {"kind": "kl"},
            "ultralytics.utils.metrics.probiou": {"kind": "hellinger"},
        },
        tags=("detection", "boxes", "rotated", "oriented", "angle", "regression"),
        cite=(
            "Yang et al. 2021, arXiv:2101.11952 (GWD)",
            "Yang et al. 2021, arXiv:2106.01883 (KLD)",
            "Llerena et al. 2021, arXiv:2106.06072 (ProbIoU)",
            "Yang et al. 2022, arXiv:2201.12558 (KFIoU)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        width, height = (_half(prediction[..., k], self.floor) for k in (2, 3))
        true_width, true_height = (_half(target[..., k], self.floor) for k in (2, 3))
        x, y = prediction[..., 0] - target[..., 0], prediction[..., 1] - target[..., 1]
        turn = (prediction[..., 4] - target[..., 4]).sin().square()
        along, across = _seen_from(prediction[..., 4], x, y)
        # How much longer each is than wide, in squares: what a turn costs is a product of these.
        long, true_long = width.square() - height.square(), true_width.square() - true_height.square()
        if self.kind == "kl":
            sides = _mismatch(true_width, width) + _mismatch(true_height, height)
            turned = turn * (true_long / width.square()) * (long / height.square())
            distance = ((along / width).square() + (across / height).square() + sides + turned) / 2
            return 1 - 1 / (self.tau + raised(distance, 0.5).log1p())
        # All lengths in units of the fourth root of both areas.
        unit = (width * height).sqrt().sqrt() * (true_width * true_height).sqrt().sqrt()
        width, height, true_width, true_height = (side / unit for side in (width, height, true_width, true_height))
        lost = turn * (long / unit.square()) * (true_long / unit.square())
        if self.kind == "wasserstein":
            straight = width * true_width + height * true_height
            root = raised(straight.square() - lost, 0.5)
            sides = (width - true_width).square() + (height - true_height).square() + 2 * lost / (straight + root)
            distance = ((x / unit).square() + (y / unit).square() + sides) / 4
            return 1 - 1 / (self.tau + raised(distance, 0.5).log1p())
        # By how much the determinant of the sum of both laws is above four times what it is of equal ones.
        ahead, beside = (_apart(a, b) for a, b in ((width, true_width), (height, true_height)))
        more = ahead + beside + ahead * beside + lost / 4
        if self.kind == "kalman":
            # That a centre is NaN is not to be hidden, though it is not looked at.
            return 1 - 1 / (2 * (1 + more).sqrt() * (width * height + true_width * true_height) - 1) + 0 * (x + y)
        true_along, true_across = _seen_from(target[..., 4], x, y)
        quadratic = (width * across).square() + (height * along).square()
        quadratic = quadratic + (true_width * true_across).square() + (true_height * true_along).square()
        distance = 3 * quadratic / (16 * (1 + more) * unit.square()) + more.log1p() / 2
        return raised(-torch.expm1(-distance), 0.5)


def _half(side: Tensor, floor: float) -> Tensor:
    return side.abs().clamp(min=floor) / 2


def _seen_from(angle: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A step along a direction, and across it."""
    return x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()


def _mismatch(a: Tensor, b: Tensor) -> Tensor:
    """(a / b)² - 1 - log (a / b)², which of nearly equal sides keeps its digits."""
    more = (a - b) / b
    near = more.abs() < 0.5
    log = torch.where(near, torch.where(near, more, torch.zeros_like(more)).log1p(), a.log() - b.log())
    return more * ((a + b) / b) - 2 * log


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """(a² + b²) / (2 a b) - 1."""
    return (a - b).square() / (2 * a * b)
