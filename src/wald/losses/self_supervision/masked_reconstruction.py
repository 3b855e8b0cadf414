"""Masked reconstruction: hidden patches are filled in, each brought to mean 0 and deviation 1 first."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class MaskedReconstruction(Supervised):
    """Patches that were hidden are filled in, each at mean 0 and deviation 1 (MAE).

    The mean over the values of a patch of (prediction - target)², or of |prediction - target| with `error="absolute"`
    (SimMIM). With `normalise`, as in MAE, each target patch is first brought to mean 0 and deviation 1 by its own
    values (the variance divides by values - 1, and gets 1e-6 added): contrast then counts the same everywhere, and the
    model predicts patches that look grey; to see a picture, undo it.

    **Pass `mask=`: True where a patch was hidden from the model.** The mean is over these alone; without a mask visible
    patches count too, which are easy to copy. Some libraries call a mask what was *kept*: turn it round.

    Shapes: prediction and target (*batch, values), a patch the last axis; usually (images, patches, values).

    >>> import torch, wald
    >>> target, hidden = torch.tensor([[[1.0, 3.0], [5.0, 9.0]]]), torch.tensor([[True, False]])
    >>> wald.MaskedReconstruction(normalise=False)(torch.zeros(1, 2, 2), target, mask=hidden)  # (1 + 9) / 2
    tensor(5.)
    >>> wald.MaskedReconstruction()(torch.zeros(1, 2, 2), target, mask=hidden)  # the patch became ∓0.71
    tensor(0.5000)
    """

    normalise: bool = param(default=True, typical=(False,), help="targets are brought to mean 0 and deviation 1")
    error: str = param(
        default="squared", choices=("squared", "absolute"), help="the square of a difference, or its size"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("values"), "target": Real.of("values")},
        formula=lambda loss: Formula(
            f"mean([{'(a - b)**2' if loss.error == 'squared' else 'abs(a - b)'} for a, b in zip(prediction, t)])",
            middle="mean(target)",
            variance="sum([(b - middle)**2 for b in target]) / max(1, len(target) - 1)",
            t="[(b - middle) / sqrt(variance + 1e-6) for b in target] if normalise else target",
        ),
        convex=True,
        bounded_below=True,
        slope=lambda loss: "linear" if loss.error == "squared" else "bounded",
        when="A part of each input is hidden and to be filled in, without labels.",
        when_not="Visible values are to be rebuilt as well (Squared), or what is hidden is a code (DINO).",
        points={"perfect": 0, "floor": 0},
        aliases=("masked autoencoder", "SimMIM", "masked image modelling", "norm_pix_loss"),
        ports={"transformers.ViTMAEForPreTraining": {}},
        tags=("self-supervised", "reconstruction", "masked image modelling"),
        cite=("He et al. 2022, arXiv:2111.06377 (MAE)", "Xie et al. 2022, arXiv:2111.09886 (SimMIM)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.normalise:
            values = target.shape[-1]
            off = target - target.mean(-1, keepdim=True)
            variance = off.square().sum(-1, keepdim=True) / max(1, values - 1)
            target = off / (variance + 1e-6).sqrt()
        difference = prediction - target
        return (difference.square() if self.error == "squared" else difference.abs()).mean(-1)
