"""Scaled error: each error in units of how hard its series is."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Positive, Real, param
from ...core import Loss


class ScaledError(Loss):
    """The error in units of a scale that comes with each example, as in MASE.

    |prediction - target| / scale, or its square. With the mean absolute error that a naive forecast made on the history
    of the series as the scale it is MASE: 1 is as good as naive, and series of every size count alike.

    The scale is an input, as it belongs to the data: for `history` (*batch, time) and a season of s steps

        scale = (history[..., s:] - history[..., :-s]).abs().mean(-1)

    repeated for every step that is forecast. For RMSSE, the measure of M5, take the root of the mean square there and
    error="squared" here, and the root of the result. Take the scale from the training part alone, once: a scale from
    each window, which some libraries take, changes what a series weighs from batch to batch.

    A history that never moves has a scale of 0, and by it every error is infinite: it is refused. neuralforecast lets
    such a series cost nothing.

    Shapes: prediction, target and scale (*batch), the scale in the target's unit; no unit.

    Raises:
        DomainError: a scale is not positive.

    >>> import torch, wald
    >>> history = torch.tensor([[1.0, 3.0, 2.0, 4.0]])
    >>> naive = (history[..., 1:] - history[..., :-1]).abs().mean(-1)
    >>> wald.ScaledError()(torch.tensor([4.0]), torch.tensor([9.0]), naive)
    tensor(3.)
    """

    error: Literal["absolute", "squared"] = param(
        default="absolute", choices=("absolute", "squared"), help="whether the scaled error is squared"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real, "scale": Positive},
        formula=lambda loss: Formula("x**2" if loss.error == "squared" else "x", x="abs(prediction - target) / scale"),
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 3 if loss.error == "squared" else 0,
        slope=lambda loss: "linear" if loss.error == "squared" else "bounded",
        when="Series of very different sizes are forecast by one model, and each should count alike.",
        when_not="All targets have one unit and totals matter (use Squared), or a history may be constant.",
        points={"perfect": 0, "naive": 1, "floor": 0},
        aliases=("MASE", "mean_absolute_scaled_error", "relMSE", "RMSSE", "scaled absolute error"),
        ports={"neuralforecast.losses.pytorch.MASE": {}, "pytorch_forecasting.metrics.MASE": {}},
        tags=("forecasting", "time series", "relative", "scale-free"),
        cite=("Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        ratio = (prediction - target) / scale
        return ratio.square() if self.error == "squared" else ratio.abs()
