"""Beta negative log-likelihood: shares and rates, with their own spread for each row."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Parameters, PlainParameters, param
from ...core import Supervised
from ..pieces.gamma_function import beyond_stirling
from ..pieces.law import Law
from ..pieces.softplus import softplus


class BetaLikelihood(Supervised, Law):
    """Negative log-likelihood of a beta law: shares between 0 and 1, and how sure they are.

    lgamma(a) + lgamma(b) - lgamma(a + b) - (a - 1) log(target) - (b - 1) log(1 - target). The prediction holds the
    logs of a and b; with `link="identity"` the numbers themselves. The mean is a / (a + b), and a + b says how narrow
    the law is: a = b = 1 is even over all shares, and below 1 the ends are likeliest.

    A target of exactly 0 or 1 is refused, as its density is 0 or infinite. Where such targets are few and come from
    rounding, move them inwards, as by (target · (n - 1) + 0.5) / n for n rows; where they are many, they are a
    question of their own for a classifier.

    BetaNLL is another thing: GaussianNLL with each row weighted by its variance.

    Shapes: prediction (*batch, 2), a first; target (*batch) between 0 and 1; the loss in nats.

    Raises:
        DomainError: a target is not strictly between 0 and 1, or with `link="identity"` an entry is not positive.

    >>> import torch, wald
    >>> wald.BetaLikelihood(link="identity")(torch.tensor([[1.0, 1.0], [2.0, 2.0]]), torch.tensor([0.3, 0.5]))
    tensor(-0.2027)
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how a and b are written: as logs, or as they are"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": Domain(
                says="a share strictly between 0 and 1",
                low=0.0,
                # The largest number of single precision that is below 1.
                high=1 - 2**-24,
                open_low=True,
                typical=(0.05, 0.95),
                safe=0.5,
            ),
        },
        formula=lambda loss: Formula(
            "lgamma(a) + lgamma(b) - lgamma(a + b) - (a - 1) * log(target) - (b - 1) * log1p(-target)",
            a="exp(prediction[0])" if loss.link == "log" else "prediction[0]",
            b="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        convex=lambda loss: loss.link == "identity",
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="Shares, rates and scores strictly between 0 and 1, of which some are more certain than others.",
        when_not="Many targets are exactly 0 or 1, or only the mean is wanted (BinaryCrossEntropy takes shares).",
        aliases=("beta distribution NLL", "beta regression", "Beta", "BetaDistributionLoss"),
        ports={
            "torch.distributions.Beta": {"link": "identity"},
            "scoringrules.logs_beta": {"link": "identity"},
        },
        tags=("uncertainty", "likelihood", "shares", "proportions", "probabilistic", "log score"),
        cite=("Ferrari & Cribari-Neto 2004, doi:10.1080/0266476042000214501",),
    )

    positive = ("first shape (a)", "second shape (b)")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        log_a, log_b = self.parameters(prediction)
        a, b, log_odds = log_a.exp(), log_b.exp(), log_a - log_b
        yes, no = target.log(), torch.log1p(-target)
        # The mean's own logs are taken from the target's before anything is multiplied: large shapes lose no digits.
        surprise = a * (-softplus(-log_odds) - yes) + b * (-softplus(log_odds) - no)
        sizes = beyond_stirling(log_a) + beyond_stirling(log_b) - beyond_stirling(torch.logaddexp(log_a, log_b))
        return surprise + yes + no + sizes
