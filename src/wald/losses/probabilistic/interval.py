"""Interval: the loss of a range that should hold a given share of the targets."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class Interval(Supervised):
    """The interval (Winkler) score: the width of a range, plus a fine for what it misses.

    (upper - lower) + 2 / a · (how far the target lies outside) for a = 1 - `level`. The prediction holds the lower
    and the upper end of a range that should hold a share `level` of the targets; the best ends are the a/2 and
    1 - a/2 quantiles, so that as many targets lie below as above. A wider range always costs its width: it cannot
    be won by promising too much.

    It is 4 / a times Pinball(level=(a / 2, 1 - a / 2)), and so in the target's unit: an average of 12 is as bad as
    a range of width 12 that is never missed. Papers call the share that may be missed α; here `level` is the
    share to be held, 0.9 and not 0.1. The weighted interval score, of several ranges and
    the median, is QuantileCRPS.

    Nothing keeps the ends from crossing; where they do, the width counts as negative and both fines are paid.

    Shapes: prediction (*batch, 2), the lower end first; target (*batch); the loss in the target's unit.

    >>> import torch, wald
    >>> ends = torch.tensor([[0.0, 2.0], [0.0, 2.0]])
    >>> wald.Interval(level=0.8)(ends, torch.tensor([1.0, 3.0]), reduction="none")
    tensor([ 2., 12.])
    """

    level: float = param(default=0.9, above=0, below=1, help="the share of targets inside the range")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("ends", size=2), "target": Real},
        formula=Formula(
            "upper - lower + 2 / (1 - level) * (max(lower - target, 0) + max(target - upper, 0))",
            lower="prediction[0]",
            upper="prediction[1]",
        ),
        elicits=lambda loss: f"quantile({(1 - loss.level) / 2:g}), quantile({(1 + loss.level) / 2:g})",
        convex=True,
        smooth=0,
        slope="bounded",
        when="You promise a range, such as 'between 20 and 35 with 90 %', and want it no wider than it must be.",
        when_not="You need several quantiles or another pair of them (use Pinball with a tuple), or one safe side.",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "Winkler score",
            "interval score",
            "IntervalScore",
            "prediction interval",
            "mean_interval_score",
        ),
        ports={"scoringrules.interval_score": {}},
        tags=("interval", "quantile", "uncertainty", "forecasting", "coverage", "probabilistic"),
        cite=(
            "Winkler 1972, doi:10.1080/01621459.1972.10481224",
            "Gneiting & Raftery 2007, doi:10.1198/016214506000001437",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        lower, upper = prediction.unbind(-1)
        # The width in two parts, from each end to the target: then nothing cancels, and every term has its sign.
        outside = (1 + self.level) / (1 - self.level)
        inside = torch.relu(target - lower) + torch.relu(upper - target)
        return inside + outside * (torch.relu(lower - target) + torch.relu(target - upper))
