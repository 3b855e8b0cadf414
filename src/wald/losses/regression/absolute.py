"""Absolute error: the loss of the median."""

from torch import Tensor

from ...cards import Card, Formula, Real
from ...core import Supervised


class Absolute(Supervised):
    """The absolute error |prediction - target|. Its minimiser is the median.

    Every error pulls with the same force, its sign, so wild targets hardly move the fit, and neither does
    being almost right: the gradient does not fade near the target and is 0 exactly on it. The second
    derivative is 0 everywhere, so a booster needs a stand-in for it.

    For a skewed target the median is not the mean: predictions that are right for this loss do not add up
    to the total.

    Shapes: prediction and target (*batch); in the target's unit.

    >>> import torch, wald
    >>> wald.Absolute()(torch.tensor([0.5, -3.0]), torch.zeros(2), reduction="none")
    tensor([0.5000, 3.0000])
    """

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("abs(prediction - target)"),
        elicits="median",
        convex=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="bounded",
        when="You want the median, or some targets are wild and an error costs in proportion to its size.",
        when_not="Totals must add up: the median of a skewed target is not its mean (use Squared or Poisson).",
        points={"perfect": 0, "floor": 0},
        ports={
            "torch.nn.L1Loss": {},
            "keras.losses.MeanAbsoluteError": {},
            "sklearn.metrics.mean_absolute_error": {},
            "xgboost.reg:absoluteerror": {},
            "lightgbm.regression_l1": {},
            "catboost.MAE": {},
            "chemprop.nn.metrics.MAE": {},
            "neuralforecast.losses.pytorch.MAE": {},
            "pytorch_forecasting.metrics.MAE": {},
        },
        aliases=(
            "MAE",
            "L1Loss",
            "l1_loss",
            "mean_absolute_error",
            "absolute error",
            "least absolute deviations",
            "LAD",
        ),
        tags=("median", "robust", "outliers", "laplace"),
        cite=("Laplace 1774", "Gneiting 2011, arXiv:0912.0902"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).abs()
