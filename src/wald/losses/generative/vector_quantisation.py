"""Vector quantisation: an encoder stays near its codes, and codes move to what they stand for."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss


class VectorQuantisation(Loss):
    """An encoding stays near its code, and the code moves to it (VQ-VAE).

    commitment · d(encoded, stopped code) + codebook · d(stopped encoded, code), with d the mean over the values of
    the squared difference. What is stopped has no gradient: the encoding is pulled by `commitment` alone and the code
    by `codebook` alone, so with both **the gradient is not the slope of the value**.

    `codebook` has no default, as only you know how codes move: 1.0 where they are parameters, **0.0 where they are
    moving averages** of their encodings (`code` then gets no gradient at all). The paper has commitment 0.25 and sums
    over the values; libraries take the mean, with commitments from 0.25 to 1.

    The straight-through estimate is the model's own: encoded + (code - encoded).detach() goes to the decoder. This
    loss is a term beside the reconstruction. Watch how many codes are in use: nothing here keeps them all alive.

    Shapes: encoded and code (*batch, values), the code that each encoding was given.

    >>> import torch, wald
    >>> encoded, code = torch.tensor([[1.0, 2.0]], requires_grad=True), torch.tensor([[0.0, 2.0]], requires_grad=True)
    >>> value = wald.VectorQuantisation(codebook=1.0)(encoded, code)  # (0.25 + 1) · (1 + 0) / 2
    >>> value.backward()
    >>> value.item(), encoded.grad, code.grad
    (0.625, tensor([[0.2500, 0.0000]]), tensor([[-1., -0.]]))
    """

    commitment: float = param(
        default=0.25, at_least=0, typical=(1.0,), help="how hard the encoding is pulled to its code"
    )
    # Only 0 is drawn by the tests of slopes: with codes that learn, the gradient is not the slope of the value.
    codebook: float = param(
        at_least=0, typical=(0.0,), help="how hard the code is pulled: 1 if it is a parameter, 0 if a moving average"
    )
    over: str = param(default="mean", choices=("mean", "sum"), help="mean or sum over the values")

    card = Card(
        task="other",
        inputs={"encoded": Real.of("values"), "code": Real.of("values")},
        formula=lambda loss: Formula(
            f"(commitment + codebook) * {loss.over}([(z - e)**2 for z, e in zip(encoded, code)])"
        ),
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked vectors, each counted by its weight",
        when="Each encoding is replaced by the nearest of a book of codes, beside a reconstruction.",
        when_not="The code is Gaussian (GaussianKL).",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("VQ", "VQ-VAE", "vector quantization", "commitment loss", "codebook loss"),
        ports={
            "transformers.models.dac.modeling_dac.DacVectorQuantize": {"commitment": 1.0, "codebook": 1.0},
            "vector_quantize_pytorch.VectorQuantize": {"commitment": 1.0, "codebook": 0.0},
        },
        tags=("generative", "autoencoder", "discrete", "codebook", "quantisation"),
        cite=("van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937",),
    )

    def per_example(self, encoded: Tensor, code: Tensor) -> Tensor:
        value = self.commitment * (encoded - code.detach()).square()
        if self.codebook:
            value = value + self.codebook * (encoded.detach() - code).square()
        return value.mean(-1) if self.over == "mean" else value.sum(-1)
