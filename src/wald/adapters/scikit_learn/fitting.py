"""A linear model fitted by a loss, from arrays to coefficients in the units of the features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .constant import best_constant, pull_of, units_of
from .linear import Linear
from .rows import Rows
from .scaling import Scaling
from .solving import solve


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A fitted linear model.

    Attributes:
        scaling: of the features.
        slope: for scaled features, (features, outputs).
        start: the score of the mean row, (outputs,).
        constant: the score that costs least when all rows get it, (outputs,).
        penalty: what the squared slopes were held by, (outputs,).
        curve: what was minimised, before each step and at the end.
        settled: whether it came to the minimum.
        steepness: how far from it, as a share of a row's usual pull.
    """

    scaling: Scaling
    slope: Tensor
    start: Tensor
    constant: Tensor
    penalty: Tensor
    curve: tuple[float, ...]
    settled: bool
    steepness: float

    def score(self, features: Tensor) -> Tensor:
        """(rows, outputs)."""
        return self.start + self.scaling.scaled(features) @ self.slope

    @property
    def coefficients(self) -> Tensor:
        """What a feature adds in its own unit, (outputs, features)."""
        return (self.slope / self.scaling.spread[:, None]).T

    @property
    def intercept(self) -> Tensor:
        """The score where all features are 0, (outputs,)."""
        return self.start - self.coefficients @ self.scaling.centre


def fit_linear(features: Tensor, rows: Rows, *, penalty: float, tolerance: float, steps: int) -> LinearFit:
    """The linear model of least cost: features (rows, features), float64."""
    scaling = Scaling.of(features, rows.weight)
    unit = units_of(rows.emission, rows.target, rows.weight)
    constant, kinks = best_constant(rows, unit)
    pull = pull_of(rows, constant, unit)
    ones = torch.ones(len(features), 1, dtype=torch.float64)
    design = torch.cat([scaling.scaled(features), ones], 1)
    problem = Linear(design, rows, constant, unit, penalty * pull, pull)
    theta = torch.zeros(problem.shape, dtype=torch.float64)
    found = solve(problem, theta, kinks, tolerance=tolerance, steps=steps)
    return LinearFit(
        scaling=scaling,
        slope=found.theta[:-1] * unit,
        start=constant + unit * found.theta[-1],
        constant=constant,
        penalty=penalty * pull / unit.square(),
        curve=found.curve,
        settled=found.settled,
        steepness=found.steepness,
    )
