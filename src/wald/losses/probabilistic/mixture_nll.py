"""A mixture of normal laws: targets that may be in one of several places."""

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law


class MixtureNLL(Supervised, Law):
    """Negative log-likelihood of a mixture of normal laws: the target may be in one of several places.

    -log Σ w_k N(target; m_k, s_k²) over the components k. The prediction holds for each a logit, of which the weights
    w are the softmax, a mean and the log of a standard deviation; with `link="identity"` the standard deviation
    itself. All sums are taken as logarithms, so a component that is far off costs no digits.

    A component that settles on one target and shrinks earns without bound: watch the smallest standard deviation,
    and start with means that are apart, as components that start alike stay alike. For several targets of one
    example, components are per target: a joint mixture over them is another loss.

    Shapes: prediction (*batch, components, 3): logit, mean, standard deviation; target (*batch); the loss in nats.

    Raises:
        DomainError: with `link="identity"`, a standard deviation is not positive.

    >>> import torch, wald
    >>> two = torch.tensor([[[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> wald.MixtureNLL()(two, torch.tensor([1.0]))  # log(2) + log(2 π) / 2 - log(1 + exp(-2))
    tensor(1.4852)
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how standard deviations are written: as logs, or as they are"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of(
                "components", "parameters", size=3
            ),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "logsumexp([c[0] for c in prediction])"
            " - logsumexp([c[0] - log(s(c)) - ((target - c[1]) / s(c))**2 / 2 for c in prediction]) + log(2 * pi) / 2",
            s="lambda c: exp(c[2])" if loss.link == "log" else "lambda c: c[2]",
        ),
        convex=False,
        bounded_below=False,
        smooth=3,
        when="The same inputs lead to one of several outcomes: turns at a crossing, two kinds of customer.",
        when_not="There is one place (GaussianNLL), or rows are few.",
        aliases=("MDN", "mixture density network", "Gaussian mixture NLL", "GMM loss", "MDNLoss", "mixture density"),
        ports={"scoringrules.logs_mixnorm": {"link": "identity"}},
        tags=("uncertainty", "likelihood", "multimodal", "mixture", "probabilistic", "log score"),
        cite=("Bishop 1994 (Aston University NCRG/94/004)",),
    )

    positive = ("", "", "standard deviation")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        logit, mean, log_std = self.parameters(prediction)
        # A component so far off that its square overflows has no part in the sum, nor in its slope.
        most = math.log(torch.finfo(log_std.dtype).max)
        root = (-0.5 * log_std).clamp(max=0.48 * most).exp()
        z = (target.unsqueeze(-1) - mean) * root * root
        far = z.abs() > math.exp(0.49 * most)
        z = torch.where(far, torch.zeros_like(z), z)
        surprise = (logit.log_softmax(-1) - log_std - 0.5 * z.square()).masked_fill(far, -torch.inf)
        return 0.5 * math.log(2 * math.pi) - torch.logsumexp(surprise, -1)
