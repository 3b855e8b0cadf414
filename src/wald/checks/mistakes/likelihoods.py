"""Poisson and Gaussian likelihoods, as they are known to go wrong: logs, halves, and deviation for variance."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...losses import GaussianNLL, Poisson
from .mistake import also_scaled, mistake

also_scaled(Poisson, "doubled, as deviances are", lambda loss: 2.0)
also_scaled(GaussianNLL, "doubled, without the halves", lambda loss: 2.0)


def _log(loss: Any) -> bool:
    return loss.log_input


def _rate(loss: Any) -> bool:
    return not loss.log_input


@mistake(Poisson, when=_log)
def rate_where_its_log_is_due(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The prediction is taken for the rate, where a model without a last activation emits its log."""
    return x - y * x.log()


@mistake(Poisson, when=_rate)
def log_where_the_rate_is_due(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The prediction is taken for the log of the rate, where it is the rate itself."""
    return x.exp() - y * x


@mistake(Poisson, when=_log)
def exponential_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The exponential is missing: x - y x has no least value."""
    return x - y * x


@mistake(Poisson, when=_log, telling=True)
def logarithm_of_a_log(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The prediction, a log rate already, is logged once more."""
    return x.exp() - y * x.log()


@mistake(Poisson)
def target_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target does not multiply the log rate, so it is not looked at."""
    return x.exp() - x if loss.log_input else x - x.log()


@mistake(Poisson)
def terms_swapped(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The sign is reversed, so that minimising drives the rate away from the target."""
    return y * x - x.exp() if loss.log_input else y * x.log() - x


@mistake(Poisson, telling=True)
def sign_of_the_second_term(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target's term is added and not subtracted, so the least rate is always best."""
    return x.exp() + y * x if loss.log_input else x + y * x.log()


@mistake(Poisson, when=_log)
def target_times_the_rate(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target multiplies the rate and not its log."""
    return x.exp() - y * x.exp()


def _parts(loss: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean, the second entry of the prediction, and the variance that it stands for."""
    mean, spread = x.unbind(-1)
    variance = {"log_variance": spread.exp(), "variance": spread, "log_std": (2 * spread).exp()}[loss.scale]
    return mean, spread, variance


@mistake(GaussianNLL, telling=True)
def half_missing_at_the_log(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The log of the variance is not halved, so the best variance is half of what it should be."""
    mean, _, v = _parts(loss, x)
    return v.log() + 0.5 * (y - mean).square() / v


@mistake(GaussianNLL, telling=True)
def half_missing_at_the_error(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The squared error is not halved, so the best variance is twice what it should be."""
    mean, _, v = _parts(loss, x)
    return 0.5 * v.log() + (y - mean).square() / v


@mistake(GaussianNLL, telling=True)
def deviation_where_variance_is_due(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The squared error is divided by the standard deviation and not by the variance."""
    mean, _, v = _parts(loss, x)
    return 0.5 * v.log() + 0.5 * (y - mean).square() / v.sqrt()


@mistake(GaussianNLL, telling=True)
def variance_squared(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The variance is taken for a standard deviation and squared once more in the error's term."""
    mean, _, v = _parts(loss, x)
    return 0.5 * v.log() + 0.5 * (y - mean).square() / v.square()


@mistake(GaussianNLL, when=lambda loss: loss.scale == "log_variance", telling=True)
def log_variance_taken_for_the_variance(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is divided by the log of the variance, which may be negative, and not by the variance."""
    mean, spread, _ = _parts(loss, x)
    return 0.5 * spread + 0.5 * (y - mean).square() / spread


@mistake(GaussianNLL, when=lambda loss: loss.scale == "variance", telling=True)
def logarithm_not_taken(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The variance itself is added where its log is due."""
    mean, spread, v = _parts(loss, x)
    return 0.5 * spread + 0.5 * (y - mean).square() / v


@mistake(GaussianNLL, telling=True)
def error_multiplied_by_the_variance(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The squared error is multiplied by the variance and not divided, so the variance shrinks without limit."""
    mean, _, v = _parts(loss, x)
    return 0.5 * v.log() + 0.5 * (y - mean).square() * v


@mistake(GaussianNLL)
def log_term_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The log of the variance is missing, so that an ever wider guess costs ever less."""
    mean, _, v = _parts(loss, x)
    return 0.5 * (y - mean).square() / v


@mistake(GaussianNLL, telling=True)
def log_term_subtracted(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The log of the variance is subtracted, so that an ever wider guess is rewarded."""
    mean, _, v = _parts(loss, x)
    return -0.5 * v.log() + 0.5 * (y - mean).square() / v


@mistake(GaussianNLL)
def error_not_squared(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The error is taken by its absolute value and not squared."""
    mean, _, v = _parts(loss, x)
    return 0.5 * v.log() + 0.5 * (y - mean).abs() / v


@mistake(GaussianNLL)
def variance_detached(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The value is right, but the variance is detached in the error's term, so it shrinks whatever the errors."""
    mean, _, v = _parts(loss, x)
    return 0.5 * v.log() + 0.5 * (y - mean).square() / v.detach()
