"""Student-t negative log-likelihood: outliers are expected, and the tails say how often."""

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law, student_t_surprise


class StudentTNLL(Supervised, Law):
    """Negative log-likelihood of a Student-t law: outliers are expected, and the model says how often.

    log(s) + (ν + 1) / 2 · log(1 + z² / ν) and what makes it a density, for z = (target - m) / s. The prediction holds
    the location m, the log of the scale s and the log of the degrees of freedom; with `link="identity"` the last
    two as they are. What an outlier costs grows as the log of its distance only, and its pull on m falls to 0.

    The fewer degrees ν, the heavier the tails: 1 is the Cauchy law, and many make it GaussianNLL (and are computed
    without loss of digits). Up to 2 the law has no variance, up to 1 no mean, so a forecast from it has none either:
    `least_degrees` is added to what the model emits. Others add 2 or 3 without saying so. The scale is not a standard
    deviation; that is s √(ν / (ν - 2)).

    Shapes: prediction (*batch, 3): location, scale, degrees of freedom; target (*batch); the loss in nats.

    Raises:
        DomainError: with `link="identity"`, a scale or the degrees of freedom are not positive.

    >>> import torch, wald
    >>> wald.StudentTNLL()(torch.tensor([[1.0, 0.0, 0.0], [1.0, 2.0, 0.0]]), torch.tensor([3.0, 3.0]), reduction="none")
    tensor([2.7542, 3.2154])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how scale and degrees are written: as logs, or as they are"
    )
    least_degrees: float = param(
        default=0.0, at_least=0, typical=(2.0,), help="what is added to the degrees of freedom: 2 for a variance"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=3),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "log(s) + log(pi * v) / 2 + lgamma(v / 2) - lgamma((v + 1) / 2) + (v + 1) / 2 * log1p(z**2 / v)",
            s="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
            v=("exp(prediction[2])" if loss.link == "log" else "prediction[2]") + " + least_degrees",
            z="(target - prediction[0]) / s",
        ),
        convex=False,
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="Some targets are far off for reasons that no input tells: returns, sensors that fail, labels with slips.",
        when_not="The mean is wanted whatever the noise (GaussianNLL), or there are too few rows to learn a tail from.",
        aliases=("Student t likelihood", "StudentT", "t-distribution NLL", "robust Gaussian NLL"),
        ports={
            "torch.distributions.StudentT": {"link": "identity"},
            "scoringrules.logs_t": {"link": "identity"},
        },
        tags=("uncertainty", "likelihood", "heavy tails", "robust", "outliers", "probabilistic", "log score"),
        cite=("Lange, Little & Taylor 1989, doi:10.1080/01621459.1989.10478852",),
    )

    positive = ("", "scale", "degrees of freedom")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        location, log_scale, log_degrees = self.parameters(prediction)
        if self.least_degrees:
            log_degrees = torch.logaddexp(log_degrees, torch.full_like(log_degrees, math.log(self.least_degrees)))
        return student_t_surprise(target - location, log_scale, log_degrees)
