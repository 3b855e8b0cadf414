"""Sharpe ratio: what a strategy earned for its risk."""

from math import sqrt

from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss
from ..pieces.distance import length
from ..pieces.returns import long_enough


class SharpeRatio(Loss):
    """Minus the mean return over its standard deviation: what was earned for the risk.

    -(mean - risk_free) · √periods / (deviation + epsilon) of one series, (time,) or many, (*batch, time). A portfolio's
    returns are (weights * asset_returns).sum(-1), from weights that were chosen before the returns; costs come off
    first (see Turnover).

    It is a ratio of a whole series, so one series is one example, and nothing adds up within it: the mean over two
    halves is not the ratio of the whole, and batches of random days have no ratio of their own. Pass whole stretches
    of time, and the whole of it as one series to report.

    Losses and gains far from the mean count alike, so it punishes a lucky day (SortinoRatio does not). It does not
    change where all returns grow by a factor, so weights need a scale of their own. Where returns hardly vary the ratio
    explodes: `epsilon` bounds it, in the unit of a return, and should be well below the deviation of one period. Daily
    ratios times √252 are per year (`periods=252`), if days are independent.

    Shapes: returns (*batch, time); simple returns, 0.01 for one per cent.

    Raises:
        ShapeError: a series is too short to have a deviation.

    >>> import torch, wald
    >>> wald.SharpeRatio()(torch.tensor([0.01, 0.03]))
    tensor(-1.4141)
    """

    risk_free: float = param(default=0.0, quiet=True, help="what a period earns without risk")
    periods: float = param(
        default=1.0, above=0, quiet=True, help="periods in the time it is quoted for; 252 days a year"
    )
    correction: int = param(default=1, choices=(0, 1), help="what is taken off the number of returns, for the variance")
    epsilon: float = param(default=1e-6, above=0, quiet=True, help="added to the deviation, in units of a return")

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "-(m - risk_free) * sqrt(periods) / (sqrt(variance) + epsilon)",
            m="mean(returns)",
            variance="sum([(r - m)**2 for r in returns]) / (len(returns) - correction)",
        ),
        convex=False,
        bounded_below=False,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="A strategy is trained on its risk-adjusted return, and judged by its Sharpe ratio.",
        when_not="Only losses are risk (use SortinoRatio), or rare disasters are (use ExpectedShortfall, MaxDrawdown).",
        points={"nothing_earned": 0},
        aliases=("Sharpe", "negative Sharpe", "SharpeLoss", "information ratio", "Sharpe ratio loss"),
        ports={"deepdow.losses.SharpeRatio": {"epsilon": 1e-4}},
        tags=("finance", "portfolio", "returns", "risk", "ratio", "trading"),
        cite=("Sharpe 1966, doi:10.1086/294846", "Zhang, Zohren & Roberts 2020, arXiv:2005.13665"),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("SharpeRatio", returns, self.correction + 1)
        mean = returns.mean(-1)
        deviation = length(returns - mean.unsqueeze(-1)) / sqrt(returns.shape[-1] - self.correction)
        return -(mean - self.risk_free) * sqrt(self.periods) / (deviation + self.epsilon)
