"""Smooth L1: the absolute error, rounded off within `beta` of the target."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class SmoothL1(Supervised):
    """The absolute error with its kink rounded off: squared within `beta`.

    r² / (2 beta) for |r| ≤ beta, |r| - beta / 2 beyond. It is Huber(delta=beta) / beta: the slope far from the target
    is 1 whatever beta is, where Huber's is delta. They agree at 1 and part elsewhere: an error of 2 costs 1.75 here and
    0.875 there at a threshold of 0.5, and 1 against 2 at a threshold of 2. As `beta` goes to 0 this loss becomes the
    absolute error, and at 0 it is the absolute error.

    Changing `beta` in training changes how curved the loss is at the target (1 / beta), so a learning rate that was
    right for 1 may be too large for 1/9, which is common for boxes.

    Shapes: prediction and target (*batch); `beta` and the loss in the target's unit.

    >>> import torch, wald
    >>> wald.SmoothL1(beta=0.5)(torch.tensor([0.25, 2.0]), torch.zeros(2), reduction="none")
    tensor([0.0625, 1.7500])
    """

    beta: float = param(
        default=1.0,
        at_least=0,
        typical=(0.0, 0.1),
        help="where squared turns into absolute, in the target's unit; 0 for the absolute error itself",
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=lambda loss: (
            Formula("r**2 / (2 * beta) if abs(r) <= beta else abs(r) - beta / 2", r="prediction - target")
            if loss.beta
            else Formula("abs(prediction - target)")
        ),
        elicits=lambda loss: "m-functional" if loss.beta else "median",
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 1 if loss.beta else 0,
        slope="bounded",
        when="Boxes and other targets that are scaled already: an error should cost what it is, without a kink at 0.",
        when_not="You are judged by the mean (use Squared) or the median (use Absolute) of a skewed target.",
        points={"perfect": 0, "floor": 0},
        aliases=("SmoothL1Loss", "smooth_l1_loss", "smooth L1", "smooth mean absolute error", "Fast R-CNN box loss"),
        ports={
            "torch.nn.SmoothL1Loss": {},
            "fvcore.nn.smooth_l1_loss": {},
            "mmdet.models.losses.SmoothL1Loss": {},
        },
        tags=("robust", "outliers", "detection", "boxes"),
        cite=("Girshick 2015, arXiv:1504.08083",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        residual = prediction - target
        if self.beta == 0:
            return residual.abs()
        slope = (residual / self.beta).clamp(-1, 1)
        return slope * (residual - 0.5 * self.beta * slope)
