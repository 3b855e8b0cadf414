"""Squared error of logarithms: ratios instead of differences."""

from torch import Tensor

from ...cards import AboveMinusOne, Card, Formula
from ...core import Supervised


class SquaredLog(Supervised):
    """The squared difference of logs: large values are judged by ratio.

    The square of log(1 + prediction) - log(1 + target).
    Its minimiser is exp(E log(1 + Y)) - 1, a mean through log1p: below the mean for every target that varies,
    so totals come out low. Take the root of the mean over the data set and it is the RMSLE of a leader board.

    It is not convex in the prediction: far above the target the slope fades, so a model that starts much too
    high returns slowly. To fit the same thing with a convex loss, train `Squared` on target.log1p() and answer
    with prediction.expm1(); a model that emits log1p of the answer does that without a clamp at -1. XGBoost
    takes the gradient of half of it, Keras clips negative values to 0 first; here they are refused below -1.

    Shapes: prediction and target (*batch), above -1; no unit, so that a target counted in thousands gives
    another loss.

    >>> import math, torch, wald
    >>> wald.SquaredLog()(torch.tensor([math.e - 1, 1.0]), torch.zeros(2), reduction="none")
    tensor([1.0000, 0.4805])
    """

    card = Card(
        task="regression",
        inputs={"prediction": AboveMinusOne, "target": AboveMinusOne},
        formula=Formula("(log1p(prediction) - log1p(target))**2"),
        elicits="mean through log1p",
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Targets span orders of magnitude, zero among them, and you are judged by RMSLE.",
        when_not="Totals must add up (use Poisson or Squared), or predictions may go below -1.",
        points={"perfect": 0, "floor": 0},
        ports={
            "keras.losses.MeanSquaredLogarithmicError": {},
            "sklearn.metrics.mean_squared_log_error": {},
            "xgboost.reg:squaredlogerror": {},
        },
        aliases=(
            "MSLE",
            "RMSLE",
            "mean_squared_logarithmic_error",
            "mean_squared_log_error",
            "root_mean_squared_log_error",
            "squared log error",
        ),
        tags=("relative", "positive", "counts", "non-convex"),
        cite=("Gneiting 2011, arXiv:0912.0902",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction.log1p() - target.log1p()).square()
