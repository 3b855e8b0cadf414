"""Symmetric absolute percentage error: the error as a share of both numbers."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class SymmetricPercentage(Supervised):
    """The absolute error over the mean of what was predicted and observed.

    2 |prediction - target| / (|prediction| + |target|): from 0 to 2, or to 200 with `factor=100`. It is symmetric in
    its two arguments, and in nothing else: 10 too low costs more than 10 too high, since the divisor is smaller.
    Wherever the signs differ, or one of the two is 0, it costs 2 whatever the error is, and has no gradient: a target
    of 0 teaches nothing, and a prediction that starts on the wrong side of 0 stays there.

    Where both are 0 the ratio has no value. `both_zero="zero"` counts it as right (0), as CatBoost and neuralforecast
    do; "mask" leaves the example out of sum and count. pytorch-forecasting adds 1e-8 to the divisor
    (`added=1e-8`), which gives 0 there, too.

    Shapes: prediction and target (*batch); no unit.

    >>> import torch, wald
    >>> loss = wald.SymmetricPercentage()
    >>> loss(torch.tensor([1.0, 3.0, 0.0]), torch.tensor([2.0, 2.0, 0.0]), reduction="none")
    tensor([0.6667, 0.4000, 0.0000])
    """

    both_zero: Literal["zero", "mask"] = param(
        default="zero", choices=("zero", "mask"), help="whether 0 for a target of 0 costs nothing or is left out"
    )
    added: float = param(default=0.0, at_least=0, quiet=True, help="added to the divisor, in the target's unit")
    factor: float = param(default=1.0, above=0, quiet=True, help="a factor; 100 for per cent, which ends at 200")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula(
            "2 * factor * abs(prediction - target) / size if size else 0",
            size="abs(prediction) + abs(target) + added",
        ),
        convex=False,
        perfect_is_minimal=True,
        smooth=0,
        slope="vanishing",
        when="You are judged by sMAPE itself, and targets are well above 0.",
        when_not="Targets come near 0 or change sign (use Absolute, or ScaledError with the scale of a series).",
        points={"perfect": 0, "all_zero": "2 * factor", "floor": 0},
        aliases=("SMAPE", "sMAPE", "SMAPELoss", "symmetric_mean_absolute_percentage_error", "symmetric MAPE"),
        ports={
            "catboost.SMAPE": {"factor": 100.0},
            "neuralforecast.losses.pytorch.SMAPE": {},
            "pytorch_forecasting.metrics.SMAPE": {"added": 1e-8},
        },
        tags=("relative", "forecasting", "positive", "bounded"),
        cite=("Armstrong 1985, Long-Range Forecasting", "Makridakis 1993, doi:10.1016/0169-2070(93)90079-3"),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        prediction, target = inputs
        return (prediction != 0) | (target != 0) if self.both_zero == "mask" else None

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        size = prediction.abs() + target.abs() + self.added
        nothing = size == 0
        # Divided where there is something to divide by; elsewhere the error is 0, and so is its slope.
        return 2 * self.factor * ((prediction - target).abs() / torch.where(nothing, torch.ones_like(size), size))
