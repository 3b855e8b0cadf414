"""Log-cosh: a smooth robust loss whose slope is a tanh."""

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class LogCosh(Supervised):
    """Squared for small errors, absolute for large, through log cosh.

    The slope is `scale` tanh(r / `scale`).
    s² log cosh(r / s) for r = prediction - target and s = `scale`: about r² / 2 near the target, about s |r|
    far from it, as with Huber. It turns from one into the other faster than pseudo-Huber: at r = 2 s the
    slope is 96 % of its limit, against 89 %. At scale 1 it is the log-cosh of Keras, Optax and CatBoost.

    cosh itself overflows beyond 89 in float32, and the log of it loses every digit near 0. This form is
    finite for all finite errors and exact to rounding at both ends.

    Its minimiser lies between the mean and the median, and is neither of them for a skewed target.

    Shapes: prediction and target (*batch); `scale` in the target's unit, the loss in its square.

    >>> import torch, wald
    >>> wald.LogCosh()(torch.tensor([1e-8, 0.5, 1e4]), torch.zeros(3), reduction="none")
    tensor([5.0000e-17, 1.2011e-01, 9.9993e+03])
    """

    scale: float = param(default=1.0, above=0, typical=(0.1, 10.0), help="the largest slope, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("scale**2 * log(cosh((prediction - target) / scale))"),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        when="Huber is right, and the optimiser needs a smooth loss.",
        when_not="You are judged by the mean (use Squared) or the median (use Absolute) of a skewed target.",
        points={"perfect": 0, "floor": 0},
        ports={"keras.losses.LogCosh": {}, "optax.log_cosh": {}, "catboost.LogCosh": {}},
        aliases=("log_cosh", "LogCoshLoss", "log hyperbolic cosine", "log-cosh error"),
        tags=("robust", "outliers", "heavy tails", "smooth"),
        cite=("Saleh & Saleh 2022, arXiv:2208.04564",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        r = (prediction - target) / self.scale
        # Up to 1, cosh r = 1 + 2 sinh²(r/2) keeps every digit. What log cosh grows by beyond 1 is exactly 0
        # until then, so the two parts just add, in value, slope and curvature.
        near = torch.log1p(2 * torch.sinh(0.5 * r.clamp(-1, 1)).square())
        beyond = torch.relu(r.abs() - 1)
        far = beyond + torch.log1p(((-2 * beyond).exp() - 1) / (1 + math.e**2))
        return self.scale**2 * (near + far)
