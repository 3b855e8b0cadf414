"""What a few trainings show together: an interval that knows how few they were."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf, sqrt

import torch
from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """A mean over trials, with what is known of its error.

    Attributes:
        value: the mean.
        error: its standard error; infinite where it is not known.
        interval: its 95 % interval.
    """

    value: float
    error: float
    interval: tuple[float, float]

    @property
    def detectable(self) -> float:
        """The smallest effect that would have been seen with a power of 80 %, about."""
        return inf if self.error == inf else (self.interval[1] - self.value) + 0.84 * self.error


def mean_of(trials: Tensor, *, besides: float = 0.0) -> Estimate:
    """The mean of independent trials, with Student's interval.

    Args:
        trials: (trials,) one number each; fewer than two have no known error.
        besides: the standard error of what all trials share, such as the rows that they are measured on.

    Student 1908, doi:10.2307/2331554.
    """
    trials = trials.double()
    value = float(trials.mean()) if len(trials) else float("nan")
    if len(trials) < 2 or not bool(trials.isfinite().all()):
        return Estimate(value, inf, (-inf, inf))
    error = sqrt(float(trials.var()) / len(trials) + besides**2)
    half = student(len(trials) - 1) * error
    return Estimate(value, error, (value - half, value + half))


def next_of(trials: Tensor) -> tuple[float, float]:
    """The interval in which one more trial of the same kind lies, 95 times of 100."""
    trials = trials.double()
    if len(trials) < 2 or not bool(trials.isfinite().all()):
        return (-inf, inf)
    half = student(len(trials) - 1) * float(trials.std()) * sqrt(1 + 1 / len(trials))
    return (float(trials.mean()) - half, float(trials.mean()) + half)


@cache
def student(freedom: int, level: float = 0.95) -> float:
    """How many standard errors Student's two-sided interval reaches, with so many degrees of freedom."""
    # In place of t its angle: t = √freedom · tan(angle) makes the density a power of the cosine, on a bounded range.
    angle = torch.linspace(0, torch.pi / 2, 20_001, dtype=torch.float64)
    density = torch.cos(angle).clamp_min(0) ** (freedom - 1)
    mass = torch.cumulative_trapezoid(density, angle)
    place = int(torch.searchsorted(mass / mass[-1], level))
    return sqrt(freedom) * float(torch.tan(angle[place + 1]))
