"""Huber: squared near the target, absolute beyond `delta`."""

import torch
from torch import Tensor

from ..cards import Card, Formula, Real, param
from ..core import Supervised


class Huber(Supervised):
    """Squared for small errors, absolute for large ones: an outlier pulls no harder than `delta`.

    Its slope is the residual held to [-delta, delta]. It is smooth L1 times `delta`.

    Shapes: prediction and target (*batch); both in the unit of the target.

    >>> import torch, wald
    >>> wald.Huber(delta=1.0)(torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """

    delta: float = param(
        default=1.0, above=0, typical=(0.1, 10.0), help="where squared turns into absolute, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("r**2 / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)", r="prediction - target"),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=1,
        slope="bounded",
        when="Most errors are well behaved and a few are wild; `delta` near 1.345 robust standard deviations.",
        when_not="You are judged by the mean (use Squared) or the median (use Absolute) of a skewed target.",
        aliases=("HuberLoss", "clipped squared error", "reg:huber"),
        tags=("robust", "outliers", "heavy tails"),
        cite=("Huber 1964, doi:10.1214/aoms/1177703732",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        size = (prediction - target).abs()
        near = torch.clamp(size, max=self.delta)
        return near * (size - 0.5 * near)
