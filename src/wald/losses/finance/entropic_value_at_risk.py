"""Entropic value at risk: the tail of a strategy, of which every period has a share."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss
from ...core.tensors import wide
from ...core.worst_case import worst_in_kl_ball
from ..pieces.returns import long_enough


class EntropicValueAtRisk(Loss):
    """The tail risk that an exponential bound allows: smooth, and above the expected shortfall.

    The minimum over z > 0 of z · log(mean of exp(-r / z) / level): the least of Chernoff's bounds on the loss that is
    exceeded with a probability of `level`. It is at least ExpectedShortfall of the same level and at most the worst
    loss, and the mean loss under the worst change of the periods whose Kullback-Leibler divergence is up to
    -log(level). At level 1 it is minus the mean; up to 1 / periods it is minus the worst return. A level of 0.05 is
    called 95 % by those who count the rest, skfolio among them (beta=0.95).

    Every period has a slope, by exp(-r / z), where ExpectedShortfall has one in the worst few only. Of returns with
    heavy tails the population has none, and the value follows the worst period that was seen.

    For the tail over examples instead of time, give any loss `reduction=wald.KLDRO(radius)`.

    Shapes: returns (*batch, time); simple returns, the value in the same unit.

    Raises:
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.EntropicValueAtRisk(level=0.5)(torch.tensor([0.02, -0.01, 0.01, -0.05]))
    tensor(0.0400)
    """

    level: float = param(default=0.05, above=0, at_most=1, typical=(0.5,), help="the share of periods in the tail")

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "z * tail(z)",
            tail="lambda z: logsumexp([-r / z for r in returns]) - log(len(returns) * level)",
            slope="lambda z: tail(z) + dot(softmax([-r / z for r in returns]), returns) / z",
            z="exp(solve(lambda t: -slope(exp(t)), -30, 12))",
        ),
        convex=True,
        bounded_below=False,
        slope="bounded",
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Bad days are the risk, and a gradient from a few of them is too noisy.",
        when_not="You are judged by the expected shortfall (use ExpectedShortfall), or tails are heavy.",
        aliases=("EVaR", "entropic value at risk", "entropic VaR", "Chernoff bound of risk"),
        ports={"skfolio.measures.evar": {}, "riskfolio.RiskFunctions.EVaR_Hist": {}},
        tags=("finance", "portfolio", "returns", "risk", "tail", "entropy"),
        cite=("Ahmadi-Javid 2012, doi:10.1007/s10957-011-9968-2",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("EntropicValueAtRisk", returns, 1)
        losses = wide(-returns)
        share = torch.full_like(losses, 1 / losses.shape[-1])
        return worst_in_kl_ball(losses, share, -math.log(self.level)).to(returns.dtype)
