"""Accelerated failure time: when it happens, where some times are known only as a range."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, NonNegative, Positive, Real, param
from ...core import Loss
from ..pieces.normal import log_normal_below
from ..pieces.softplus import softplus


class AcceleratedFailureTime(Loss):
    """Negative log-likelihood of times that are known as ranges: the log of the time, plus noise of a known law.

    The time lies between two bounds. Where both are the same it was seen, and costs -log of its density; where the
    upper one is infinite it was cut off (right-censored), and costs -log of the probability of lasting that long; a
    lower bound of 0 says that it was over by then (left-censored); and two numbers in between, such as two visits,
    cost -log of the probability of the range. Bounds that were swapped are put in order.

    The prediction is the location of the log of the time, and exp(prediction) the median for the laws "normal" and
    "logistic". With "extreme" (the law of minima) times are Weibull, of shape 1 / `scale`, and exp(prediction) is when
    63 % are over. Tails are computed as logarithms, so that a wild prediction keeps an exact gradient; others clip it.

    XGBoost gives the same bounds, +inf included; CatBoost writes -1 for an infinite one.

    Shapes: prediction (*batch) the log of the time, lower (*batch) not negative and upper (*batch) positive, the
    bounds of the time; the loss in nats.

    Raises:
        DomainError: a lower bound is negative, or an upper one not positive.

    >>> import torch, wald
    >>> lower, upper = torch.tensor([1.0, 1.0, 0.0]), torch.tensor([1.0, torch.inf, 1.0])
    >>> wald.AcceleratedFailureTime()(torch.zeros(3), lower, upper, reduction="none")
    tensor([0.9189, 0.6931, 0.6931])
    """

    distribution: Literal["normal", "logistic", "extreme"] = param(
        default="normal", choices=("normal", "logistic", "extreme"), help="the law of the noise in the log of the time"
    )
    scale: float = param(default=1.0, above=0, typical=(0.5,), help="the scale of the noise in the log of the time")

    card = Card(
        task="other",
        inputs={"prediction": Real, "lower": NonNegative, "upper": Positive},
        formula=lambda loss: Formula(
            "log(scale) + log(last) - density(place(last)) if first == last else"
            " -within(place(first) if first else -inf, place(last))",
            first="min(lower, upper)",
            last="max(lower, upper)",
            place="lambda time: (log(time) - prediction) / scale",
            density={
                "normal": "lambda z: -z**2 / 2 - log(2 * pi) / 2",
                "logistic": "lambda z: -softplus(z) - softplus(-z)",
                "extreme": "lambda z: z - exp(z)",
            }[loss.distribution],
            **(
                {"within": "lambda a, b: log(1 - exp(exp(a) - exp(b))) - exp(a)"}
                if loss.distribution == "extreme"
                else {
                    "below": {"normal": "lambda z: erfc(-z / sqrt(2)) / 2", "logistic": "sigmoid"}[loss.distribution],
                    "within": "lambda a, b: log(below(b) - below(a) if a < 0 else below(-a) - below(-b))",
                }
            ),
        ),
        convex=True,
        bounded_below=True,
        when="Times until an event, some of them censored, and the time itself is wanted.",
        when_not="The order of risks is enough (Cox), or hazards change their shape (DiscreteTimeHazard).",
        aliases=("AFT", "survival:aft", "SurvivalAft", "aft-nloglik", "interval censored regression", "Tobit of times"),
        ports={"xgboost.survival:aft": {}, "catboost.SurvivalAft": {}},
        tags=("survival", "censored", "interval", "time to event", "likelihood", "boosting"),
        cite=("Barnwal, Cho & Hocking 2020, arXiv:2006.04920", "Wei 1992, doi:10.1002/sim.4780111409"),
    )

    def per_example(self, prediction: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        first, last = torch.minimum(lower, upper), torch.maximum(lower, upper)
        low, high = first > 0, last < torch.inf
        seen, between = first == last, low & high & (first != last)
        early, late = (self._place(prediction, x, there) for x, there in ((first, low), (last, high)))
        log_time = torch.where(low, first, torch.ones_like(first)).log()
        density = math.log(self.scale) + log_time - self._log_density(early)
        # Each case is given numbers at which it is safe where another one holds.
        inside = self._log_between(
            torch.where(between, early, torch.full_like(early, -0.5)),
            torch.where(between, late, torch.full_like(late, 0.5)),
        )
        value = torch.where(high, -self._log_below(late), -self._log_above(early))
        value = torch.where(low | high, value, torch.zeros_like(value))
        value = torch.where(seen & low & high, density, torch.where(between, -inside, value))
        return torch.where(lower.isnan() | upper.isnan(), lower + upper, value)

    def _place(self, prediction: Tensor, time: Tensor, there: Tensor) -> Tensor:
        """How far a time lies from the prediction, in units of the noise; 0 where there is no such time."""
        log_time = torch.where(there, time, torch.ones_like(time)).log()
        return torch.where(there, (log_time - prediction) / self.scale, torch.zeros_like(prediction))

    def _log_density(self, z: Tensor) -> Tensor:
        if self.distribution == "normal":
            return -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
        return -softplus(z) - softplus(-z) if self.distribution == "logistic" else z - z.exp()

    def _log_below(self, z: Tensor) -> Tensor:
        if self.distribution == "normal":
            return log_normal_below(z)
        if self.distribution == "logistic":
            return -softplus(-z)
        # log(1 - exp(-w)) for w = exp(z), which for a small w is z.
        hazard = z.clamp(min=-41.0, max=80.0).exp()
        fallen = -torch.expm1(-hazard)
        return torch.where(z < 0, z + (fallen / hazard).log(), fallen.log())

    def _log_above(self, z: Tensor) -> Tensor:
        if self.distribution == "normal":
            return log_normal_below(-z)
        return -softplus(z) if self.distribution == "logistic" else -z.exp()

    def _log_between(self, early: Tensor, late: Tensor) -> Tensor:
        """The log of the probability of a range, from the side on which less lies: there nothing cancels."""
        upper = early > 0
        zero = torch.zeros_like(early)
        above = [self._log_above(torch.where(upper, z, zero + at)) for z, at in ((early, 0.0), (late, 1.0))]
        below = [self._log_below(torch.where(upper, zero - at, z)) for z, at in ((late, 0.0), (early, 1.0))]
        more, less = (torch.where(upper, a, b) for a, b in zip(above, below, strict=True))
        return more + (-torch.expm1(less - more)).clamp(min=torch.finfo(more.dtype).tiny).log()
