"""How far returns spread: about their mean, below it, and between each other."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss
from ..pieces.returns import long_enough, moment


class CentralMoment(Loss):
    """How far the returns of a strategy spread about their mean: deviation, variance, kurtosis.

    (Σ |r - mean|^order / (periods - correction))^(degree / order) of one series. The order says how much the far ones
    count: 1 is the mean absolute deviation, 2 the standard deviation, 4 the kurtosis, which is about the tails. The
    degree says in which unit: 1 is that of a return, 2 its square, so that order=2, degree=2 is the variance.

    Not divided by the variance, so it is no kurtosis of a shape: it grows with the position. "MAD" here is the mean of
    absolute deviations from the mean; elsewhere it is often a median. skfolio's variance takes one off the number of
    periods (`correction=1`), its fourth moment has the fourth power of a return, riskfolio-lib's Kurtosis its root
    (`degree=2`), and deepdow has one variance only, that of torch.

    Gains that are far from the mean cost as much as losses; LowerPartialMoment counts losses alone. It is made least by
    a strategy that holds nothing: use it beside a mean return. One series is one example, as with SharpeRatio.

    Shapes: returns (*batch, time); simple returns, 0.01 for one per cent.

    Raises:
        ShapeError: a series has too few returns.

    >>> import torch, wald
    >>> wald.CentralMoment(order=1)(torch.tensor([0.03, 0.01, 0.01, -0.05]))
    tensor(0.0250)
    """

    order: int = param(default=2, choices=(1, 2, 4), help="the power of a deviation: 1 absolute, 2 squared, 4 tails")
    degree: float = param(default=1.0, at_least=1, typical=(2.0,), help="the power of a return that its unit is")
    correction: int = param(default=0, choices=(0, 1), quiet=True, help="what is taken off the number of returns")

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "(sum([abs(r - m)**order for r in returns]) / (len(returns) - correction))**(degree / order)",
            m="mean(returns)",
        ),
        convex=True,
        bounded_below=True,
        slope=lambda loss: "bounded" if loss.degree == 1 else None,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="A portfolio is chosen for the least spread at a given return, beside a term that pays the return.",
        when_not="A gain is no risk (LowerPartialMoment), or spread is to be weighed against return (SharpeRatio).",
        points={"never_varies": 0, "floor": 0},
        aliases=(
            "mean absolute deviation of returns",
            "portfolio variance",
            "portfolio volatility",
            "standard deviation of returns",
            "fourth central moment",
            "square root kurtosis",
        ),
        ports={
            "deepdow.losses.StandardDeviation": {"correction": 1},
            "skfolio.measures.mean_absolute_deviation": {"order": 1},
            "skfolio.measures.standard_deviation": {"correction": 1},
            "skfolio.measures.variance": {"degree": 2.0, "correction": 1},
            "skfolio.measures.fourth_central_moment": {"order": 4, "degree": 4.0},
            "riskfolio.RiskFunctions.MAD": {"order": 1},
            "riskfolio.RiskFunctions.Kurtosis": {"order": 4, "degree": 2.0},
        },
        tags=("finance", "portfolio", "returns", "risk", "dispersion", "variance", "kurtosis", "volatility"),
        cite=(
            "Markowitz 1952, doi:10.1111/j.1540-6261.1952.tb01525.x",
            "Konno & Yamazaki 1991, doi:10.1287/mnsc.37.5.519",
        ),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("CentralMoment", returns, self.correction + 1)
        return moment(returns - returns.mean(-1, keepdim=True), self.order, self.degree, self.correction)


class LowerPartialMoment(Loss):
    """How far the returns of a strategy fall below their mean, or below what is acceptable.

    (Σ max(0, threshold - r)^order / (periods - correction))^(degree / order) of one series, over all periods, not over
    the bad ones alone. Without a threshold it is the mean of the series. Order 2 is the semi-deviation, the risk of
    SortinoRatio; order 1 the mean shortfall; order 4 looks at the worst periods. The degree says in which unit: 1 is
    that of a return, so that order=2, degree=2 is the semi-variance.

    Below the mean and below 0 are different risks: a strategy that earns steadily and once earns nothing has the
    first and not the second. riskfolio-lib's LPM is below 0 (`threshold=0`), skfolio's functions below the mean.
    deepdow's DownsideRisk takes the square root of every order, so it has the unit of a return only for its beta of 2.

    Shapes: returns (*batch, time); simple returns, 0.01 for one per cent.

    Raises:
        ShapeError: a series has too few returns.

    >>> import torch, wald
    >>> wald.LowerPartialMoment(order=1, threshold=0.0)(torch.tensor([0.03, 0.01, 0.01, -0.06]))
    tensor(0.0150)
    """

    order: int = param(default=2, choices=(1, 2, 3, 4), help="the power of a shortfall; the higher, the more the worst")
    threshold: float | None = param(
        default=None, typical=(0.01,), help="the return of a period below which it is a loss; without one, the mean"
    )
    degree: float = param(default=1.0, at_least=1, typical=(2.0,), help="the power of a return that its unit is")
    correction: int = param(default=0, choices=(0, 1), quiet=True, help="what is taken off the number of returns")

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "(sum([max(0, m - r)**order for r in returns]) / (len(returns) - correction))**(degree / order)",
            m="mean(returns) if threshold is None else threshold",
        ),
        convex=True,
        bounded_below=True,
        slope=lambda loss: "bounded" if loss.degree == 1 else None,
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Only falling short is a risk, and every period that does should have a gradient.",
        when_not="The worst periods alone matter (ExpectedShortfall), or losses add up in a row (MaxDrawdown).",
        points={"never_short": 0, "floor": 0},
        aliases=("semi-deviation", "semideviation", "semi-variance", "downside risk", "downside deviation", "LPM"),
        ports={
            "deepdow.losses.DownsideRisk": {},
            "skfolio.measures.first_lower_partial_moment": {"order": 1},
            "skfolio.measures.semi_deviation": {"correction": 1},
            "skfolio.measures.semi_variance": {"degree": 2.0, "correction": 1},
            "skfolio.measures.fourth_lower_partial_moment": {"order": 4, "degree": 4.0},
            "riskfolio.RiskFunctions.SemiDeviation": {"correction": 1},
            "riskfolio.RiskFunctions.SemiKurtosis": {"order": 4, "degree": 2.0},
            "riskfolio.RiskFunctions.LPM": {"order": 1, "threshold": 0.0},
        },
        tags=("finance", "portfolio", "returns", "risk", "dispersion", "downside", "semi-deviation"),
        cite=("Fishburn 1977, American Economic Review 67(2)",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("LowerPartialMoment", returns, self.correction + 1)
        least = returns.mean(-1, keepdim=True) if self.threshold is None else self.threshold
        return moment(torch.relu(least - returns), self.order, self.degree, self.correction)


class GiniMeanDifference(Loss):
    """How far the returns of two periods are apart on average: spread without a centre.

    The mean of |r_i - r_j| over all pairs of different periods, by one sort of the series. Of a normal law it is
    2 / √π = 1.13 times the standard deviation; far returns count less than in that and more than in the mean absolute
    deviation. Half of it over the mean is the Gini coefficient.

    The mean return less half of it never prefers what every averse investor would refuse, which mean and variance may.

    Shapes: returns (*batch, time); simple returns, the value in the same unit.

    Raises:
        ShapeError: a series has fewer than two returns.

    >>> import torch, wald
    >>> wald.GiniMeanDifference()(torch.tensor([0.01, 0.03, -0.05]))
    tensor(0.0533)
    """

    card = Card(
        task="other",
        inputs={"returns": Domain(says="a return", axes=("time",), typical=(-0.1, 0.1))},
        formula=Formula(
            "sum([abs(a - b) for a in returns for b in returns]) / (n * (n - 1))",
            n="len(returns)",
        ),
        convex=True,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        denominator="the unmasked series, each counted by its weight; not the periods",
        when="Returns have heavy tails, and a spread is wanted that is less at the mercy of a few days.",
        when_not="You are judged by the standard deviation (CentralMoment), or a gain is no risk (LowerPartialMoment).",
        points={"never_varies": 0, "floor": 0},
        aliases=("GMD", "Gini mean difference", "mean absolute difference of pairs"),
        ports={"skfolio.measures.gini_mean_difference": {}, "riskfolio.RiskFunctions.GMD": {}},
        tags=("finance", "portfolio", "returns", "risk", "dispersion", "pairs", "Gini"),
        cite=("Yitzhaki 1982, American Economic Review 72(1)",),
    )

    def per_example(self, returns: Tensor) -> Tensor:
        long_enough("GiniMeanDifference", returns, 2)
        size = returns.shape[-1]
        # A return that k others are below lies k times above and size - 1 - k times below in the sum over pairs.
        above = 2 * torch.arange(size, device=returns.device, dtype=returns.dtype) - (size - 1)
        return (returns.sort(-1).values * above).sum(-1) * (2 / (size * (size - 1)))
