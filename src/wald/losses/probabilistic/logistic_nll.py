"""Logistic negative log-likelihood: nearly normal in the middle, straight in the tails."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law
from ..pieces.softplus import softplus


class LogisticNLL(Supervised, Law):
    """Negative log-likelihood of a logistic law: nearly normal in the middle, straight in the tails.

    log(s) + log(1 + exp(z)) + log(1 + exp(-z)) for z = (target - m) / s. The prediction holds the location m and the
    log of the scale s; with `link="identity"` s itself. It lies between GaussianNLL and LaplaceNLL: smooth where the
    error is small, and an outlier pulls with no more than 1 / s.

    The scale is not a standard deviation: that of a logistic law is s π / √3, about 1.81 s. Values may be negative
    and have no least one.

    Shapes: prediction (*batch, 2), the location first; target (*batch); the loss in nats.

    Raises:
        DomainError: with `link="identity"`, a scale is not positive.

    >>> import torch, wald
    >>> wald.LogisticNLL()(torch.tensor([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([3.0, 3.0]), reduction="none")
    tensor([2.2539, 3.4046])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how the scale is written: its log, or the number itself"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "log(s) + softplus(z) + softplus(-z)",
            s="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
            z="(target - prediction[0]) / s",
        ),
        elicits="distribution",
        convex=False,
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="Some targets are noisier than others, and now and then one is far off.",
        when_not="The mean is wanted whatever the noise (GaussianNLL), or errors may be enormous (StudentTNLL).",
        aliases=("logistic likelihood", "logistic distribution NLL", "LogisticDistribution"),
        ports={"scoringrules.logs_logistic": {"link": "identity"}},
        tags=("uncertainty", "likelihood", "heteroscedastic", "robust", "probabilistic", "log score"),
    )

    positive = ("", "scale")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        location, log_scale = self.parameters(prediction)
        z = (target - location) * (-log_scale).exp()
        return log_scale + softplus(z) + softplus(-z)
