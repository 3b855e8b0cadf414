"""How far predicted numbers are from what was observed."""

from __future__ import annotations

import torch
from torch import Tensor

from .metric import Metric
from .weights import mean, ones_like, quantile


def absolute_error() -> Metric:
    """The mean absolute error."""
    return Metric(name="mean absolute error", per_example=lambda p, y: (p - y).abs(), elicits="median", takes="numbers")


def squared_error() -> Metric:
    """The mean squared error."""
    return Metric(name="mean squared error", per_example=lambda p, y: (p - y).square(), elicits="mean", takes="numbers")


def percentage_error() -> Metric:
    """The mean absolute percentage error, as a share; for targets that are not 0."""
    return Metric(
        name="mean absolute percentage error",
        per_example=lambda p, y: (p - y).abs() / y.abs(),
        elicits="weighted median(y^-1)",
        takes="numbers",
    )


def squared_log_error() -> Metric:
    """The mean squared error of log(1 + x); for numbers above -1."""

    def squared(prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction.log1p() - target.log1p()).square()

    return Metric(name="mean squared log error", per_example=squared, elicits="mean through log", takes="numbers")


def root_squared_error() -> Metric:
    """The root of the mean squared error, in the unit of the target."""

    def root(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        return mean((prediction - target).double().square(), weight) ** 0.5

    return Metric(name="root mean squared error", of=root, elicits="mean", takes="numbers")


def weighted_percentage_error() -> Metric:
    """The summed absolute error as a share of the summed targets, which zeros among them do not harm."""

    def share(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        whole = mean(target.double().abs(), weight)
        return mean((prediction - target).double().abs(), weight) / whole if whole else float("nan")

    return Metric(name="weighted absolute percentage error", of=share, elicits="median", takes="numbers")


def median_error() -> Metric:
    """The median of the absolute errors."""

    def median(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        return quantile((prediction - target).double().abs(), 0.5, weight)

    return Metric(name="median absolute error", of=median, takes="numbers")


def largest_error() -> Metric:
    """The largest absolute error. A weight only says whether a row is there."""

    def largest(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        here = ones_like(target, weight) > 0
        return float((prediction - target).double().abs()[here].max())

    return Metric(name="largest error", of=largest, takes="numbers")


def r2() -> Metric:
    """The share of the target's variance that the prediction explains: 1 is perfect, 0 is the mean."""

    def explained(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        observed = target.double()
        spread = mean((observed - mean(observed, weight)).square(), weight)
        return 1 - mean((observed - prediction).square(), weight) / spread if spread else float("nan")

    return Metric(name="R²", of=explained, lower_is_better=False, elicits="mean", takes="numbers")


def pinball(level: float = 0.5) -> Metric:
    """The pinball loss of a quantile."""

    def slanted(prediction: Tensor, target: Tensor) -> Tensor:
        gap = target - prediction
        return torch.maximum(level * gap, (level - 1) * gap)

    return Metric(
        name=f"pinball loss at {level:g}", per_example=slanted, elicits=f"quantile({level:g})", takes="numbers"
    )
