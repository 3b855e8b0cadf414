"""Drawdowns: how far a strategy falls below its own peak."""

from math import sqrt

from torch import Tensor

from ...cards import DRAWDOWNS, Card, Formula, param, return_inputs
from ...core import Loss
from ..pieces.distance import length
from ..pieces.returns import drawdowns, long_enough, worst


class MaxDrawdown(Loss):
    """The deepest fall of a strategy below its own peak.

    The largest of (highest wealth so far) - wealth over a series. Two functions go by this name, and `compounded` says
    which: with False wealth is the sum of the returns, and the fall a sum of returns; with True gains are reinvested,
    and the fall is a share of the peak, below 1. The wealth before the first return counts as a peak (`start`), as in
    riskfolio-lib and skfolio; deepdow begins after the first return, so that a first loss is none.

    It depends on the order of the returns: never shuffle time. The gradient reaches only the periods between one peak
    and one trough, so it is noisy beside a term that every period adds to; AverageDrawdown and ConditionalDrawdown use
    more of the series.

    Shapes: returns (*batch, time), in their order; simple returns, 0.01 for one per cent.

    Raises:
        DomainError: a return is -1 or less where gains are reinvested.
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.MaxDrawdown()(torch.tensor([0.10, -0.05, -0.03, 0.20]))
    tensor(0.0800)
    """

    compounded: bool = param(
        default=False, choices=(False, True), help="whether gains are reinvested, and falls are shares of the peak"
    )
    start: bool = param(
        default=True, choices=(True, False), quiet=True, help="whether the wealth before the first return is a peak"
    )

    card = Card(
        task="other",
        inputs=return_inputs,
        formula=Formula("max(below)", **DRAWDOWNS),
        convex=lambda loss: None if loss.compounded else True,
        bounded_below=True,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="The worst fall is what ends a strategy, or what you are judged by.",
        when_not="Single bad days are the risk (use ExpectedShortfall), or the order of time is lost in the batches.",
        points={"never_down": 0, "floor": 0},
        aliases=("MDD", "maximum drawdown", "MaximumDrawdown", "MaxDrawdownLoss"),
        ports={
            "deepdow.losses.MaximumDrawdown": {"compounded": True, "start": False},
            "skfolio.measures.max_drawdown": {},
            "riskfolio.RiskFunctions.MDD_Abs": {},
            "riskfolio.RiskFunctions.MDD_Rel": {"compounded": True},
        },
        tags=("finance", "portfolio", "returns", "risk", "path", "drawdown"),
        cite=("Chekhlov, Uryasev & Zabarankin 2005, doi:10.1142/S0219024905002767",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("MaxDrawdown", returns, 1)
        return drawdowns(returns, compounded=self.compounded, start=self.start).amax(-1)


class AverageDrawdown(Loss):
    """How far a strategy is below its own peak, on average over time.

    The mean over all periods of (highest wealth so far) - wealth; see MaxDrawdown for what `compounded` and `start`
    mean. Long shallow falls count as much as short deep ones.

    Shapes: returns (*batch, time), in their order; simple returns, 0.01 for one per cent.

    Raises:
        DomainError: a return is -1 or less where gains are reinvested.
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.AverageDrawdown()(torch.tensor([0.10, -0.05, -0.03, 0.20]))
    tensor(0.0325)
    """

    compounded: bool = param(
        default=False, choices=(False, True), help="whether gains are reinvested, and falls are shares of the peak"
    )
    start: bool = param(
        default=True, choices=(True, False), quiet=True, help="whether the wealth before the first return is a peak"
    )

    card = Card(
        task="other",
        inputs=return_inputs,
        formula=Formula("mean(below)", **DRAWDOWNS),
        convex=lambda loss: None if loss.compounded else True,
        bounded_below=True,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Time under water is what hurts, and every period should have a gradient.",
        when_not="The deepest falls alone matter (use ConditionalDrawdown or MaxDrawdown).",
        points={"never_down": 0, "floor": 0},
        aliases=("ADD", "average drawdown", "mean drawdown"),
        ports={"skfolio.measures.average_drawdown": {}},
        tags=("finance", "portfolio", "returns", "risk", "path", "drawdown"),
        cite=("Chekhlov, Uryasev & Zabarankin 2005, doi:10.1142/S0219024905002767",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("AverageDrawdown", returns, 1)
        return drawdowns(returns, compounded=self.compounded, start=self.start).mean(-1)


class ConditionalDrawdown(Loss):
    """The mean of the deepest drawdowns of a strategy (CDaR).

    The mean of (highest wealth so far) - wealth over the worst `level` share of the periods, the one on the border in
    part; see MaxDrawdown for what `compounded` and `start` mean. At level 1 it is AverageDrawdown, up to 1 / periods
    MaxDrawdown. A level of 0.05 is called 95 % by those who count the rest.

    Shapes: returns (*batch, time), in their order; simple returns, 0.01 for one per cent.

    Raises:
        DomainError: a return is -1 or less where gains are reinvested.
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.ConditionalDrawdown(level=0.5)(torch.tensor([0.10, -0.05, -0.03, 0.20]))
    tensor(0.0650)
    """

    level: float = param(default=0.05, above=0, at_most=1, typical=(0.5,), help="the share of periods in the tail")
    compounded: bool = param(
        default=False, choices=(False, True), help="whether gains are reinvested, and falls are shares of the peak"
    )
    start: bool = param(
        default=True, choices=(True, False), quiet=True, help="whether the wealth before the first return is a peak"
    )

    card = Card(
        task="other",
        inputs=return_inputs,
        formula=Formula(
            "dot(sorted(below)[::-1], shares) / (level * len(below))",
            **DRAWDOWNS,
            shares="[max(0, min(1, level * len(below) - k)) for k in range(len(below))]",
        ),
        convex=lambda loss: None if loss.compounded else True,
        bounded_below=True,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Deep falls are the risk, and one peak and trough say too little.",
        when_not="Single bad days are the risk (use ExpectedShortfall).",
        points={"never_down": 0, "floor": 0},
        aliases=("CDaR", "conditional drawdown at risk", "drawdown CVaR"),
        ports={"skfolio.measures.cdar": {}},
        tags=("finance", "portfolio", "returns", "risk", "path", "drawdown", "tail", "CVaR"),
        cite=("Chekhlov, Uryasev & Zabarankin 2005, doi:10.1142/S0219024905002767",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("ConditionalDrawdown", returns, 1)
        return worst(drawdowns(returns, compounded=self.compounded, start=self.start), self.level)


class UlcerIndex(Loss):
    """The root of the mean squared drawdown: deep falls count more.

    √ of the mean over all periods of ((highest wealth so far) - wealth)²; see MaxDrawdown for what `compounded` and
    `start` mean. It lies between AverageDrawdown and MaxDrawdown. Where the strategy is never down the gradient is 0.

    Shapes: returns (*batch, time), in their order; simple returns, 0.01 for one per cent.

    Raises:
        DomainError: a return is -1 or less where gains are reinvested.
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.UlcerIndex()(torch.tensor([0.10, -0.05, -0.03, 0.20]))
    tensor(0.0472)
    """

    compounded: bool = param(
        default=False, choices=(False, True), help="whether gains are reinvested, and falls are shares of the peak"
    )
    start: bool = param(
        default=True, choices=(True, False), quiet=True, help="whether the wealth before the first return is a peak"
    )

    card = Card(
        task="other",
        inputs=return_inputs,
        formula=Formula("sqrt(mean([d**2 for d in below]))", **DRAWDOWNS),
        convex=lambda loss: None if loss.compounded else True,
        bounded_below=True,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Falls hurt more the deeper and the longer they are.",
        when_not="The deepest fall alone matters (use MaxDrawdown).",
        points={"never_down": 0, "floor": 0},
        aliases=("ulcer index", "Martin ulcer index", "root mean squared drawdown"),
        ports={"skfolio.measures.ulcer_index": {}},
        tags=("finance", "portfolio", "returns", "risk", "path", "drawdown"),
        cite=("Martin & McCann 1989, The Investor's Guide to Fidelity Funds",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("UlcerIndex", returns, 1)
        below = drawdowns(returns, compounded=self.compounded, start=self.start)
        return length(below) / sqrt(returns.shape[-1])
