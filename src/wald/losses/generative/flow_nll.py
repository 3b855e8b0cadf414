"""Normalising flows: how surprising an example is, from where it is sent and how much it is stretched there."""

from __future__ import annotations

import math

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss


class FlowNLL(Loss):
    """Negative log-likelihood of a normalising flow with a standard normal base.

    Σ (z² + log 2π) / 2 - log |det dz/dx|, of the latent z that the flow sends x to. The log-determinant is of the way
    **from data to latent**; one of the other way enters with its sign turned.

    With `unit="bits"` the value is in bits per dimension, over latents · ln 2. Data of whole numbers needs noise
    (dequantisation), and if it was divided by the number of its levels, as pixels by 256, say `levels=256`: that adds
    the log of it per dimension, 8 bits, and makes the figure one of the pixels as they were. Without, it is 8 too low.

    Shapes: latent (*batch, latents), log_determinant (*batch).

    >>> import torch, wald
    >>> wald.FlowNLL()(torch.tensor([[0.0, 1.0]]), torch.tensor([0.5]))  # log 2π + 1/2 - 1/2
    tensor(1.8379)
    >>> wald.FlowNLL(unit="bits", levels=256)(torch.zeros(1, 2), torch.zeros(1))  # 1.33 + 8
    tensor(9.3257)
    """

    unit: str = param(default="nats", choices=("nats", "bits"), help='"nats", or "bits" per dimension')
    levels: int = param(default=1, at_least=1, typical=(256,), help="by how many levels the data was divided")

    card = Card(
        task="other",
        inputs={"latent": Real.of("latents"), "log_determinant": Real},
        formula=lambda loss: Formula(
            "value / (len(latent) * log(2))" if loss.unit == "bits" else "value",
            value="sum([z**2 / 2 + log(2 * pi) / 2 + log(levels) for z in latent]) - log_determinant",
        ),
        convex=True,
        bounded_below=False,
        smooth=3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not the latents",
        when="You train an invertible model of densities.",
        when_not="The model emits the parameters of a density (GaussianNLL), or the velocity of a flow (FlowMatching).",
        aliases=(
            "normalising flow",
            "normalizing flow",
            "NormalisingFlow",
            "bits per dim",
            "bpd",
            "change of variables",
        ),
        tags=("generative", "flow", "likelihood", "density"),
        cite=("Dinh, Sohl-Dickstein & Bengio 2016, arXiv:1605.08803",),
    )

    def per_example(self, latent: Tensor, log_determinant: Tensor) -> Tensor:
        size = latent.shape[-1]
        constant = size * (0.5 * math.log(2 * math.pi) + math.log(self.levels))
        nats = 0.5 * latent.square().sum(-1) + constant - log_determinant
        return nats / (max(1, size) * math.log(2)) if self.unit == "bits" else nats
