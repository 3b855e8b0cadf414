"""Losses of amounts, counts and tails, as they are known to go wrong: logs, inverses, and the other tail."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...losses import FisslerZiegel, Gamma, Interval, Linex, NegativeBinomial, SmoothedPinball, Tweedie
from .mistake import also_called, also_scaled, mistake

for _kind in (Gamma, Tweedie):
    also_scaled(_kind, "doubled, as deviances are", lambda loss: 2.0)
also_scaled(Interval, "times half the share that may be missed", lambda loss: (1 - loss.level) / 2)
also_scaled(Linex, "not divided by the square of the steepness", lambda loss: loss.steepness**2)
also_called(Tweedie, power=("p", "variance_power", "tweedie_variance_power", "rho"))
also_called(NegativeBinomial, dispersion=("alpha", "phi", "theta"))
also_called(Linex, steepness=("a", "alpha", "slope"))


@mistake(Gamma, Tweedie, NegativeBinomial)
def log_and_mean_confused(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The prediction is taken for the mean where it is its log, or the other way round."""
    return loss.replace(log_input=not loss.log_input).per_example(x, y)


@mistake(Gamma)
def ratio_upside_down(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The mean is divided by the target and not the target by the mean, so the harmonic mean is best, or nothing."""
    return x.exp() / y - x if loss.log_input else x / y - x.log()


@mistake(NegativeBinomial, when=lambda loss: loss.dispersion != 1)
def size_where_the_dispersion_is_due(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The dispersion is taken for its inverse, the size r of the law."""
    return loss.replace(dispersion=1 / loss.dispersion).per_example(x, y)


@mistake(Interval, when=lambda loss: loss.level != 0.5)
def share_missed_for_share_held(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The level is taken for the share of targets that may be missed, so a miss costs far too little or too much."""
    return loss.replace(level=1 - loss.level).per_example(x, y)


@mistake(Interval)
def fine_without_the_width(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The width costs nothing, so the widest range is always best."""
    lower, upper = x.unbind(-1)
    return 2 / (1 - loss.level) * ((lower - y).relu() + (y - upper).relu())


@mistake(FisslerZiegel, when=lambda loss: loss.level != 0.5)
def the_other_tail(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The level counts from the other end, so the wrong tail of the targets is looked at."""
    return loss.replace(level=1 - loss.level).per_example(x, y)


@mistake(Linex)
def the_other_side_is_dear(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Prediction and target are swapped, so the side that should be cheap grows exponentially."""
    return loss.replace(steepness=-loss.steepness).per_example(x, y)


@mistake(SmoothedPinball, when=lambda loss: loss.level != 0.5)
def level_reversed(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The level acts as 1 - level: prediction and target, or the two sides, are swapped."""
    return loss.replace(level=1 - loss.level).per_example(x, y)
