"""The divergence of one Gaussian from another, latent by latent: the second half of a variational autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import Loss


class GaussianKL(Loss):
    """KL divergence of a Gaussian code from its prior: the second half of a VAE.

    The sum over the latents of (exp(d) - 1 - d + (mean - prior_mean)² exp(-prior_log_variance)) / 2, with d =
    log_variance - prior_log_variance. With `prior="standard"` the prior has mean 0 and variance 1 and is not given.
    The encoder emits the **log-variance**; half of it is the log of the standard deviation, which other code may emit.

    The negative ELBO is the reconstruction's negative log-likelihood plus this, and β-VAE gives this the weight β:
    `wald.Objective(reconstruction=…, divergence=wald.Term(wald.GaussianKL(), weight=beta))`. **Both must be sums over
    an example's own entries.** A mean over pixels beside this sum over latents multiplies β by the number of pixels.

    `free_nats` is how much each latent may say for nothing: a latent of an example costs at least that, and has no
    slope below. Kingma et al. (2016) take the mean of a latent over the batch before it is compared; here an example is
    judged alone. At a loss of latents · free_nats no latent says anything of note: the posterior may have collapsed.

    Shapes: mean and log_variance, and with `prior="given"` prior_mean and prior_log_variance, (*batch, latents); the
    value in nats.

    >>> import torch, wald
    >>> wald.GaussianKL()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]]))
    tensor(0.5000)
    >>> wald.GaussianKL(free_nats=0.25)(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]]))
    tensor(0.7500)
    """

    prior: str = param(
        default="standard",
        choices=("standard", "given"),
        help='"standard": mean 0, variance 1; "given": two more inputs',
    )
    free_nats: float = param(
        default=0.0, at_least=0, typical=(0.5,), help="what each latent costs at least, in nats; 0 for the divergence"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "mean": Real.of("latents"),
            "log_variance": Domain(says="the log of a variance", axes=("latents",), typical=(-2.0, 2.0)),
            **(
                {
                    "prior_mean": Real.of("latents"),
                    "prior_log_variance": Domain(says="the log of a variance", axes=("latents",), typical=(-2.0, 2.0)),
                }
                if loss.prior == "given"
                else {}
            ),
        },
        formula=lambda loss: Formula(
            "sum([max(free_nats, (exp(v - w) - 1 - (v - w) + (m - n)**2 * exp(-w)) / 2) for m, v, n, w in rows])",
            rows="zip(mean, log_variance, prior_mean, prior_log_variance)"
            if loss.prior == "given"
            else "[(m, v, 0, 0) for m, v in zip(mean, log_variance)]",
        ),
        convex=True,
        smooth=lambda loss: 0 if loss.free_nats else 3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not the latents",
        when="You train a variational autoencoder, or hold a Gaussian near another.",
        when_not="Codes are discrete (VectorQuantisation, KLDivergence), or a prediction is scored (GaussianNLL).",
        points=lambda loss: (
            {"collapse": "latents * free_nats", "floor": "latents * free_nats"}
            if loss.free_nats
            else {"collapse": 0, "floor": 0}
        ),
        aliases=("VAE KL", "ELBO", "beta-VAE", "GaussianKLDivergence", "free bits", "variational KL"),
        tags=("generative", "VAE", "variational", "autoencoder", "regulariser", "latent", "divergence"),
        cite=("Kingma & Welling 2013, arXiv:1312.6114", "Kingma et al. 2016, arXiv:1606.04934 (free bits)"),
    )

    def per_example(
        self,
        mean: Tensor,
        log_variance: Tensor,
        prior_mean: Tensor | None = None,
        prior_log_variance: Tensor | None = None,
    ) -> Tensor:
        apart, wider = mean.square(), log_variance
        if prior_mean is not None and prior_log_variance is not None:
            apart = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
            wider = log_variance - prior_log_variance
        each = 0.5 * (torch.expm1(wider) - wider + apart)
        return (each.clamp(min=self.free_nats) if self.free_nats else each).sum(-1)
