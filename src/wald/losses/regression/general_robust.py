"""Barron's general robust loss: one number says how robust."""

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.log_square import log1p_square


class GeneralRobust(Supervised):
    """Squared, Charbonnier, Cauchy, Geman-McClure and Welsch in one: `alpha` says how robust.

    For x = (prediction - target) / `scale` and a = `alpha`: |a - 2| / a · ((x² / |a - 2| + 1)^(a / 2) - 1), and its
    limit where that is not defined. Near the target it is x² / 2 for every a; far from it, it grows like |x|^a:

    | alpha | is |
    |---|---|
    | 2 | half the squared error, of x |
    | 1 | Charbonnier: √(x² + 1) - 1 |
    | 0 | Cauchy: log(1 + x² / 2) |
    | -2 | Geman-McClure: 2 x² / (x² + 4) |
    | -inf | Welsch: 1 - exp(-x² / 2), written float("-inf") |

    From alpha = 1 up it is convex. Below 1 the pull fades with the error, so begin near the targets, or let alpha fall
    in the course of training.

    `alpha` is a field and is not learned. The loss falls for every error as alpha falls, so that minimising over alpha
    by itself would make it as small as it is let. To learn it, the logarithm of the integral of exp(-loss), which
    depends on alpha, must be added.

    Shapes: prediction and target (*batch); `scale` in the target's unit, the loss has none.

    Raises:
        ValueError: alpha is not a number, or plus infinity.

    >>> import torch, wald
    >>> error, zero = torch.tensor([0.5, 4.0]), torch.zeros(2)
    >>> wald.GeneralRobust(alpha=-1.0)(error, zero, reduction="none")
    tensor([0.1177, 1.8079])
    """

    alpha: float = param(
        default=1.0, typical=(2.0, 0.0, -2.0), help="the power by which it grows; the smaller, the more robust"
    )
    scale: float = param(default=1.0, above=0, help="the size of an error that is still ordinary, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=lambda loss: (
            Formula("x**2 / 2", x="(prediction - target) / scale")
            if loss.alpha == 2
            else Formula("log1p(x**2 / 2)", x="(prediction - target) / scale")
            if loss.alpha == 0
            else Formula("1 - exp(-x**2 / 2)", x="(prediction - target) / scale")
            if loss.alpha < -1e300
            else Formula(
                "b / alpha * ((x**2 / b + 1)**(alpha / 2) - 1)",
                x="(prediction - target) / scale",
                b="abs(alpha - 2)",
            )
        ),
        elicits=lambda loss: "mean" if loss.alpha == 2 else "m-functional",
        convex=lambda loss: loss.alpha >= 1,
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: (
            "polynomial"
            if loss.alpha > 2
            else "linear"
            if loss.alpha == 2
            else "sublinear"
            if loss.alpha > 1
            else "bounded"
            if loss.alpha == 1
            else "vanishing"
        ),
        when="You want to try how robust a loss should be, with one number to turn.",
        when_not="You know which of them you want: it has its own name and is faster.",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "Barron",
            "BarronLoss",
            "general adaptive robust loss",
            "general and adaptive robust loss",
            "robust_loss",
            "lossfun",
            "AdaptiveLossFunction",
        ),
        tags=("robust", "outliers", "heavy tails", "smooth", "image"),
        cite=("Barron 2019, arXiv:1701.03077",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if math.isnan(self.alpha) or self.alpha == math.inf:
            raise ValueError(
                f"GeneralRobust: alpha is {self.alpha}; it must be a number up to which the loss grows as a power. Use "
                'alpha=2.0 for squares, or float("-inf") for the most robust.'
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        x = (prediction - target) / self.scale
        if self.alpha == 2:
            return 0.5 * x.square()
        if self.alpha == 0:
            return log1p_square(x / math.sqrt(2))
        if self.alpha == -math.inf:
            return _less_one(-0.5 * x.clamp(-100, 100).square(), -1.0)
        rest = abs(self.alpha - 2)
        return _less_one(0.5 * self.alpha * log1p_square(x / math.sqrt(rest)), rest / self.alpha)


def _less_one(power: Tensor, factor: float) -> Tensor:
    """exp(power) - 1, times a factor: no digits are lost of small values, nor of the slope where that is small."""
    return factor * torch.where(power > -0.5, torch.expm1(power), torch.exp(power) - 1)
