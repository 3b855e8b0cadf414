"""Losses of coordinates, joints and their heatmaps, and of the offsets of boxes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, NonNegative, Positive, Real, numbers, param
from ...core import Loss, ShapeError, Supervised, constant
from ..pieces.powers import raised, ratio


class Wing(Supervised):
    """Logarithmic for small errors, absolute for large: the last pixel of a landmark counts.

    width log(1 + |r| / curvature) for |r| < width, |r| - C beyond, with C so that both meet. Its slope is largest at
    the target, width / curvature, where squared and even absolute errors let go; it jumps there, so a landmark that is
    right trembles by the step of the optimiser, and it jumps to 1 at `width`. Both fields are in the unit of the
    target: the paper has 10 and 2 pixels (of 256), segmentation-models-pytorch 5 and 0.5. On coordinates in [0, 1]
    neither makes sense.

    Shapes: prediction and target (*batch), each coordinate an example.

    >>> import torch, wald
    >>> wald.Wing()(torch.tensor([2.0, 20.0]), torch.zeros(2), reduction="none")  # 10 log 2, 20 - 10 + 10 log 6
    tensor([ 6.9315, 27.9176])
    """

    width: float = param(
        default=10.0, above=0, typical=(1.0,), help="up to where it is logarithmic, in the target's unit"
    )
    curvature: float = param(default=2.0, above=0, typical=(0.5,), help="how sharp it is at 0, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula(
            "width * log1p(r / curvature) if r < width else r - width + width * log1p(width / curvature)",
            r="abs(prediction - target)",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="bounded",
        when="Landmarks are to be exact to the pixel, and most are nearly so.",
        when_not="Labels are noisy at the scale of a pixel (Huber, Absolute).",
        points={"perfect": 0, "floor": 0},
        aliases=("WingLoss", "wing_loss"),
        ports={"segmentation_models_pytorch.losses._functional.wing_loss": {"width": 5.0, "curvature": 0.5}},
        tags=("keypoints", "landmarks", "regression", "robust", "detection"),
        cite=("Feng et al. 2017, arXiv:1711.06753",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = (prediction - target).abs()
        near = self.width * (error / self.curvature).log1p()
        beyond = error - self.width + self.width * math.log1p(self.width / self.curvature)
        return torch.where(error < self.width, near, beyond)


class AdaptiveWing(Supervised):
    """A wing loss of heatmaps whose shape follows the target: sharp at a landmark, soft on the background.

    With e = |prediction - target| and a = alpha - target: omega log(1 + (e / epsilon)^a) for e < theta, and beyond the
    straight line that continues it in value and slope. On the background, target 0, it is smooth at 0 and forgives
    small errors; at a landmark, target 1, it is nearly absolute and does not.

    Shapes: prediction and target (*batch), each pixel an example; prediction a height, not a logit; target in [0, 1].

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.AdaptiveWing()(torch.tensor([0.1, 0.9]), torch.tensor([0.0, 1.0]), reduction="none")
    tensor([0.1108, 1.0701])
    """

    alpha: float = param(
        default=2.1, above=1, typical=(2.5,), help="the exponent on the background; above it - 1 at peaks"
    )
    omega: float = param(default=14.0, above=0, help="the size of the loss")
    epsilon: float = param(default=1.0, above=0, typical=(0.5,), help="the height in which errors are told")
    theta: float = param(default=0.5, above=0, help="up to what error it is curved")

    card = Card(
        task="other",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula(
            "omega * log1p((e / epsilon)**a) if e < theta else rise * (e - theta) + omega * log1p(q)",
            e="abs(prediction - target)",
            a="alpha - target",
            q="(theta / epsilon)**a",
            rise="omega * a * q / theta / (1 + q)",
        ),
        # The curved part, of an error to the power a, is convex up to where that is a - 1; so for all a between.
        convex=lambda loss: all(a - 1 >= (loss.theta / loss.epsilon) ** a for a in (loss.alpha - 1, loss.alpha)),
        bounded_below=True,
        perfect_is_minimal=True,
        slope="bounded",
        denominator="the unmasked pixels, each counted by its weight",
        when="A heatmap of landmarks is matched by its heights, and peaks matter more than background.",
        when_not="Scores are logits of centres (GaussianFocal), or coordinates (Wing).",
        points={"perfect": 0, "floor": 0},
        aliases=("AWing", "AdaptiveWingLoss"),
        tags=("keypoints", "landmarks", "heatmap", "regression", "detection"),
        cite=("Wang et al. 2019, arXiv:1904.07399",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = (prediction - target).abs()
        power = self.alpha - target
        edge = (self.theta / self.epsilon) ** power
        rise = self.omega * power * edge / (self.theta * (1 + edge))
        near = self.omega * raised(error / self.epsilon, power).log1p()
        return torch.where(error < self.theta, near, rise * (error - self.theta) + self.omega * edge.log1p())


class KeypointSimilarity(Loss):
    """One minus the object keypoint similarity (OKS) by which joints are judged.

    The mean over visible joints of 1 - exp(-d² / (8 area sigma²)), d the distance of a joint from the true one in
    pixels, area that of the object in square pixels, sigma how much people differ about such a joint. COCO's k is
    2 sigma: the exponent is d² / (2 area k²). A joint that is far off has no gradient: begin with boxes that fit, or
    with squared errors. An object without visible joints costs 0.

    Shapes: prediction and target (*batch, joints, 2); visible (*batch, joints), 1 for a joint that counts, 0 for one
    that does not, or its weight; area (*batch). The target of a joint that does not count may be anything finite.

    Raises:
        DomainError: an area is 0 or less, or a visibility negative.
        ShapeError: there is not one sigma for each joint, or inputs do not line up.

    >>> import torch, wald
    >>> true, seen, area = torch.zeros(1, 2, 2), torch.ones(1, 2), torch.tensor([100.0])
    >>> off = torch.tensor([[[2.0, 0.0], [0.0, 0.0]]])
    >>> wald.KeypointSimilarity(sigmas=(0.1, 0.1))(off, true, seen, area)  # (1 - exp(-4 / 8)) / 2
    tensor(0.1967)
    """

    sigmas: tuple[float, ...] = param(
        default=tuple(k / 1000 for k in (26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89)),
        convert=numbers,
        above=0,
        quiet=True,
        help="how much people differ about each joint, in roots of the area; COCO's 17 by default",
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Real.of("joints", "place", size=2),
            "target": Real.of("joints", "place", size=2),
            "visible": NonNegative.of("joints", size=len(loss.sigmas)),
            "area": Positive,
        },
        formula=Formula(
            "dot(visible, [1 - exp(-distance(a, b)**2 / (8 * area * s**2)) for a, b, s in"
            " zip(prediction, target, sigmas)]) / sum(visible)"
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked objects, each counted by its weight",
        when="Joints are nearly right, and you are judged by OKS.",
        when_not="Joints may be far off (Squared, Wing), or are marked in heatmaps (GaussianFocal).",
        points={"perfect": 0, "floor": 0},
        aliases=("OKS", "OKSLoss", "KeypointLoss", "object keypoint similarity"),
        tags=("keypoints", "pose", "detection", "COCO"),
        cite=("Maji et al. 2022, arXiv:2204.06806",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, visible: Tensor, area: Tensor) -> Tensor:
        if prediction.shape[-2] != len(self.sigmas):
            raise ShapeError(
                f"KeypointSimilarity: there are {prediction.shape[-2]} joints and {len(self.sigmas)} sigmas. Give one "
                "for each joint, as in sigmas=(0.05, 0.05, 0.1)."
            )
        sigma = constant(self.sigmas, prediction)
        squares = (prediction - target).square().sum(-1)
        apart = -torch.expm1(-squares / (8 * area.unsqueeze(-1) * sigma.square()))
        return ratio((visible * apart).sum(-1), visible.sum(-1))


class BalancedL1(Supervised):
    """An absolute loss that lets go of large errors early and holds on to small ones: for offsets of boxes.

    Of |r| below beta, alpha / b · (b |r| + beta) log(b |r| / beta + 1) - alpha |r|, beyond it the line of slope gamma
    that meets it; b = e^(gamma / alpha) - 1 makes the slope gamma at beta. Its slope, alpha log(1 + b |r| / beta), is
    above that of SmoothL1 near the target, so that boxes that are nearly right teach more. mmdetection writes
    (b |r| + 1) for (b |r| + beta), which is the same at its beta of 1, and jumps at any other.

    Shapes: prediction and target (*batch), each offset an example.

    >>> import torch, wald
    >>> wald.BalancedL1()(torch.tensor([0.5, 2.0]), torch.zeros(2), reduction="none")
    tensor([0.4006, 2.5786])
    """

    alpha: float = param(
        default=0.5, above=0, typical=(1.0,), help="how little small errors teach; smaller is less flat"
    )
    gamma: float = param(default=1.5, above=0, help="the slope of large errors")
    beta: float = param(default=1.0, above=0, typical=(0.2,), help="where it becomes straight, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula(
            "alpha / b * (b * r + beta) * log1p(b * r / beta) - alpha * r if r < beta"
            " else gamma * r + beta * (gamma / b - alpha)",
            r="abs(prediction - target)",
            b="exp(gamma / alpha) - 1",
        ),
        elicits="unresolved",
        convex=True,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=1,
        slope="bounded",
        when="Offsets of boxes, of which many are nearly right and a few wild.",
        when_not="Anything but offsets of boxes: Huber has fewer values and is better known.",
        points={"perfect": 0, "floor": 0},
        aliases=("BalancedL1Loss", "Libra R-CNN L1"),
        ports={"mmdet.models.losses.BalancedL1Loss": {}},
        tags=("detection", "boxes", "regression", "robust"),
        cite=("Pang et al. 2019, arXiv:1904.02701",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        b = math.expm1(self.gamma / self.alpha)
        error = (prediction - target).abs()
        near = error.clamp(max=self.beta)
        curve = self.alpha / b * (b * near + self.beta) * (b * near / self.beta).log1p() - self.alpha * near
        return curve + self.gamma * (error - near)
