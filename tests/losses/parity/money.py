"""Portfolios and measures of risk: skfolio, Riskfolio-Lib and deepdow."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .case import Case, attribute, by_numbers, mean, of_port

F64 = torch.float64
RETURNS = 0.02 * torch.randn(40, generator=torch.Generator().manual_seed(1), dtype=F64) + 0.002

OF_RETURNS = (
    "mean_absolute_deviation",
    "standard_deviation",
    "variance",
    "fourth_central_moment",
    "gini_mean_difference",
    "first_lower_partial_moment",
    "semi_deviation",
    "semi_variance",
    "fourth_lower_partial_moment",
    "cvar",
)
OF_DRAWDOWNS = ("average_drawdown", "cdar", "max_drawdown", "ulcer_index")


def _skfolio(name: str, drawdowns: bool) -> Case:
    full = f"skfolio.measures.{name}"

    def theirs(r: Tensor) -> float:
        given = attribute("skfolio.measures.get_drawdowns")(r.numpy(), compounded=False) if drawdowns else r.numpy()
        return float(attribute(full)(given))

    return of_port(full, by_numbers(theirs), RETURNS, how=mean, within=1e-5)


def _entropic() -> Case:
    """It searches for the best temperature up to 1e-8 or so, which says little of slopes: they are good to 1e-3."""
    full = "skfolio.measures.evar"
    return of_port(full, by_numbers(lambda r: float(attribute(full)(r.numpy()))), RETURNS, how=mean, within=1e-2)


RISKFOLIO = ("MAD", "SemiDeviation", "Kurtosis", "SemiKurtosis", "GMD", "CVaR_Hist", "MDD_Abs", "MDD_Rel", "LPM")


def _riskfolio(name: str) -> Case:
    """It takes a column, and for its 5 % of worst days what is 95 % elsewhere."""

    def theirs(r: Tensor) -> float:
        return float(np.squeeze(attribute(f"riskfolio.src.RiskFunctions.{name}")(r.numpy()[:, None])))

    return of_port(f"riskfolio.RiskFunctions.{name}", by_numbers(theirs), RETURNS, how=mean, within=1e-5)


def _deepdow(name: str, **fields: Any) -> Case:
    """Of one asset, whose returns are those of the portfolio; its own slope is that of the weights alone."""
    full = f"deepdow.losses.{name}"

    def theirs(r: Tensor) -> Tensor:
        return attribute(full)(input_type="simple", **fields)(torch.ones(1, 1, dtype=F64), r.reshape(1, 1, -1, 1))

    return of_port(full, by_numbers(theirs), RETURNS, how=lambda loss, r: loss(r[None]), within=1e-5)


CASES: list[Case] = [
    *(_skfolio(name, False) for name in OF_RETURNS),
    *(_skfolio(name, True) for name in OF_DRAWDOWNS),
    _entropic(),
    *map(_riskfolio, RISKFOLIO),
    *map(_deepdow, ("SharpeRatio", "SortinoRatio", "MaximumDrawdown", "StandardDeviation", "DownsideRisk")),
]
