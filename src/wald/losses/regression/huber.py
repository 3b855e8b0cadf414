"""Huber: squared near the target, absolute beyond `delta`."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class Huber(Supervised):
    """Squared for small errors, absolute for large: outliers pull no harder.

    Its slope is the error held to [-delta, delta]: r² / 2 near the target, delta (|r| - delta / 2) beyond.
    Its minimiser lies between the mean (large `delta`) and the median (small `delta`), and is neither of them
    for a skewed target.

    Smooth L1 is this loss divided by its threshold: SmoothL1(beta=d) = Huber(delta=d) / d. They agree at 1, and
    part elsewhere: an error of 5 costs 0.495 here at delta=0.1, and 4.95 there at beta=0.1. As `delta`
    shrinks, this loss fades to nothing, while SmoothL1 becomes the absolute error. The threshold is called
    `alpha` in LightGBM and `epsilon` in scikit-learn's HuberRegressor, there in units of a fitted scale.

    Shapes: prediction and target (*batch); `delta` in the target's unit, the loss in its square.

    >>> import torch, wald
    >>> wald.Huber(delta=1.0)(torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """

    delta: float = param(
        default=1.0, above=0, typical=(0.1, 10.0), help="where squared turns into absolute, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("r**2 / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)", r="prediction - target"),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=1,
        slope="bounded",
        when="Most errors are well behaved and a few are wild; `delta` near 1.345 robust standard deviations.",
        when_not="You are judged by the mean (use Squared) or the median (use Absolute) of a skewed target.",
        points={"perfect": 0, "floor": 0},
        aliases=("HuberLoss", "huber_loss", "clipped squared error"),
        ports={
            "torch.nn.HuberLoss": {},
            "keras.losses.Huber": {},
            "optax.huber_loss": {},
            "sklearn.linear_model.HuberRegressor": {"delta": 1.35},
            "lightgbm.huber": {"delta": 0.9},
            "catboost.Huber": {},
            "neuralforecast.losses.pytorch.HuberLoss": {},
        },
        tags=("robust", "outliers", "heavy tails"),
        cite=("Huber 1964, doi:10.1214/aoms/1177703732",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        residual = prediction - target
        slope = residual.clamp(-self.delta, self.delta)
        return slope * (residual - 0.5 * slope)
