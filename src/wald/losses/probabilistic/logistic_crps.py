"""Logistic CRPS: a location and a spread, judged in the unit of the target."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law, scaled
from ..pieces.softplus import softplus


class LogisticCRPS(Supervised, Law):
    """The continuous ranked probability score of a logistic law: a location and a spread, in the target's unit.

    s · (z + 2 log(1 + exp(-z)) - 1) for z = (target - m) / s, which is the same for -z. The prediction holds the
    location m and the log of the scale s; with `link="identity"` s itself. The standard deviation of the law is
    s π / √3.

    Shapes: prediction (*batch, 2), the location first; target (*batch); the loss in the target's unit.

    Raises:
        DomainError: with `link="identity"`, a scale is not positive.

    >>> import torch, wald
    >>> wald.LogisticCRPS()(torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([0.0, 2.0]), reduction="none")
    tensor([0.3863, 1.2539])
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
            "s * (softplus(z) + softplus(-z) - 1)",
            s="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
            z="(target - prediction[0]) / s",
        ),
        elicits="distribution",
        convex=lambda loss: loss.link == "identity",
        bounded_below=True,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        points={"floor": 0},
        when="A location and a spread are predicted, and the noise is normal in the middle and straight in the tails.",
        when_not="You have draws and no parameters (CRPS), or want a likelihood (LogisticNLL).",
        aliases=("CRPS of a logistic law",),
        ports={"scoringrules.crps_logistic": {"link": "identity"}},
        tags=("probabilistic", "uncertainty", "forecasting", "proper", "score", "robust"),
        cite=("Jordan, Krüger & Lerch 2019, doi:10.18637/jss.v090.i12 (closed forms)",),
    )

    positive = ("", "scale")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        location, log_scale = self.parameters(prediction)
        error, scale = target - location, log_scale.exp()
        z = scaled(error, log_scale)
        # Far out both sums are the error itself, which a tiny scale times an enormous z would miss.
        near = z.abs() < 40
        z = torch.where(near, z, torch.zeros_like(z))
        return torch.where(near, scale * (softplus(z) + softplus(-z)), error.abs()) - scale
