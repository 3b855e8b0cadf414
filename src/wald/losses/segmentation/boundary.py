"""Losses of the border of a mask: how far wrong pixels are from it, and whether a pixel is on it."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, NonNegative, Real, param
from ...core import Loss, Supervised
from ..pieces.distances_to_border import border_distance, signed_distance
from ..pieces.over_masks import OverPixels, pixels_last
from ..pieces.softplus import softplus


class Boundary(Loss):
    """The mean over pixels of the predicted mask times the signed distance to the true border.

    mean(p φ): p = sigmoid(prediction), φ negative inside the true mask and positive outside (Kervadec's boundary
    loss). A false pixel costs as much as it is far from the object. It is an integral, not a measure of overlap: it is
    negative for a good mask, has no zero, and its least value depends on the object. Far from the object it does
    little for what is missed, so it is added to Dice or cross-entropy with a weight that grows from about 0.01.

    φ is an input, made once for each mask, outside the training step: `wald.Boundary.distances(masks)`, in pixels, 0 on
    the mask's innermost edge, as in MONAI, and 0 everywhere for an empty or full mask. Distances in millimetres are as
    good. mmsegmentation's loss of this name is another one: EdgeCrossEntropy.

    Shapes: prediction and distance (*batch, pixels), `axis=1` for masks (N, *space); prediction in logits.

    Raises:
        ShapeError: prediction and distance differ in shape.

    >>> import torch, wald
    >>> mask = torch.tensor([[[0.0, 1.0, 1.0, 0.0, 0.0]]])
    >>> wald.Boundary.distances(mask)
    tensor([[[1., 0., 0., 1., 2.]]])
    >>> wald.Boundary(axis=1)(torch.zeros(1, 1, 5), wald.Boundary.distances(mask))
    tensor(0.4000)
    """

    axis: Literal[-1, 1] = param(default=-1, quiet=True, help="1 for masks (N, *space); -1 where pixels are one axis")

    card = Card(
        task="other",
        inputs={"prediction": Logit.of("pixels"), "distance": Real.of("pixels")},
        formula=Formula("mean([sigmoid(z) * d for z, d in zip(prediction, distance)])"),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Beside Dice or cross-entropy, where borders matter and objects are small.",
        when_not="Alone: it can be least for an empty mask. Add it with a small weight that grows.",
        aliases=("BoundaryLoss", "surface loss", "Kervadec"),
        ports={"monai.losses.BoundaryLoss": {}},
        tags=("segmentation", "border", "mask", "distance", "medical", "imbalanced"),
        cite=("Kervadec et al. 2018, arXiv:1812.07032",),
    )

    @staticmethod
    def distances(masks: Tensor, dims: int = 2) -> Tensor:
        """The signed distances to the borders of masks, in pixels: negative inside, positive outside.

        Args:
            masks: (*batch, *space), in the mask where above 1/2.
            dims: how many of the last axes are space.
        """
        return signed_distance(masks, dims)

    def in_plain_layout(self) -> Loss:
        return self if self.axis == -1 else self.replace(axis=-1)

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        return self.plain, pixels_last(self, "binary", self.axis, *inputs), weight, mask

    def per_example(self, prediction: Tensor, distance: Tensor) -> Tensor:
        z, far = pixels_last(self, "binary", self.axis, prediction, distance)
        return (z.sigmoid() * far).mean(-1)


class Hausdorff(Loss):
    """Squared errors of pixels, each times how far it is from the borders: small if no pixel is far off.

    The mean over pixels of (p - t)² (d_p^alpha + d_t^alpha), p = sigmoid(prediction), with d_t the distance of a
    pixel to the border of the true mask and d_p to that of the predicted one, cut at 1/2 (the distance-transform form;
    it stands in for the Hausdorff distance, of which only the worst pixel would learn). In units of pixels^alpha it
    is large: give it a small weight beside Dice. `log=True` takes log(1 + loss).

    Distances are inputs and have no gradient: `wald.Hausdorff.distances(masks)` makes them; the true ones once, the
    predicted ones, of prediction.detach() > 0, at every step. Where a mask is empty or full its distances are 0, so an
    image with nothing in both masks costs 0 whatever its errors: another loss must see to those.

    Shapes: all four (*batch, pixels), `axis=1` for masks (N, *space); prediction in logits.

    Raises:
        DomainError: a target is outside [0, 1], or a distance is negative.
        ShapeError: they differ in shape.

    >>> import torch, wald
    >>> z, t = torch.tensor([[-40.0, -40.0, 40.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> far = wald.Hausdorff.distances
    >>> wald.Hausdorff()(z, t, far((z > 0).float(), dims=1), far(t, dims=1))
    tensor(3.3333)
    """

    alpha: float = param(default=2.0, above=0, typical=(1.0,), help="how fast the cost grows with distance")
    log: bool = param(default=False, choices=(False, True), quiet=True, help="the log of 1 + the loss")
    axis: Literal[-1, 1] = param(default=-1, quiet=True, help="1 for masks (N, *space); -1 where pixels are one axis")

    card = Card(
        task="other",
        inputs={
            "prediction": Logit.of("pixels"),
            "target": BinaryTarget.of("pixels"),
            "predicted_distance": NonNegative.of("pixels"),
            "true_distance": NonNegative.of("pixels"),
        },
        formula=Formula(
            "log1p(value) if log_of else value",
            log_of="log",
            value="mean([(sigmoid(z) - t)**2 * (a**alpha + b**alpha)"
            " for z, t, a, b in zip(prediction, target, predicted_distance, true_distance)])",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Beside Dice, where you are judged by the Hausdorff distance: a far false pixel is worst.",
        when_not="Alone, or where masks are often empty (Dice).",
        points={"perfect": 0, "floor": 0},
        aliases=("HausdorffDT", "HausdorffDTLoss", "LogHausdorffDTLoss", "Hausdorff distance"),
        ports={"monai.losses.HausdorffDTLoss": {}, "monai.losses.LogHausdorffDTLoss": {"log": True}},
        tags=("segmentation", "border", "mask", "distance", "medical"),
        cite=("Karimi & Salcudean 2019, arXiv:1904.10030",),
    )

    @staticmethod
    def distances(masks: Tensor, dims: int = 2) -> Tensor:
        """How far each pixel is from the nearest one on the other side of the border of its mask, in pixels.

        Args:
            masks: (*batch, *space), in the mask where above 1/2.
            dims: how many of the last axes are space.
        """
        return border_distance(masks, dims)

    def in_plain_layout(self) -> Loss:
        return self if self.axis == -1 else self.replace(axis=-1)

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        return self.plain, pixels_last(self, "binary", self.axis, *inputs), weight, mask

    def per_example(
        self, prediction: Tensor, target: Tensor, predicted_distance: Tensor, true_distance: Tensor
    ) -> Tensor:
        z, t, own, true = pixels_last(self, "binary", self.axis, prediction, target, predicted_distance, true_distance)
        far = own.detach() ** self.alpha + true.detach() ** self.alpha
        value = ((z.sigmoid() - t).square() * far).mean(-1)
        return value.log1p() if self.log else value


class EdgeCrossEntropy(Supervised, OverPixels):
    """Cross-entropy of edge pixels, in which edges and the rest weigh as much together.

    With n pixels of which E are edges: the mean over pixels of BinaryCrossEntropy, an edge pixel weighted by (n - E)/n
    and any other by E/n. Edges are a hundredth of an image, and without this would not be learned. An image without
    edges weighs nothing, and what is predicted in it falsely costs nothing. This is the boundary loss of PIDNet, which
    pools the batch; here each image has its own balance. The boundary loss with distances is Boundary.

    Shapes: prediction and target (*batch, pixels), `axis=1` for maps (N, *space); prediction in logits, target 0 or 1;
    a share between is an edge by so much.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.EdgeCrossEntropy()(torch.zeros(1, 4), torch.tensor([[1.0, 0.0, 0.0, 0.0]]))  # 2 (3/4)(1/4) log 2
    tensor(0.2599)
    """

    axis: Literal[-1, 1] = param(default=-1, quiet=True, help="1 for maps (N, *space); -1 where pixels are one axis")

    card = Card(
        task="other",
        inputs={"prediction": Logit.of("pixels"), "target": BinaryTarget.of("pixels")},
        formula=Formula(
            "mean([(1 - share) * t * softplus(-z) + share * (1 - t) * softplus(z)"
            " for z, t in zip(prediction, target)])",
            share="mean(target)",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples (maps), each counted by its weight; not the pixels",
        when="Edges, or other thin structures, are to be marked pixel by pixel.",
        when_not="Probabilities matter, or many images have no edge (BinaryCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("boundary BCE", "BoundaryBCE", "edge loss", "class-balanced cross-entropy of edges"),
        ports={"mmseg.models.losses.BoundaryLoss": {}},
        tags=("segmentation", "border", "edge", "imbalanced", "binary"),
        cite=("Xu et al. 2022, arXiv:2206.02066 (PIDNet)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        z, t = self.pixels_last(prediction, target)
        share = t.mean(-1, keepdim=True)
        return ((1 - share) * t * softplus(-z) + share * (1 - t) * softplus(z)).mean(-1)
