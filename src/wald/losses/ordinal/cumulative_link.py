"""Cumulative link: ordered classes as the stretches between thresholds on the scale of one score."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import Loss
from ..pieces.intervals import at
from ..pieces.normal import log_normal_below, log_normal_between
from ..pieces.softplus import softplus


class CumulativeLink(Loss):
    """One score and ordered thresholds: which stretch does it fall into (proportional odds).

    P(target <= k) = F(θ_k - prediction), with F the logistic law ("logit": proportional odds), the normal one
    ("probit") or that of minima ("cloglog": proportional hazards). The loss is -log of the probability of the class,
    F(θ_k - prediction) - F(θ_(k-1) - prediction), found from logarithms, so that neither far scores nor thresholds that
    nearly meet round it to 0. It is a likelihood: what is minimal is the true law, if one score can tell it.

    **Thresholds must rise, so their gaps are learned**: `thresholds` is θ_0, which may be any number, and for each
    later one the number of which softplus is the gap. They belong to the model, not to the example; expand them:

        loss(score, target, thresholds.expand(len(score), -1))

    `CumulativeLink.gaps(θ)` makes them of thresholds that you have, and `probabilities` gives those of the classes.
    A shift of all scores and θ_0 together changes nothing, so the model needs no bias of its own.

    Ordinal asks a question of every threshold instead (what mord calls all-threshold, and CORAL), and
    ConditionalOrdinal has free logits.

    Shapes: prediction (*batch); target (*batch) class ids from 0 to levels - 1 of any integer type; thresholds (*batch,
    levels - 1); the loss in nats.

    Raises:
        DomainError: an id is not one of the levels.
        ShapeError: thresholds has not levels - 1 entries along its last axis.

    >>> import torch, wald
    >>> loss = wald.CumulativeLink(levels=3)
    >>> thresholds = loss.gaps(torch.tensor([-1.0, 1.0]))
    >>> loss(torch.zeros(3), torch.arange(3), thresholds.expand(3, -1), reduction="none")
    tensor([1.3133, 0.7719, 1.3133])
    >>> loss.probabilities(torch.tensor(0.0), thresholds)
    tensor([0.2689, 0.4621, 0.2689])
    """

    levels: int = param(convert=int, at_least=2, typical=(4,), help="how many ordered classes there are")
    link: Literal["logit", "probit", "cloglog"] = param(
        default="logit", choices=("logit", "probit", "cloglog"), help="the law around the score"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Real,
            "target": Domain(
                says="a class id", low=0, high=loss.levels - 1, integer=True, typical=(0, loss.levels - 1)
            ),
            "thresholds": Real.of("thresholds", size=loss.levels - 1),
        },
        formula=lambda loss: Formula(
            "low - log(1 - exp(low - high))"
            if loss.link == "cloglog"
            else "-log(F(high) - F(low) if low < 0 else F(-low) - F(-high))",
            **{"logit": {"F": "sigmoid"}, "probit": {"F": "lambda x: erfc(-x / sqrt(2)) / 2"}}.get(loss.link, {}),
            edge="lambda k: thresholds[0] + sum([softplus(g) for g in thresholds[1:k + 1]]) - prediction",
            x="[-inf, *[edge(k) for k in range(levels - 1)], inf]",
            low="exp(x[target])" if loss.link == "cloglog" else "x[target]",
            high="exp(x[target + 1])" if loss.link == "cloglog" else "x[target + 1]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope=lambda loss: {"logit": "bounded", "probit": "linear", "cloglog": "exponential"}[loss.link],
        when="Classes have an order, and what lies behind them is one quantity that was cut into ranges.",
        when_not="Causes differ from step to step (ConditionalOrdinal), or the steps are known numbers (Squared).",
        points={"floor": 0},
        aliases=(
            "cumulative link",
            "proportional odds",
            "ordered logit",
            "ordered probit",
            "ordinal logistic",
            "POLR",
            "CLM",
            "OrderedModel",
            "cumulative logit",
        ),
        ports={"statsmodels.miscmodels.ordinal_model.OrderedModel": {"link": "probit"}},
        tags=("ordinal", "ordered classes", "thresholds", "likelihood", "ratings", "grades", "classification"),
        cite=("McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, thresholds: Tensor) -> Tensor:
        last = self.levels - 2
        edges = torch.cat([thresholds[..., :1], softplus(thresholds[..., 1:])], -1).cumsum(-1)
        edges = edges - prediction.unsqueeze(-1)
        first, final = target == 0, target == last + 1
        # Each case is given 0 where another one holds, of which no exponential overflows.
        low, high = at(edges, (target - 1).clamp(min=0)).masked_fill(first, 0.0), at(edges, target.clamp(max=last))
        below, above = self._below(high.masked_fill(~first, 0.0)), self._above(low.masked_fill(~final, 0.0))
        between = self._between(low.masked_fill(final, 0.0), at(thresholds, target.clamp(max=last)))
        return -torch.where(first, below, torch.where(final, above, between))

    def _below(self, x: Tensor) -> Tensor:
        if self.link == "logit":
            return -softplus(-x)
        return log_normal_below(x) if self.link == "probit" else _gone(x)

    def _above(self, x: Tensor) -> Tensor:
        if self.link == "logit":
            return -softplus(x)
        return log_normal_below(-x) if self.link == "probit" else -x.exp()

    def _between(self, low: Tensor, gap: Tensor) -> Tensor:
        """The log of the probability from `low` on, as far as the softplus of `gap`."""
        if self.link == "logit":
            # sigmoid(high) - sigmoid(low) = sigmoid(high) sigmoid(-low) (1 - exp(low - high)); that is sigmoid(gap).
            return -softplus(-low - softplus(gap)) - softplus(low) - softplus(-gap)
        if self.link == "cloglog":
            # exp(high) - exp(low) = exp(low) (exp(softplus(gap)) - 1) = exp(low + gap).
            return _gone(low + gap) - low.exp()
        tiny = gap < -37.0
        width = softplus(gap)
        return log_normal_between(
            low, width, torch.where(tiny, gap, torch.where(tiny, torch.ones_like(gap), width).log())
        )

    @staticmethod
    def gaps(thresholds: Tensor) -> Tensor:
        """The input that stands for thresholds (*batch, levels - 1) which rise along their last axis."""
        apart = thresholds.diff(dim=-1)
        return torch.cat([thresholds[..., :1], apart + (-torch.expm1(-apart)).log()], -1)

    def probabilities(self, prediction: Tensor, thresholds: Tensor) -> Tensor:
        """The probability of each class, (*batch, levels), from scores (*batch) and thresholds as in the loss."""
        thresholds = thresholds.expand(*prediction.shape, -1)
        each = (torch.full_like(prediction, k, dtype=torch.int64) for k in range(self.levels))
        return torch.stack([(-self.per_example(prediction, k, thresholds)).exp() for k in each], -1)


def _gone(x: Tensor) -> Tensor:
    """log(1 - exp(-exp(x))), which is x far below 0 and 0 far above."""
    hazard = x.clamp(min=-41.0, max=80.0).exp()
    share = -torch.expm1(-hazard)
    return torch.where(x < 0, x + (share / hazard).log(), share.log())
