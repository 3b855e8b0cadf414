"""What a strategy earns, period by period, and what it would have earned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .errors import CaseError
from .statistics import Sample

if TYPE_CHECKING:
    from .evidence import Evidence

#: (positions, returns of the market) → return on capital of each period.
Payoff = Callable[[Tensor, Tensor], Tensor]


def held(position: Tensor, returns: Tensor) -> Tensor:
    """The payoff of holding: position times return, summed over the assets where there are several."""
    earned = position * returns
    return earned if earned.ndim == 1 else earned.sum(-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trading:
    """How predictions become money, where predictions are positions and targets are returns of the market.

    Attributes:
        payoff: (positions, returns) → return on capital of each period, 0.01 for one per cent.
        periods: how many periods make a year.
        shocks: returns of the market in one period that must be survived, whether or not they were ever seen.
        limit: the share of capital that may be lost in one such period.
        trials: how many strategies were tried before this one was kept.
        tried: what each of them earned, (periods, strategies); None where that was not kept.
    """

    payoff: Payoff = held
    periods: int = 252
    shocks: tuple[float, ...] = (-0.05, -0.10, -0.20, -0.35, 0.10, 0.20)
    limit: float = 0.5
    trials: int = 1
    tried: Tensor | None = None

    def __post_init__(self) -> None:
        if self.periods < 1 or self.trials < 1:
            raise CaseError(f"Trading: periods and trials are 1 or more; got {self.periods} and {self.trials}.")
        if not 0 < self.limit <= 1:
            raise CaseError(f"Trading: limit is a share of capital, above 0 and at most 1; got {self.limit}.")
        if not self.shocks or min(self.shocks) <= -1:
            raise CaseError(f"Trading: shocks are returns above -1, and at least one; got {self.shocks}.")
        if self.tried is not None and (self.tried.ndim != 2 or not bool(self.tried.isfinite().all())):
            raise CaseError(f"Trading: tried is finite, (periods, strategies); got {tuple(self.tried.shape)}.")

    def earned(self, position: Tensor, returns: Tensor) -> Tensor:
        """The return on capital of each period, float64."""
        return self.payoff(position.double(), returns.double()).detach().double()

    def under(self, shock: float, position: Tensor, returns: Tensor) -> Tensor:
        """What each position would earn in a period in which every market moves by `shock`."""
        return self.earned(position, torch.full_like(returns.double(), shock))


def trading_of(evidence: Evidence) -> Trading:
    """How the case's predictions become money, for a probe that needs it."""
    trading = evidence.case.trading
    assert trading is not None  # noqa: S101  (what needs it is not run without)
    return trading


def periods_of(evidence: Evidence) -> Sample:
    """The test periods: in order of time, whether or not the case says so."""
    return replace(evidence.sample, ordered=True)


def record(evidence: Evidence) -> Tensor:
    """What the strategy earned in each test period."""
    return trading_of(evidence).earned(evidence.prediction, evidence.target)


def sharpe(earned: Tensor, periods: int) -> Tensor:
    """Mean over standard deviation of the periods, a year; of the last axis. Sharpe 1966, doi:10.1086/294846."""
    spread = earned.std(-1, correction=1)
    return torch.where(spread > 1e-12, earned.mean(-1) / spread.clamp_min(1e-12), torch.nan) * periods**0.5
