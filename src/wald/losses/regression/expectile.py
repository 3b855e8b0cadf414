"""Expectile: the asymmetric squared error."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised, constant


class Expectile(Supervised):
    """Squared error, weighted by the side on which the target lies.

    For e = target - prediction it is level · e² where e > 0, and (1 - level) · e² elsewhere. Its minimiser is
    the `level` expectile: where the targets above, weighted by how far they are, balance those below in the
    ratio level : 1 - level. At 0.5 that is the mean, and the loss is *half* the squared error.

    An expectile is to the mean what a quantile is to the median: it hears how far the tail reaches, not only
    how often, and one wild target can move it as far as it likes. It is not the quantile of the same level.

    Shapes: prediction and target (*batch); in the square of the target's unit.

    >>> import torch, wald
    >>> wald.Expectile(level=0.75)(torch.tensor([0.0, 3.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([0.7500, 1.0000])
    """

    level: float = param(
        default=0.5, above=0, below=1, typical=(0.1, 0.9), help="the weight of a target above the prediction"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("(level if e > 0 else 1 - level) * e**2", e="target - prediction"),
        elicits=lambda loss: "mean" if loss.level == 0.5 else f"expectile({loss.level:g})",
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 3 if loss.level == 0.5 else 1,
        slope="linear",
        when="Too low and too high cost differently and large errors cost more than in proportion; value functions.",
        when_not="One target in ten must lie above the prediction: that is a quantile (use Pinball).",
        points={"perfect": 0, "floor": 0},
        ports={"xgboost.reg:expectileerror": {}, "catboost.Expectile": {}},
        aliases=(
            "ExpectileLoss",
            "asymmetric squared error",
            "asymmetric least squares",
        ),
        tags=("expectile", "asymmetric", "tail", "value at risk", "reinforcement learning"),
        cite=("Newey & Powell 1987, doi:10.2307/1911031", "Gneiting 2011, arXiv:0912.0902"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = target - prediction
        above, below = constant((self.level, 1 - self.level), error)
        return torch.where(error > 0, above, below) * error.square()
