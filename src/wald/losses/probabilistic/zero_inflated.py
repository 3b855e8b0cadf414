"""Counts with more zeros than their law allows, because some rows are always 0."""

import torch
from torch import Tensor

from ...cards import Card, Formula, NonNegative, Parameters
from ...core import Supervised
from ..pieces.counts import negative_binomial_surprise, poisson_surprise
from ..pieces.softplus import softplus


class ZeroInflatedPoisson(Supervised):
    """Negative log-likelihood of counts of which some rows are always 0 and the others Poisson.

    A zero costs -log(g + (1 - g) exp(-m)), a count y above 0 costs m - y log(m) + log(y!) - log(1 - g), for the share
    g of rows that can have no count. The prediction holds the logit of g and the log of the Poisson mean m. The mean
    of the target is (1 - g) · m.

    A zero may come from either part, and zeros alone do not say from which: with few counts above 0 the two entries
    are poorly determined.

    Shapes: prediction (*batch, 2), the logit first; target (*batch) counts, not negative; the loss in nats.

    >>> import torch, wald
    >>> wald.ZeroInflatedPoisson()(torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([0.0, 1.0]), reduction="none")
    tensor([0.3799, 1.6931])
    """

    card = Card(
        task="regression",
        inputs={"prediction": Parameters.of("parameters", size=2), "target": NonNegative},
        formula=Formula(
            "-log(g + (1 - g) * exp(-m)) if target == 0"
            " else m - target * log(m) + lgamma(target + 1) + softplus(prediction[0])",
            g="sigmoid(prediction[0])",
            m="exp(prediction[1])",
        ),
        bounded_below=True,
        slope="exponential",
        points={"floor": 0},
        when="Counts of which many rows could never have one: claims of the uninsured, fish caught by non-anglers.",
        when_not="Zeros are as many as a Poisson or negative binomial law expects (Poisson, NegativeBinomial).",
        aliases=("ZIP", "zero-inflated Poisson", "ZIPLoss"),
        tags=("counts", "zeros", "zero-inflated", "likelihood", "probabilistic", "mixture"),
        cite=("Lambert 1992, doi:10.2307/1269547",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        gate, log_mean = prediction.unbind(-1)
        nothing = poisson_surprise(torch.zeros_like(target), log_mean.clamp(max=60.0))
        return _inflated(gate, target, nothing, poisson_surprise(target, _where_counted(log_mean, target)))


class ZeroInflatedNegativeBinomial(Supervised):
    """Negative log-likelihood of counts of which some rows are always 0 and the others negative binomial.

    A zero costs -log(g + (1 - g) f(0)), a count y above 0 costs -log(f(y)) - log(1 - g), for the share g of rows that
    can have no count. The prediction holds the logit of g, the log of the mean m and the log of the dispersion, whose
    f has the variance m + dispersion · m². The mean of the target is (1 - g) · m.

    A large dispersion makes zeros by itself, so try NegativeBinomialNLL first, and compare.

    Shapes: prediction (*batch, 3): logit, mean, dispersion; target (*batch) counts, not negative; the loss in nats.

    >>> import torch, wald
    >>> wald.ZeroInflatedNegativeBinomial()(torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([0.0]))  # -log(1/2 + 1/4)
    tensor(0.2877)
    """

    card = Card(
        task="regression",
        inputs={"prediction": Parameters.of("parameters", size=3), "target": NonNegative},
        formula=Formula(
            "-log(g + (1 - g) * exp(-r * log1p(m / r))) if target == 0 else"
            " softplus(prediction[0]) + (target + r) * log1p(m / r) - target * log(m) + target * log(r)"
            " + lgamma(target + 1) + lgamma(r) - lgamma(target + r)",
            g="sigmoid(prediction[0])",
            m="exp(prediction[1])",
            r="exp(-prediction[2])",
        ),
        convex=False,
        bounded_below=True,
        points={"floor": 0},
        when="Counts that vary widely, and of which many rows could never have one: sequencing reads, rare purchases.",
        when_not="A dispersion explains the zeros (NegativeBinomialNLL), or counts vary little (ZeroInflatedPoisson).",
        aliases=("ZINB", "zero-inflated negative binomial", "ZINBLoss"),
        tags=("counts", "zeros", "zero-inflated", "overdispersion", "likelihood", "probabilistic", "mixture"),
        cite=("Greene 1994 (NYU working paper EC-94-10)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        gate, log_mean, log_dispersion = prediction.unbind(-1)
        nothing = negative_binomial_surprise(
            torch.zeros_like(target), log_mean.clamp(max=60.0), log_dispersion.clamp(min=-60.0)
        )
        counted = (_where_counted(x, target) for x in (log_mean, log_dispersion))
        return _inflated(gate, target, nothing, negative_binomial_surprise(target, *counted))


def _where_counted(x: Tensor, target: Tensor) -> Tensor:
    """The entry where something was counted; elsewhere a number at which every law is safe."""
    return torch.where(target == 0, torch.zeros_like(x), x)


def _inflated(gate: Tensor, target: Tensor, nothing: Tensor, some: Tensor) -> Tensor:
    """-log of the probability of a count, of which a share sigmoid(gate) is 0 whatever the law says.

    Args:
        gate: the logit of that share.
        target: the counts.
        nothing: the -log of the law's probability of 0.
        some: the -log of its probability of the target, finite also where that is 0.
    """
    zero = -torch.logaddexp(-softplus(-gate), -softplus(gate) - nothing)
    return torch.where(target == 0, zero, softplus(gate) + some)
