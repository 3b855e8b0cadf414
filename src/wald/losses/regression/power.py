"""Power: the error to any power from 1 on."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class Power(Supervised):
    """The error to the power of `exponent`: between absolute and squared, or beyond.

    |prediction - target|^q for q = `exponent`, from 1 on: the absolute error at 1, the squared error (not halved) at 2.
    Between them it is a compromise between median and mean without a threshold to choose; far above 2 the largest error
    decides alone.

    Below 2 the curvature is infinite on the target, and counted as 0 there; above 2 it is 0. A booster or a
    Newton step needs a floor for it.

    Shapes: prediction and target (*batch); the loss in the target's unit to the power of q.

    >>> import torch, wald
    >>> wald.Power(exponent=1.5)(torch.tensor([0.0, 4.0]), torch.zeros(2), reduction="none")
    tensor([0., 8.])
    """

    exponent: float = param(default=1.5, at_least=1, typical=(1.0, 2.0, 3.0), help="the power q, from 1 on")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("abs(prediction - target)**exponent"),
        elicits=lambda loss: {1: "median", 2: "mean"}.get(loss.exponent, "m-functional"),
        convex=True,
        perfect_is_minimal=True,
        # An even power is smooth; any other has its kink in the derivative that is the last below it.
        smooth=lambda loss: 3 if loss.exponent % 2 == 0 or loss.exponent > 3 else int(-(-loss.exponent // 1)) - 1,
        slope=lambda loss: (
            "bounded"
            if loss.exponent == 1
            else "sublinear"
            if loss.exponent < 2
            else "linear"
            if loss.exponent == 2
            else "polynomial"
        ),
        when="Absolute is too hard and squared too soft on outliers, or a metric is written as a power.",
        when_not="A threshold between small and large errors is known (use Huber).",
        points={"perfect": 0, "floor": 0},
        aliases=("Lq", "Lq loss", "power loss", "Lp error", "p-norm residual"),
        ports={"catboost.Lq": {}},
        tags=("robust", "boosting", "norm"),
        cite=("Gonin & Money 1989, Nonlinear Lp-Norm Estimation",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        residual = prediction - target
        if self.exponent == 1:
            return residual.abs()
        if self.exponent == 2:
            return residual.square()
        size = residual.abs()
        nothing = size == 0
        # The power is taken where all its derivatives are finite.
        return torch.where(nothing, torch.zeros_like(size), torch.where(nothing, 1.0, size).pow(self.exponent))
