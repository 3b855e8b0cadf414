"""Geman-McClure: an error counts up to a limit that it reaches like its inverse square."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class GemanMcClure(Supervised):
    """The squared error held below a limit of 2: far outliers are let go.

    2 x² / (x² + 4) for x = (prediction - target) / `scale`: about x² / 2 near the target, never above 2. The pull is
    strongest at |x| = 1.15 and falls like 1 / |x|³, so what is far away is let go nearly at once: start near the
    targets, or begin with a large `scale` and let it shrink.

    This is Barron's general loss at alpha -2, which kornia ships with a scale of 1. The classical r² / (s² + r²), which
    ends at 1, has another scale and is half as high: it is GemanMcClure(scale=s / 2) / 2.

    Shapes: prediction and target (*batch); `scale` in the target's unit, the loss has none.

    >>> import torch, wald
    >>> wald.GemanMcClure()(torch.tensor([0.1, 2.0, 1e30]), torch.zeros(3), reduction="none")
    tensor([0.0050, 1.0000, 2.0000])
    """

    scale: float = param(
        default=1.0, above=0, typical=(0.5,), help="the size of an error that is still ordinary, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("2 * x**2 / (x**2 + 4)", x="(prediction - target) / scale"),
        elicits="m-functional",
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Registration, bundle adjustment and the like: matches are right or wholly wrong.",
        when_not="Errors are large at the start, or large errors are what must be avoided (use Huber).",
        points={"perfect": 0, "floor": 0, "far_off": 2},
        aliases=("GemanMcclureLoss", "geman_mcclure_loss", "Geman-McClure", "GM estimator"),
        ports={"kornia.losses.GemanMcclureLoss": {}},
        tags=("robust", "outliers", "redescending", "non-convex", "bounded"),
        cite=("Geman & McClure 1985", "Barron 2019, arXiv:1701.03077"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        # What lies beyond the clamp is at the limit to the last digit, and its square would overflow.
        square = ((prediction - target) / self.scale).clamp(-1e9, 1e9).square()
        # Near the limit the slope keeps its digits where the rest is taken off.
        return torch.where(square < 4, 2 * square / (square + 4), 2 - 8 / (square + 4))
