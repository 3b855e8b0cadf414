"""Turnover: what it costs to change a portfolio."""

from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss


class Turnover(Loss):
    """How much is traded, or what trading costs: a term beside a loss of returns.

    rate · Σ |weights - previous| + impact · Σ (weights - previous)² over the assets. At a rate of 1 it is what is
    bought plus what is sold; many call half of that the turnover. A cost of 10 basis points is a rate of 0.001, and the
    value is then a return that is lost: subtract it from the period's return before a ratio is taken, or add its mean
    to a utility. `impact` is the cost that grows with the size of a trade.

    `previous` is what is held just before the trade: yesterday's weights after yesterday's returns have moved them,
    previous * (1 + r) over its sum. Yesterday's target weights understate the trade. The rate makes a zone in which
    nothing is traded: there its slope outweighs any gain.

    Shapes: weights and previous (*batch, assets); the value is a share of the wealth.

    >>> import torch, wald
    >>> wald.Turnover(rate=0.001)(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.8, 0.2]]))
    tensor(0.0006)
    """

    rate: float = param(
        default=1.0, at_least=0, typical=(0.001,), help="the cost of a trade, per unit of wealth traded"
    )
    impact: float = param(
        default=0.0, at_least=0, typical=(0.1,), help="the cost that grows with the square of a trade"
    )

    card = Card(
        task="other",
        inputs={
            "weights": Domain(says="the share of each asset", axes=("assets",), typical=(0.0, 1.0)),
            "previous": Domain(says="the share of each asset", axes=("assets",), typical=(0.0, 1.0)),
        },
        formula=Formula(
            "rate * sum([abs(w - p) for w, p in zip(weights, previous)])"
            " + impact * sum([(w - p)**2 for w, p in zip(weights, previous)])"
        ),
        convex=True,
        smooth=0,
        slope=lambda loss: "linear" if loss.impact else "bounded",
        denominator="the unmasked rebalancings, each counted by its weight; not the assets",
        when="A strategy would otherwise trade more than it earns.",
        when_not="Costs are charged within the returns already.",
        points={"no_trade": 0, "floor": 0},
        aliases=("TransactionCost", "transaction cost", "trading cost", "L1 turnover penalty", "rebalancing cost"),
        tags=("finance", "portfolio", "cost", "trading", "regulariser"),
        cite=("Garleanu & Pedersen 2013, doi:10.1111/jofi.12080",),
    )

    def per_example(self, weights: Tensor, previous: Tensor) -> Tensor:
        trade = weights - previous
        cost = self.rate * trade.abs().sum(-1)
        return cost + self.impact * trade.square().sum(-1) if self.impact else cost
