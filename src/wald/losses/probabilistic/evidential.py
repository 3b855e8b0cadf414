"""Evidential regression: a mean, the noise around it, and how little is known of both."""

import math
from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law, student_t_surprise
from ..pieces.softplus import softplus


class Evidential(Supervised, Law):
    """Evidential regression: a mean, the noise around it, and how little is known of both.

    The prediction holds the four parameters γ, ν, α, β of a normal-inverse-gamma law over the mean and the variance of
    the target. The loss is the -log likelihood of the target, a Student-t law with 2 α degrees around γ, and
    `coefficient` · |target - γ| · (2 ν + α), which takes evidence back where the forecast was wrong. γ is the
    forecast, β / (α - 1) the noise, and β / (ν (α - 1)) how uncertain the forecast itself is said to be.

    With `link="log"` the entries after γ are the logs of ν, of α - 1 and of β, so that α is above 1 and all three
    quantities exist; with `link="identity"` they are ν, α and β themselves.

    Only the spread β (1 + ν) / ν is seen by the likelihood, so ν and β may be traded for each other: what makes the
    difference is the second term, whose size depends on the unit of the target. Scale the targets, and do not read the
    uncertainty as a calibrated one.

    Shapes: prediction (*batch, 4): γ, ν, α, β; target (*batch); the loss in nats.

    Raises:
        DomainError: with `link="identity"`, ν, α or β is not positive.

    >>> import torch, wald
    >>> wald.Evidential(link="identity")(torch.tensor([[0.0, 1.0, 2.0, 1.0]]), torch.tensor([1.0]))
    tensor(2.3387)
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how ν, α and β are written: as logs, or as they are"
    )
    coefficient: float = param(
        default=0.2, at_least=0, help="how much evidence for a wrong forecast costs, per target unit"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=4),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "log(pi / v) / 2 - a * log(w) + (a + 0.5) * log((target - prediction[0])**2 * v + w)"
            " + lgamma(a) - lgamma(a + 0.5) + coefficient * abs(target - prediction[0]) * (2 * v + a)",
            v="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
            a="1 + exp(prediction[2])" if loss.link == "log" else "prediction[2]",
            b="exp(prediction[3])" if loss.link == "log" else "prediction[3]",
            w="2 * b * (1 + v)",
        ),
        convex=False,
        bounded_below=False,
        when="One network should say, in one pass, how noisy its targets are and where it has not been trained.",
        when_not="Calibrated uncertainty is needed (an ensemble with GaussianNLL, or Interval with held-out rows).",
        aliases=("deep evidential regression", "DER", "NIG", "normal-inverse-gamma", "EvidentialRegression"),
        tags=("uncertainty", "evidential", "epistemic", "likelihood", "probabilistic"),
        cite=("Amini et al. 2020, arXiv:1910.02600",),
    )

    positive = ("", "evidence for the mean (ν)", "shape (α)", "scale (β)")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        mean, log_evidence, log_shape, log_noise = self.parameters(prediction)
        if self.link == "log":
            log_shape = softplus(log_shape)
        # log(1 + ν) - log(ν) is softplus(-log ν).
        log_scale = 0.5 * (log_noise + softplus(-log_evidence) - log_shape)
        error = target - mean
        likelihood = student_t_surprise(error, log_scale, log_shape + math.log(2))
        return likelihood + self.coefficient * error.abs() * (2 * log_evidence.exp() + log_shape.exp())
