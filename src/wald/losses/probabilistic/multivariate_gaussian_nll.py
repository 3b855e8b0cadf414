"""Multivariate Gaussian negative log-likelihood: several means, and how their errors hang together."""

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import DomainError, Loss


class MultivariateGaussianNLL(Loss):
    """Negative log-likelihood of a joint normal law: several means, and how their errors hang together.

    (log det Σ + eᵀ Σ⁻¹ e + D log(2 π)) / 2 for the errors e = target - prediction of D numbers. The covariance comes
    as its factor: a lower triangular L with Σ = L Lᵀ, whose diagonal is written as logs, so that every matrix is
    allowed and none has to be factored. What stands above the diagonal is not read. With `link="identity"` the
    diagonal is written as it is.

    With `of="precision"` the factor is that of the inverse, Σ⁻¹ = L Lᵀ, and no system is solved. The law is over the
    features of one example, never over the batch. Negative values are normal, and there is no least one.

    Shapes: prediction (*batch, features) the means, factor (*batch, features, features), target (*batch, features);
    the loss in nats. half precision is widened; a factor of 16 bits says little about small variances, though.

    Raises:
        DomainError: with `link="identity"`, an entry of the diagonal is not positive.

    >>> import torch, wald
    >>> mean, target, factor = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2, 2)
    >>> wald.MultivariateGaussianNLL()(mean, factor, target)  # log(2 π) + 1/2
    tensor(2.3379)
    """

    of: Literal["covariance", "precision"] = param(
        default="covariance", choices=("covariance", "precision"), help="what the factor times its transpose is"
    )
    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how the diagonal of the factor is written"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Real.of("features"),
            "factor": Domain(says="a triangular factor", axes=("features", "features"), typical=(-1.0, 1.0))
            if loss.link == "log"
            else Domain(says="a triangular factor", axes=("features", "features"), typical=(0.5, 1.5), safe=1.0),
            "target": Real.of("features"),
        },
        formula=lambda loss: Formula(
            "(dot(white, white) + len(error) * log(2 * pi)) / 2"
            f" {'+' if loss.of == 'covariance' else '-'} sum([log(row[k]) for k, row in zip(places, triangle)])",
            error="[t - p for p, t in zip(prediction, target)]",
            places="range(len(error))",
            diagonal=f"lambda x: {'exp(x)' if loss.link == 'log' else 'x'}",
            triangle="[[diagonal(x) if k == r else x if k < r else 0 for k, x in zip(places, row)]"
            " for r, row in zip(places, factor)]",
            whitening="inverse(triangle)" if loss.of == "covariance" else "[*zip(*triangle)]",
            white="[dot(row, error) for row in whitening]",
        ),
        convex=True,
        bounded_below=False,
        when="Several numbers are predicted at once, and their errors go together.",
        when_not="Errors are independent (GaussianNLL for each), or draws are predicted (EnergyScore).",
        aliases=("MVN NLL", "multivariate normal NLL", "joint Gaussian likelihood", "MultivariateNormal"),
        ports={"torch.distributions.MultivariateNormal": {"link": "identity"}},
        tags=("uncertainty", "likelihood", "covariance", "multivariate", "probabilistic", "log score"),
        cite=("Williams 1996, doi:10.1162/neco.1996.8.4.843",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        diagonal = inputs[1].diagonal(dim1=-2, dim2=-1)
        wrong = diagonal[diagonal <= 0]
        if self.link == "identity" and wrong.numel():
            raise DomainError(
                f"MultivariateGaussianNLL: {wrong.numel()} of {diagonal.numel()} entries of the diagonal of factor are "
                f'not positive (one is {wrong[0]:g}), and link="identity" reads them as they are. Let the model emit '
                'their logs and use MultivariateGaussianNLL(link="log"), or pass the diagonal through softplus.'
            )

    def per_example(self, prediction: Tensor, factor: Tensor, target: Tensor) -> Tensor:
        diagonal = factor.diagonal(dim1=-2, dim2=-1)
        log_diagonal = diagonal if self.link == "log" else diagonal.log()
        triangle = factor.tril(-1) + torch.diag_embed(log_diagonal.exp())
        error, log_det = (target - prediction).unsqueeze(-1), log_diagonal.sum(-1)
        if self.of == "covariance":
            white = torch.linalg.solve_triangular(triangle, error, upper=False)
        else:
            white, log_det = triangle.mT @ error, -log_det
        return log_det + 0.5 * (white.square().sum((-1, -2)) + prediction.shape[-1] * math.log(2 * math.pi))
