"""Gamma negative log-likelihood: positive amounts, with their own spread for each row."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Positive, param
from ...core import Supervised
from ..pieces.gamma_function import beyond_stirling
from ..pieces.law import Law


class GammaNLL(Supervised, Law):
    """Negative log-likelihood of a gamma law: positive amounts, and how evenly they are spread.

    lgamma(k) - k log(r) - (k - 1) log(target) + r · target for the shape k and the rate r, whose logs the prediction
    holds; with `link="identity"` the numbers themselves. The mean is k / r and the standard deviation the mean over
    √k: shape 1 is the exponential law, and a large shape a narrow law around its mean, which is computed without loss
    of digits.

    Gamma is another loss: there only the mean is predicted, and the shape, the same for all rows, drops out.

    A rate is one over a scale; SciPy, XGBoost and others want the scale. A target of 0 is refused, as its likelihood
    is 0 or infinite for every shape but 1.

    Shapes: prediction (*batch, 2), the shape first; target (*batch), positive; the loss in nats.

    Raises:
        DomainError: a target is not positive, or with `link="identity"` a shape or a rate is not.

    >>> import torch, wald
    >>> loss = wald.GammaNLL(link="identity")
    >>> loss(torch.tensor([[1.0, 2.0], [4.0, 2.0]]), torch.tensor([3.0, 3.0]), reduction="none")
    tensor([5.3069, 1.7233])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how shape and rate are written: as logs, or as they are"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": Positive,
        },
        formula=lambda loss: Formula(
            "lgamma(k) - k * log(r) - (k - 1) * log(target) + r * target",
            k="exp(prediction[0])" if loss.link == "log" else "prediction[0]",
            r="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        elicits=lambda loss: "distribution" if loss.link == "log" else None,
        convex=lambda loss: loss.link == "identity",
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="Claims, durations, rain on wet days: positive targets of which some are more certain than others.",
        when_not="Only the mean is wanted (Gamma), or some targets are 0 (Tweedie).",
        aliases=("gamma likelihood", "gamma distribution NLL", "shape and rate"),
        ports={
            "torch.distributions.Gamma": {"link": "identity"},
            "scoringrules.logs_gamma": {"link": "identity"},
        },
        tags=("uncertainty", "likelihood", "positive", "amounts", "durations", "probabilistic", "log score"),
    )

    positive = ("shape", "rate")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        log_shape, log_rate = self.parameters(prediction)
        shape, log_target = log_shape.exp(), target.log()
        # How far the target is from the mean, as a log: near the mean large terms then cancel before they are large.
        away = log_target + log_rate - log_shape
        near = away < 1
        close = torch.where(near, away, torch.zeros_like(away))
        far = torch.where(near, torch.zeros_like(away), log_rate + log_target).exp() - shape * (1 + away)
        return beyond_stirling(log_shape) + log_target + torch.where(near, shape * (torch.expm1(close) - close), far)
