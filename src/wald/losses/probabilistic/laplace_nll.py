"""Laplace negative log-likelihood: a median and how far to trust it."""

import math
from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law


class LaplaceNLL(Supervised, Law):
    """Negative log-likelihood of a Laplace law: a median, and the usual distance from it.

    log(2 b) + |target - m| / b. The prediction holds the location m and the log of the scale b; with
    `link="identity"` b itself. The best m is the median and the best b the mean distance from it, whatever the
    distribution of the target. Errors count as in the absolute error, each in units of its own scale: outliers pull
    less than in GaussianNLL.

    The scale is not a standard deviation: that of a Laplace law is b √2. Values may be negative and have no least
    one, as the scale may shrink on a target that is hit exactly.

    Shapes: prediction (*batch, 2), the location first; target (*batch); the loss in nats.

    Raises:
        DomainError: with `link="identity"`, a scale is not positive.

    >>> import torch, wald
    >>> wald.LaplaceNLL()(torch.tensor([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([3.0, 3.0]), reduction="none")
    tensor([2.6931, 2.9638])
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
            "log(2 * b) + abs(target - prediction[0]) / b",
            b="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        elicits=lambda loss: "median, mean absolute deviation" + " through log" * (loss.link == "log"),
        convex=False,
        bounded_below=False,
        smooth=0,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="Some targets are noisier than others, and the noise has heavier tails than a normal law.",
        when_not="The mean is wanted (GaussianNLL), or a few errors are enormous (StudentTNLL).",
        aliases=("Laplace likelihood", "LaplaceLoss", "Laplacian NLL", "heteroscedastic absolute error"),
        ports={
            "torch.distributions.Laplace": {"link": "identity"},
            "scoringrules.logs_laplace": {"link": "identity"},
        },
        tags=("uncertainty", "likelihood", "heteroscedastic", "median", "robust", "probabilistic", "log score"),
    )

    positive = ("", "scale")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        location, log_scale = self.parameters(prediction)
        return math.log(2) + log_scale + ((target - location) * (-log_scale).exp()).abs()
