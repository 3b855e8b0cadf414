"""Utility: what a return is worth to one who fears losses."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import AboveMinusOne, Card, Formula, Real, param
from ...core import Loss


class Utility(Loss):
    """Minus what a return is worth to an investor who is averse to risk.

    For a simple return r and the aversion a:

    - "power": (1 - (1 + r)^(1 - a)) / (1 - a), the same attitude at every wealth (CRRA). At 1 it is -log(1 + r), whose
      mean is minus the growth rate (Kelly); a loss of everything costs infinity from there on.
    - "exponential": (exp(-a r) - 1) / a, the same attitude to every sum (CARA). a has the inverse of the unit of r.

    At 0 both are -r. Both are shifted so that a return of 0 costs 0 and a small return r costs -r: near 0 the loss is
    -r + a r² / 2, which is mean-variance with aversion a. Unlike a ratio it adds up over periods, so random batches
    estimate it without bias.

    Shapes: returns (*batch), one for each period; simple returns, 0.01 for one per cent.

    Raises:
        DomainError: a return is -1 or less under "power".

    >>> import torch, wald
    >>> wald.Utility(aversion=3.0)(torch.tensor([0.1, -0.1]), reduction="none")
    tensor([-0.0868,  0.1173])
    """

    kind: Literal["power", "exponential"] = param(
        default="power", choices=("power", "exponential"), help="relative or absolute aversion that is constant"
    )
    aversion: float = param(
        default=1.0, at_least=0, typical=(0.0, 3.0), help="how much risk is feared; 0 for not at all"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {"returns": AboveMinusOne if loss.kind == "power" else Real},
        formula=lambda loss: Formula(
            "-returns"
            if loss.aversion == 0
            else "(exp(-aversion * returns) - 1) / aversion"
            if loss.kind == "exponential"
            else "-log1p(returns)"
            if loss.aversion == 1
            else "(1 - (1 + returns)**(1 - aversion)) / (1 - aversion)"
        ),
        convex=True,
        bounded_below=lambda loss: loss.aversion > (1 if loss.kind == "power" else 0),
        smooth=3,
        slope=lambda loss: "bounded" if loss.aversion == 0 else "exponential" if loss.kind == "exponential" else None,
        denominator="the unmasked periods, each counted by its weight",
        when="You can say how averse to risk you are, and want a loss that adds up over periods.",
        when_not="You are judged by a ratio (use SharpeRatio), or only by disasters (use ExpectedShortfall).",
        points={"nothing_earned": 0},
        aliases=("CRRA", "CARA", "expected utility", "log utility", "Kelly", "power utility", "isoelastic utility"),
        tags=("finance", "portfolio", "returns", "risk", "economics", "growth"),
        cite=("Pratt 1964, doi:10.2307/1913738", "Kelly 1956, doi:10.1002/j.1538-7305.1956.tb03809.x"),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        if self.aversion == 0:
            return -returns
        if self.kind == "exponential":
            return torch.expm1(-self.aversion * returns) / self.aversion
        growth = returns.log1p()
        if self.aversion == 1:
            return -growth
        return torch.expm1((1 - self.aversion) * growth) / (self.aversion - 1)
