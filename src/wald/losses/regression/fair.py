"""Fair: a convex robust loss whose slope approaches its limit slowly."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised

#: Below this, x - log(1 + x) is summed as a series: there its terms would cancel.
_NEAR = 0.5
#: Terms of that series that still show in double precision.
_TERMS = 12


class Fair(Supervised):
    """Squared for small errors, absolute for large, turning slowly: x - log(1 + x).

    c² (|r| / c - log(1 + |r| / c)) for r = prediction - target and c = `scale`: about r² / 2 near the target. The
    slope, c r / (c + |r|), stays within c, and reaches half of it at |r| = c and nine tenths only at 9 c, where Huber
    reaches its limit at once: errors of every size keep some influence. The curvature, (1 + |r| / c)⁻², is positive
    everywhere, so boosters can use it as it is.

    Its minimiser lies between the mean and the median, and is neither of them for a skewed target.

    Shapes: prediction and target (*batch); `scale` in the target's unit, the loss in its square.

    >>> import torch, wald
    >>> wald.Fair()(torch.tensor([1e-6, 1.0, 100.0]), torch.zeros(3), reduction="none")
    tensor([5.0000e-13, 3.0685e-01, 9.5385e+01])
    """

    scale: float = param(default=1.0, above=0, typical=(0.1,), help="the largest slope, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("scale**2 * (x - log1p(x))", x="abs(prediction - target) / scale"),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=2,
        slope="bounded",
        when="Outliers should count less and less, but no border should tell them from the rest.",
        when_not="You are judged by the mean (use Squared) or the median (use Absolute) of a skewed target.",
        points={"perfect": 0, "floor": 0},
        aliases=("FairLoss", "fair", "fair loss"),
        ports={"lightgbm.fair": {}, "catboost.FairLoss": {}},
        tags=("robust", "outliers", "heavy tails", "smooth", "boosting"),
        cite=("Fair 1974",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        x = (prediction - target) / self.scale
        size = x.abs()
        # With z = x / (2 + x), log(1 + x) = 2 (z + z³/3 + ...), so x - log(1 + x) = x² / (2 + x) - 2 (z³/3 + ...). As
        # a multiple of x² it is curved right at 0, too, where |x| has a kink.
        near = size.clamp(max=_NEAR)
        z = near / (2 + near)
        series = torch.zeros_like(z)
        for k in range(_TERMS, 0, -1):
            series = series * z.square() + 1 / (2 * k + 1)
        inside = x.clamp(-_NEAR, _NEAR).square() * (1 - 2 * z / (2 + near) * series) / (2 + near)
        far = size.clamp(min=_NEAR)
        value = torch.where(size > _NEAR, far - torch.log1p(far), inside)
        return value * (self.scale * self.scale)
