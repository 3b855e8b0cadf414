"""Expected shortfall: what the worst periods of a strategy cost on average."""

from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss
from ..pieces.returns import long_enough, worst


class ExpectedShortfall(Loss):
    """The mean loss in the worst share of periods: what bad days cost.

    The mean of -return over the worst `level` share of the periods of a series; the one on the border counts in part,
    so that the value is continuous in the level, and is the minimum over v of v + mean(max(0, -r - v)) / level. A level
    of 0.05 is called 95 % by those who count the rest, skfolio among them (beta=0.95). At level 1 it is minus the mean;
    up to 1 / periods it is minus the worst return.

    It is a portfolio's own risk, made small by choosing other weights. To forecast the risk of returns that you do not
    choose, use FisslerZiegel. Only the worst periods have a gradient: with 5 % of 100 days, five of them, and a value
    from so few is too small on average once weights are chosen by it.

    For the tail over examples instead of time, give any loss `reduction=wald.CVaR(level)`.

    Shapes: returns (*batch, time); simple returns, the value in the same unit.

    Raises:
        ShapeError: a series is empty.

    >>> import torch, wald
    >>> wald.ExpectedShortfall(level=0.5)(torch.tensor([0.02, -0.01, 0.01, -0.05]))
    tensor(0.0300)
    """

    level: float = param(default=0.05, above=0, at_most=1, typical=(0.5,), help="the share of periods in the tail")

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "-dot(sorted(returns), shares) / (level * len(returns))",
            shares="[max(0, min(1, level * len(returns) - k)) for k in range(len(returns))]",
        ),
        convex=True,
        bounded_below=False,
        smooth=0,
        slope="bounded",
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Weights are chosen so that the bad days of a portfolio stay bearable.",
        when_not="Risk is forecast, not chosen (use FisslerZiegel), or losses add up in a row (use MaxDrawdown).",
        points={"cash": 0},
        aliases=("CVaR loss", "portfolio CVaR", "ES", "tail loss", "average value at risk", "CVaR_Hist"),
        ports={"skfolio.measures.cvar": {}, "riskfolio.RiskFunctions.CVaR_Hist": {}},
        tags=("finance", "portfolio", "returns", "risk", "tail", "CVaR"),
        cite=("Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("ExpectedShortfall", returns, 1)
        return worst(-returns, self.level)
