"""Gaussian CRPS: a mean and a spread, judged in the unit of the target."""

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law, scaled
from ..pieces.normal import normal_density


class GaussianCRPS(Supervised, Law):
    """The continuous ranked probability score of a normal law: a mean and a spread, in the target's unit.

    s · (z (2 Φ(z) - 1) + 2 φ(z) - 1 / √π) for z = (target - mean) / s: how far, on average, draws of the law are from
    the target, less half of how far they are from each other. The prediction holds the mean and the log of the
    standard deviation s; with `link="identity"` s itself.

    Beside GaussianNLL, which has the same best law wherever the target is normal, an outlier costs its distance and
    not the square of it, and a spread near 0 earns no endless reward: the least value is 0. Where the target is not
    normal the two find different laws. It is a loss; some meteorologists write it with the other sign.

    Shapes: prediction (*batch, 2), the mean first; target (*batch); the loss in the target's unit.

    Raises:
        DomainError: with `link="identity"`, a standard deviation is not positive.

    >>> import torch, wald
    >>> wald.GaussianCRPS()(torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([0.0, 2.0]), reduction="none")
    tensor([0.2337, 1.4528])
    """

    link: Literal["log", "identity"] = param(
        default="log",
        choices=("log", "identity"),
        help="how the standard deviation is written: its log, or the number itself",
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "s * (2 * z * inner + 2 * exp(-z**2 / 2) / sqrt(2 * pi) - 1 / sqrt(pi))",
            s="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
            z="(target - prediction[0]) / s",
            inner="integral(lambda u: exp(-u**2 / 2) / sqrt(2 * pi), 0, max(min(z, 12), -12))",
        ),
        elicits="distribution",
        convex=lambda loss: loss.link == "identity",
        bounded_below=True,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        points={"floor": 0},
        when="A mean and a spread are predicted, and a single outlier should not rule.",
        when_not="You have draws and no parameters (CRPS), or want a likelihood (GaussianNLL).",
        aliases=("normal CRPS", "CRPS of a normal law", "crps_gaussian", "EMOS loss"),
        ports={"scoringrules.crps_normal": {"link": "identity"}},
        tags=("probabilistic", "uncertainty", "forecasting", "weather", "proper", "score", "robust"),
        cite=(
            "Gneiting et al. 2005, doi:10.1175/MWR2904.1",
            "Gneiting & Raftery 2007, doi:10.1198/016214506000001437",
        ),
    )

    positive = ("", "standard deviation")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        mean, log_std = self.parameters(prediction)
        error = target - mean
        z = scaled(error, log_std)
        return error * torch.erf(z * 0.5**0.5) + log_std.exp() * (2 * normal_density(z) - 1 / math.sqrt(math.pi))
