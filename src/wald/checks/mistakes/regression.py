"""Squared, absolute, percentage and squared-log errors, as they are known to go wrong."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...losses import Absolute, Percentage, Squared, SquaredLog
from .mistake import also_called, also_scaled, mistake

also_scaled(Squared, "half the squared error, whose gradient is the error itself", lambda loss: 0.5)
also_scaled(SquaredLog, "half of it, as XGBoost takes it", lambda loss: 0.5)
also_scaled(Percentage, "in percent", lambda loss: 100.0)
also_called(Percentage, floor=("floor", "eps", "epsilon", "min_denominator"))


@mistake(Squared)
def square_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is not squared, so that errors of both signs cancel and it has no least value."""
    return x - y


@mistake(Squared)
def root_of_each_error(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The root is taken of each squared error, which is the absolute error: it fits the median, not the mean."""
    return (x - y).abs()


@mistake(Squared, telling=True)
def squared_apart(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Prediction and target are squared apart, x² - y², in place of their difference."""
    return x.square() - y.square()


@mistake(Squared)
def squared_twice(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The squared error is squared once more, so that wild targets rule."""
    return (x - y).square().square()


@mistake(Squared)
def relative_to_the_target(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is divided by the target before it is squared, so that small targets rule."""
    return ((x - y) / y).square()


def _clamped(low: float, high: float) -> None:
    def prediction_clamped(loss: Any, x: Tensor, y: Tensor) -> Tensor:
        return loss.per_example(x.clamp(low, high), y)

    def target_clamped(loss: Any, x: Tensor, y: Tensor) -> Tensor:
        return loss.per_example(x, y.clamp(low, high))

    told = f"is clamped to [{low:g}, {high:g}], so beyond it"
    prediction_clamped.__doc__ = f"The prediction {told} nothing has a gradient."
    target_clamped.__doc__ = f"The target {told} the best prediction is wrong."
    for formula in (prediction_clamped, target_clamped):
        mistake(Squared, Absolute)(formula)


for _low, _high in ((0.0, 1.0), (-1.0, 1.0), (0.0, float("inf"))):
    _clamped(_low, _high)


@mistake(Squared, Absolute)
def target_shifted_by_one(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """One is added to the target, so the best prediction is biased by one."""
    return loss.per_example(x, y + 1)


@mistake(Squared, Absolute)
def target_shifted_back_by_one(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """One is subtracted from the target, or added to the prediction, so the best prediction is biased by one."""
    return loss.per_example(x, y - 1)


@mistake(Squared, whole=True, telling=True)
def mean_before_square(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The errors are averaged before they are squared, so that errors of both signs cancel."""
    return (x - y).mean().square()


@mistake(Squared, whole=True)
def root_of_the_mean(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The root is taken of the mean: the same minimiser, and no gradient once the error is zero."""
    return (x - y).square().mean().sqrt()


@mistake(Absolute)
def absolute_value_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The absolute value is missing, so that errors of both signs cancel and it has no least value."""
    return x - y


@mistake(Absolute)
def squared_instead(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is squared, so that it fits the mean, not the median."""
    return (x - y).square()


@mistake(Absolute, telling=True)
def absolute_values_apart(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The absolute values are subtracted, so that a prediction of the wrong sign costs nothing."""
    return (x.abs() - y.abs()).abs()


@mistake(Absolute)
def only_too_high_counts(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Only predictions above the target cost anything."""
    return (x - y).clamp(min=0)


@mistake(Absolute)
def only_too_low_counts(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Only predictions below the target cost anything."""
    return (y - x).clamp(min=0)


@mistake(Absolute, whole=True, telling=True)
def mean_before_absolute_value(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The errors are averaged before the absolute value is taken, so that errors of both signs cancel."""
    return (x - y).mean().abs()


@mistake(Percentage)
def prediction_in_the_denominator(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is divided by the prediction, so that a forecast that is far too high costs next to nothing."""
    return ((x - y) / x).abs()


@mistake(Percentage)
def symmetric_percentage(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is divided by the mean of prediction and target: sMAPE, another measure."""
    return 2 * (x - y).abs() / (x.abs() + y.abs())


@mistake(Percentage)
def symmetric_percentage_without_two(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is divided by the sum of prediction and target: half of sMAPE, another measure."""
    return (x - y).abs() / (x.abs() + y.abs())


@mistake(Percentage, telling=True)
def target_keeps_its_sign(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is divided by the target with its sign, so that for negative targets it is to be large."""
    return (x - y).abs() / y


@mistake(Percentage)
def error_keeps_its_sign(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The absolute value of the error is missing, so that errors of both signs cancel."""
    return (x - y) / y.abs()


@mistake(Percentage)
def no_absolute_value_at_all(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """No absolute value is taken of error or target, so that errors of both signs cancel: unbounded below."""
    return (x - y) / y


@mistake(Percentage)
def squared_percentage(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The relative error is squared."""
    return ((x - y) / y).square()


@mistake(Percentage, whole=True)
def ratio_of_sums(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The sum of errors is divided by the sum of targets: the weighted WAPE, not the mean of percentages."""
    return (x - y).abs().sum() / y.abs().sum()


@mistake(SquaredLog)
def one_not_added(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm is log where log1p is due, with no one added: infinite at 0, and small values rule."""
    return (x.log() - y.log()).square()


@mistake(SquaredLog)
def logarithm_of_the_error(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm is taken of the squared error, not of both sides."""
    return (x - y).square().log1p()


@mistake(SquaredLog)
def logarithm_of_the_absolute_error(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm is taken of the absolute error and squared, not of both sides."""
    return (x - y).abs().log1p().square()


@mistake(SquaredLog)
def absolute_not_squared(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The difference of logs is not squared, so that it fits the median."""
    return (x.log1p() - y.log1p()).abs()


@mistake(SquaredLog)
def target_without_logarithm(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm of the target is missing: the prediction is taken to be the log already, and logged again."""
    return (x.log1p() - y).square()


@mistake(SquaredLog)
def prediction_without_logarithm(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm of the prediction is missing: it is held against the log of the target as it is."""
    return (x - y.log1p()).square()
