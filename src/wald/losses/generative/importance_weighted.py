"""Bounds on a log-likelihood from several samples: importance weighted, Rényi's, and the ELBO between them."""

from __future__ import annotations

import math

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss


class ImportanceWeighted(Loss):
    """Minus a bound on the log-likelihood, from the log-weights of several samples.

    With log-weights log w = log p(x, z) - log q(z | x) of K samples of z, and order α:

    - 0: -log mean w, the importance-weighted bound (IWAE); the tighter, the more samples;
    - 1: -mean log w, the negative ELBO;
    - between: Rényi's, -log mean w^(1 - α) / (1 - α).

    **The mean of weights is in the logarithm**, and the bound is of the log-likelihood, in nats for a whole example.
    With one sample all orders are the same. As K grows at order 0, the encoder's gradient drowns in noise while the
    decoder's gets better; doubly reparametrised gradients mend that, and are a matter of how log q is differentiated.

    Shapes: log_weight (*batch, samples). A weight of 0 may be given as -inf at orders below 1.

    >>> import torch, wald
    >>> log_weight = torch.tensor([[1.0, 3.0]]).log()
    >>> wald.ImportanceWeighted()(log_weight)  # -log 2
    tensor(-0.6931)
    >>> wald.ImportanceWeighted(order=1.0)(log_weight)  # -log √3
    tensor(-0.5493)
    """

    order: float = param(default=0.0, at_least=0, typical=(1.0, 0.5), help="0 importance weighted, 1 the ELBO")

    card = Card(
        task="other",
        inputs={"log_weight": Real.of("samples")},
        formula=lambda loss: (
            Formula("-mean(log_weight)")
            if loss.order == 1
            else Formula(
                "-(logsumexp([(1 - order) * w for w in log_weight]) - log(len(log_weight))) / (1 - order)",
            )
        ),
        convex=lambda loss: loss.order >= 1,
        bounded_below=False,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; not the samples",
        when="You train a latent-variable model, with several samples for each example.",
        when_not="The divergence is known in closed form and one sample does (a reconstruction and GaussianKL).",
        aliases=("IWAE", "Renyi bound", "VR bound", "importance weighted bound", "RenyiELBO", "multi-sample ELBO"),
        ports={"pyro.infer.RenyiELBO": {"order": 0.0}},
        tags=("generative", "VAE", "variational", "ELBO", "bound"),
        cite=("Burda, Grosse & Salakhutdinov 2015, arXiv:1509.00519", "Li & Turner 2016, arXiv:1602.02311 (Rényi)"),
    )

    def per_example(self, log_weight: Tensor) -> Tensor:
        if self.order == 1:
            return -log_weight.mean(-1)
        left = 1 - self.order
        return -((left * log_weight).logsumexp(-1) - math.log(max(1, log_weight.shape[-1]))) / left
