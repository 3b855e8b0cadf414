"""Sortino ratio: what a strategy earned for its losses."""

from math import sqrt

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss
from ..pieces.distance import length
from ..pieces.returns import long_enough


class SortinoRatio(Loss):
    """Minus the mean return over how far returns fall short: only losses are risk.

    -(mean - threshold) · √periods / (shortfall + epsilon), where the shortfall is √(mean of max(0, threshold - r)²)
    over all periods, not over the bad ones alone. One series is one example, as with SharpeRatio, and the same cautions
    hold.

    A series without a single bad period has no shortfall: then -mean / `epsilon` remains, a huge reward for a short
    lucky stretch. Give it stretches that are long enough to have some.

    Shapes: returns (*batch, time); simple returns, 0.01 for one per cent.

    Raises:
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.SortinoRatio()(torch.tensor([0.03, -0.01]))
    tensor(-1.4140)
    """

    threshold: float = param(default=0.0, typical=(0.01,), help="the return of a period below which it is a loss")
    periods: float = param(
        default=1.0, above=0, quiet=True, help="periods in the time it is quoted for; 252 days a year"
    )
    epsilon: float = param(default=1e-6, above=0, quiet=True, help="added to the shortfall, in units of a return")

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "-(mean(returns) - threshold) * sqrt(periods) / (sqrt(short) + epsilon)",
            short="mean([max(0, threshold - r)**2 for r in returns])",
        ),
        convex=False,
        bounded_below=False,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="A strategy is trained on its return for the losses that it takes.",
        when_not="You are judged by the Sharpe ratio, or series are so short that some have no loss.",
        points={"nothing_earned": 0},
        aliases=("Sortino", "SortinoLoss", "downside ratio", "negative Sortino"),
        ports={"deepdow.losses.SortinoRatio": {"epsilon": 1e-4}},
        tags=("finance", "portfolio", "returns", "risk", "ratio", "downside", "semi-deviation"),
        cite=("Sortino & van der Meer 1991, doi:10.3905/jpm.1991.409343",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("SortinoRatio", returns, 1)
        short = length(torch.relu(self.threshold - returns)) / sqrt(returns.shape[-1])
        return -(returns.mean(-1) - self.threshold) * sqrt(self.periods) / (short + self.epsilon)
