"""Smoothed pinball: the loss of a quantile, its kink rounded off."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class SmoothedPinball(Supervised):
    """The pinball loss averaged over a window of +-`width`: a quantile, without the kink.

    For e = target - prediction it is the mean of Pinball(level) over e + u, u even between -width and width:
    (level (width + e)² + (1 - level) (width - e)²) / (4 width) where |e| ≤ width, and exactly the pinball loss
    beyond. The slope is continuous and the second derivative 1 / (2 width) inside the window, so that Newton steps,
    boosters and L-BFGS have something to work with.

    What it estimates is the `level` quantile of target + u: of the same targets, blurred by an even noise of
    +-width that is independent of them. The quantile itself is off by about width² / 6 times how steeply the log
    density falls there, so a width well below the spread of the targets changes it little. Of the ways to smooth a
    quantile loss this is the one by convolution; another, the quantile Huber loss, gives each half of Huber its
    side's weight, keeps the best prediction of a sure target on the target, and moves the quantile further. Here a
    sure target is best predicted (2 level - 1) width above itself.

    Shapes: prediction and target (*batch); `width` and the loss in the target's unit.

    >>> import torch, wald
    >>> loss = wald.SmoothedPinball(level=0.9, width=0.5)
    >>> loss(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 1.0]), reduction="none")
    tensor([0.9000, 0.1250, 0.1000])
    """

    level: float = param(
        default=0.5, above=0, below=1, typical=(0.9,), help="the share of targets below the prediction"
    )
    width: float = param(default=0.1, above=0, help="half the window, in the target's unit")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula(
            "max(level * e, (level - 1) * e) + max(width - abs(e), 0)**2 / (4 * width)", e="target - prediction"
        ),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=lambda loss: loss.level == 0.5,
        smooth=1,
        slope="bounded",
        when="You want a quantile from an optimiser or a booster that needs a second derivative.",
        when_not="The quantile must be exact (use Pinball), or the width is not small against the spread.",
        points={"perfect": "width / 4", "floor": "width * level * (1 - level)"},
        aliases=(
            "smooth quantile",
            "smoothed quantile loss",
            "convolution-smoothed quantile",
            "conquer",
            "smooth pinball",
            "SmoothPinball",
        ),
        tags=("quantile", "asymmetric", "smooth", "robust", "forecasting", "boosting"),
        cite=("Fernandes, Guerre & Horta 2021, doi:10.1080/07350015.2019.1660177",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = target - prediction
        inside = error.clamp(-self.width, self.width)
        # Every term has one sign, so no digits cancel; and no branch has a kink, so the slope is right at 0 too.
        round_ = (self.level * (self.width + inside).square() + (1 - self.level) * (self.width - inside).square()) / (
            4 * self.width
        )
        above, below = torch.relu(error - self.width), torch.relu(-error - self.width)
        return round_ + self.level * above + (1 - self.level) * below
