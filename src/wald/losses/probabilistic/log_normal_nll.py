"""Log-normal negative log-likelihood: positive amounts whose logarithm is normal."""

import math
from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Positive, param
from ...core import Supervised
from ..pieces.law import Law


class LogNormalNLL(Supervised, Law):
    """Negative log-likelihood of a log-normal law: positive amounts whose logarithm is normal.

    log(target) + log(s) + (log(target) - m)² / (2 s²) + log(2 π) / 2. The prediction holds m, the mean of the log of
    the target, and the log of its standard deviation s; with `link="identity"` s itself. It is GaussianNLL of the
    logarithms, with the log(target) that makes it a density of the target: with that, and only with it, values can be
    compared with those of other laws of the target.

    exp(m) is the median; the mean is exp(m + s² / 2). A target of 0 has no logarithm and is refused.

    Shapes: prediction (*batch, 2), the mean of the log first; target (*batch), positive; the loss in nats.

    Raises:
        DomainError: a target is not positive, or with `link="identity"` a standard deviation is not.

    >>> import torch, wald
    >>> wald.LogNormalNLL()(torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([1.0, 3.0]), reduction="none")
    tensor([0.9189, 2.6210])
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
            "target": Positive,
        },
        formula=lambda loss: Formula(
            "log(target) + log(s) + ((log(target) - prediction[0]) / s)**2 / 2 + log(2 * pi) / 2",
            s="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        convex=False,
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="Incomes, prices, waiting times: positive targets whose ratios, not differences, are spread evenly.",
        when_not="Some targets are 0 (Tweedie, ZeroInflatedPoisson), or only the mean is wanted (Gamma).",
        aliases=("log-normal likelihood", "LogNormal", "lognormal distribution NLL"),
        ports={
            "torch.distributions.LogNormal": {"link": "identity"},
            "scoringrules.logs_lognormal": {"link": "identity"},
        },
        tags=("uncertainty", "likelihood", "positive", "amounts", "skewed", "probabilistic", "log score"),
    )

    positive = ("", "standard deviation")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        mean, log_std = self.parameters(prediction)
        log_target = target.log()
        half_square = 0.5 * ((log_target - mean) * (-log_std).exp()).square()
        return log_target + log_std + half_square + 0.5 * math.log(2 * math.pi)
