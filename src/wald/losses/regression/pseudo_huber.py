"""Pseudo-Huber: Huber without the seam."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised, constant


class PseudoHuber(Supervised):
    """Squared for small errors, absolute for large ones, and smooth everywhere.

    δ² (√(1 + (r / δ)²) - 1) for r = prediction - target and δ = `delta`: about r² / 2 near the target, about
    δ |r| far from it. The gradient, r / √(1 + (r / δ)²), stays within δ and changes smoothly, so that second-order
    methods, boosting among them, have a curvature that is positive everywhere. Its minimiser lies between
    the mean and the median, and is neither of them for a skewed target.

    Charbonnier, √(r² + ε²), is this loss with δ = ε, divided by ε, plus ε: the same up to scale and shift. Here a
    perfect prediction costs 0, and no digits are lost for errors much smaller than δ, nor is there an overflow for
    errors much larger.

    Shapes: prediction and target (*batch); `delta` in the target's unit, the loss in its square.

    >>> import torch, wald
    >>> wald.PseudoHuber(delta=1.0)(torch.tensor([0.75, 1e30]), torch.zeros(2), reduction="none")
    tensor([2.5000e-01, 1.0000e+30])
    """

    delta: float = param(default=1.0, above=0, typical=(0.1, 10.0), help="the largest slope, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("delta**2 * (sqrt(1 + (r / delta)**2) - 1)", r="prediction - target"),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        when="Huber is right, and the optimiser uses curvature: boosting, Newton steps, implicit gradients.",
        when_not="You are judged by the mean (use Squared) or the median (use Absolute) of a skewed target.",
        points={"perfect": 0, "floor": 0},
        ports={"xgboost.reg:pseudohubererror": {}},
        aliases=("pseudo_huber", "mphe", "smooth Huber"),
        tags=("robust", "outliers", "heavy tails", "smooth"),
        cite=("Charbonnier et al. 1994, doi:10.1109/ICIP.1994.413553",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        residual = prediction - target
        # The difference √(δ² + r²) - δ, as r times r / (√(δ² + r²) + δ): nothing cancels, nothing overflows.
        root = torch.hypot(residual, constant((self.delta,), residual)[0])
        return self.delta * residual * (residual / (root + self.delta))
