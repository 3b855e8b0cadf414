"""Welsch: an error counts up to a limit that it reaches like a bell curve."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class Welsch(Supervised):
    """One minus a bell curve of the error: beyond a few scales nothing pulls.

    1 - exp(-x² / 2) for x = (prediction - target) / `scale`: about x² / 2 near the target, never above 1. The pull is
    strongest at |x| = 1; at |x| = 5 it is gone, so a prediction that far off gets no gradient and stays where it is.
    Begin with a large `scale`, or warm up with Huber. With a scale of about 2.98 robust standard deviations it is
    nearly as good as the mean for normal errors.

    It is Barron's general loss as alpha goes to minus infinity, and minimising its mean is maximising correntropy.

    Shapes: prediction and target (*batch); `scale` in the target's unit, the loss has none.

    >>> import torch, wald
    >>> wald.Welsch()(torch.tensor([1e-4, 1.0, 1e30]), torch.zeros(3), reduction="none")
    tensor([5.0000e-09, 3.9347e-01, 1.0000e+00])
    """

    scale: float = param(default=1.0, above=0, typical=(0.5,), help="the error that pulls most, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("1 - exp(-x**2 / 2)", x="(prediction - target) / scale"),
        elicits="m-functional",
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Wrong targets must not count at all, and the model already starts near the rest.",
        when_not="Errors are large at the start, or large errors are what must be avoided (use Huber).",
        points={"perfect": 0, "floor": 0, "far_off": 1},
        aliases=("WelschLoss", "welsch_loss", "Leclerc", "correntropy", "correntropy-induced loss", "Dennis-Welsch"),
        ports={"kornia.losses.WelschLoss": {}},
        tags=("robust", "outliers", "redescending", "non-convex", "bounded"),
        cite=("Dennis & Welsch 1978, doi:10.1080/03610917808812083", "Barron 2019, arXiv:1701.03077"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        # The bell curve is 0 to the last digit long before the clamp, which keeps an infinite error from 0 · inf.
        power = -0.5 * ((prediction - target) / self.scale).clamp(-100, 100).square()
        # expm1 keeps the digits of small values, exp those of the slope where it is small.
        return torch.where(power > -0.5, -torch.expm1(power), 1 - torch.exp(power))
