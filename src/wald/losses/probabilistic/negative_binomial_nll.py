"""Negative binomial negative log-likelihood: counts, with a dispersion of their own for each row."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, NonNegative, Parameters, PlainParameters, param
from ...core import Supervised
from ..pieces.counts import negative_binomial_surprise
from ..pieces.law import Law


class NegativeBinomialNLL(Supervised, Law):
    """Negative log-likelihood of a negative binomial law: counts whose mean and dispersion are both predicted.

    The variance is mean + dispersion · mean². The prediction holds the logs of the mean m and of the dispersion; with
    `link="identity"` the numbers themselves. Some give the inverse of the dispersion, r, and call it size or
    total_count, and logits, log(m / r), in place of the mean. With a dispersion near 0 it is Poisson, without loss of
    digits.

    NegativeBinomial has one dispersion for all rows, as a field. Nothing is left out: the value is the -log of the
    probability of the count. Targets that were divided by a scale are no counts any more, and mean nothing here.

    Shapes: prediction (*batch, 2), the mean first; target (*batch) counts, not negative; the loss in nats.

    Raises:
        DomainError: a target is negative, or with `link="identity"` a mean or a dispersion is not positive.

    >>> import torch, wald
    >>> loss = wald.NegativeBinomialNLL(link="identity")
    >>> loss(torch.tensor([[2.0, 0.5], [2.0, 1.0]]), torch.tensor([2.0, 0.0]), reduction="none")
    tensor([1.6740, 1.0986])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how mean and dispersion are written: as logs, or as they are"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": NonNegative,
        },
        formula=lambda loss: Formula(
            "(target + r) * log1p(m / r) - target * log(m) + target * log(r)"
            " + lgamma(target + 1) + lgamma(r) - lgamma(target + r)",
            m="exp(prediction[0])" if loss.link == "log" else "prediction[0]",
            r="exp(-prediction[1])" if loss.link == "log" else "1 / prediction[1]",
        ),
        convex=False,
        smooth=3,
        when="Counts that vary more than their mean, in some rows more than in others.",
        when_not="One dispersion will do (NegativeBinomial), or the mean alone is wanted (Poisson).",
        points={"floor": 0},
        aliases=("negative binomial with dispersion", "NB regression with dispersion", "NBLoss"),
        ports={
            "torch.distributions.NegativeBinomial": {"link": "identity"},
            "scoringrules.logs_negbinom": {"link": "identity"},
        },
        tags=("counts", "overdispersion", "likelihood", "uncertainty", "probabilistic", "log score"),
        cite=("Lawless 1987, doi:10.2307/3314912",),
    )

    positive = ("mean", "dispersion")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return negative_binomial_surprise(target, *self.parameters(prediction))
