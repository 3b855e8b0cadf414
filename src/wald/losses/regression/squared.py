"""Squared error: the loss of the mean."""

from torch import Tensor

from ...cards import Card, Formula, Real
from ...core import Supervised


class Squared(Supervised):
    """The squared error (prediction - target)². Its minimiser is the mean.

    It is not halved: the gradient is 2 (prediction - target). The half form is what `optax.l2_loss` computes
    and what XGBoost and LightGBM take the gradient of; it differs by a factor, which a learning rate absorbs
    and a sum with other terms does not. Minimising the root of the mean over all examples (RMSE) is minimising
    the mean: take the root for the report. RootMeanSquared is the root, and a loss of its own.

    An error twice as large pulls twice as hard, so one wild target can move the fit as far as it likes.

    Shapes: prediction and target (*batch); in the square of the target's unit.

    >>> import torch, wald
    >>> wald.Squared()(torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none")
    tensor([0.2500, 9.0000])
    """

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("(prediction - target)**2"),
        elicits="mean",
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="linear",
        when="You want the mean: totals must add up, and errors are well behaved.",
        when_not="Some targets are wild (use Huber), or you are judged by the median (use Absolute).",
        points={"perfect": 0, "floor": 0},
        ports={
            "torch.nn.MSELoss": {},
            "keras.losses.MeanSquaredError": {},
            "optax.squared_error": {},
            "sklearn.metrics.mean_squared_error": {},
            "xgboost.reg:squarederror": {},
            "lightgbm.regression": {},
            "catboost.RMSE": {},
            "chemprop.nn.metrics.MSE": {},
            "neuralforecast.losses.pytorch.MSE": {},
        },
        aliases=(
            "MSE",
            "MSELoss",
            "mse_loss",
            "mean_squared_error",
            "squared error",
            "quadratic",
            "least squares",
            "L2",
            "regression_l2",
        ),
        tags=("mean", "gaussian", "bregman"),
        cite=(
            "Legendre 1805; Gauss 1809",
            "Savage 1971, doi:10.1080/01621459.1971.10482346",
            "Gneiting 2011, arXiv:0912.0902",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).square()
