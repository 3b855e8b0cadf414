"""Quantile Huber: Huber, weighted by the side on which the target lies."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised, constant


class QuantileHuber(Supervised):
    """Huber, weighted by the side on which the target lies: a quantile with a soft tip.

    For e = target - prediction it is level · huber(e) where e > 0, and (1 - level) · huber(e) elsewhere, with
    huber(e) = e² / 2 up to `delta` and delta (|e| - delta / 2) beyond. Its minimiser lies between the `level` quantile
    (small delta) and the `level` expectile (large delta), and is neither of them.

    Two losses go by this name, and `form` says which: "huber" is the one above; "smooth" divides it by delta, so that
    its slope ends at the level, and it becomes Pinball as delta goes to 0. QR-DQN and its heirs divide, neuralforecast
    does not; at delta 1 they agree. At level 0.5 it is *half* of Huber, or of SmoothL1.

    For a smoothed quantile that moves less, see SmoothedPinball.

    Shapes: prediction and target (*batch); `delta` in the target's unit, the loss in its square, or in the unit itself
    where it is divided.

    >>> import torch, wald
    >>> wald.QuantileHuber(level=0.9)(torch.tensor([0.0, 3.0]), torch.tensor([2.0, 2.5]), reduction="none")
    tensor([1.3500, 0.0125])
    """

    level: float = param(
        default=0.5, above=0, below=1, typical=(0.9,), help="the weight of a target above the prediction"
    )
    delta: float = param(
        default=1.0, above=0, typical=(0.1,), help="where squared turns into absolute, in the target's unit"
    )
    form: Literal["huber", "smooth"] = param(
        default="huber", choices=("huber", "smooth"), help="whether it is left as it is, or divided by delta"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=lambda loss: Formula(
            "side * (e**2 / 2 if abs(e) <= delta else delta * (abs(e) - delta / 2))"
            + (" / delta" if loss.form == "smooth" else ""),
            e="target - prediction",
            side="level if e > 0 else 1 - level",
        ),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=1,
        slope="bounded",
        when="Distributional reinforcement learning, or a quantile of noisy targets from a second-order optimiser.",
        when_not="The quantile must be exact (use Pinball), or nearly so (use SmoothedPinball).",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "HuberQLoss",
            "huberised pinball",
            "huberized quantile loss",
            "quantile Huber",
            "QR-DQN loss",
            "quantile_huber_loss",
        ),
        ports={"neuralforecast.losses.pytorch.HuberQLoss": {}},
        tags=("quantile", "asymmetric", "robust", "smooth", "reinforcement learning", "forecasting"),
        cite=("Dabney et al. 2017, arXiv:1710.10044", "Dabney et al. 2018, arXiv:1806.06923"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = target - prediction
        above, below = constant((self.level, 1 - self.level), error)
        slope = error.clamp(-self.delta, self.delta)
        value = torch.where(error > 0, above, below) * slope * (error - 0.5 * slope)
        return value if self.form == "huber" else value / self.delta
