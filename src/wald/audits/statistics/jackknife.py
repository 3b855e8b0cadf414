"""The spread of an estimate from what it would be without each unit in turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log1p, nan, sqrt
from statistics import NormalDist

import torch
from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes:
        value: the number.
        error: its standard error; NaN where it is not known.
        freedom: the degrees of freedom of the error, one less than the units it comes from.
    """

    value: float
    error: float
    freedom: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student's interval; unknown (infinite) where the error is."""
        if not isfinite(self.value) or not isfinite(self.error) or self.freedom < 1:
            return (-inf, inf)
        half = student_quantile((1 + level) / 2, self.freedom) * self.error
        return self.value - half, self.value + half

    def p(self, null: float = 0.0) -> float:
        """The p-value of "the number is `null`", on either side; 1 where the error is not known."""
        if not isfinite(self.value) or not self.error > 0 or not isfinite(self.error) or self.freedom < 1:
            return 1.0
        return 2 * student_tail(abs(self.value - null) / self.error, self.freedom)


def jackknife(value: float, without: Tensor, *, at_most: int | None = None) -> Estimate:
    """An estimate with the standard error that the units' absence tells.

    With whole clusters left out, this holds whatever goes on inside a cluster, and is on the safe side where
    clusters are few or of very unequal size. Efron & Stein 1981, doi:10.1214/aos/1176345462; Bell & McCaffrey
    2002, "Bias reduction in standard errors for linear regression with multi-stage samples".

    Args:
        value: of all rows.
        without: of the rows without each unit, (units,).
        at_most: the degrees of freedom that there can be, where fewer units than these tell anything.

    >>> values = torch.tensor([1.0, 2.0, 4.0, 5.0])
    >>> found = jackknife(3.0, (values.sum() - values) / 3)
    >>> round(found.error, 4) == round(float(values.std() / 2), 4)
    True
    """
    units = len(without)
    freedom = units - 1 if at_most is None else min(units - 1, at_most)
    if units < 2 or not bool(without.isfinite().all()):
        return Estimate(value, nan, freedom)
    spread = (without.double() - without.double().mean()).square().sum()
    return Estimate(value, sqrt(float(spread) * (units - 1) / units), freedom)


def all_but_one(values: Tensor, unit: Tensor | None) -> Tensor:
    """Sums over the rows without each unit: (sums, rows) become (sums, units)."""
    values = values.double()
    if unit is not None:
        many = int(unit.max()) + 1
        values = torch.zeros(len(values), many, dtype=torch.float64).index_add(1, unit, values)
    return values.sum(-1, keepdim=True) - values


def student_tail(t: float, freedom: int) -> float:
    """The chance that a t variate exceeds `t` ≥ 0.

    Wallace's transformation to a normal one (1959, "Bounds on normal approximations to Student's and the
    chi-square distributions"), which needs no SciPy. Its quantiles at 95 % are right to 1 % from 3 degrees of
    freedom on, and too wide below.
    """
    z = (8 * freedom + 1) / (8 * freedom + 3) * sqrt(freedom * log1p(t * t / freedom))
    return NormalDist().cdf(-z)


def student_quantile(level: float, freedom: int) -> float:
    """The t variate below which a share `level` ≥ 1/2 lies; the inverse of `student_tail`."""
    z = NormalDist().inv_cdf(level) * (8 * freedom + 3) / (8 * freedom + 1)
    return sqrt(freedom * (exp(min(z * z / freedom, 700.0)) - 1))
