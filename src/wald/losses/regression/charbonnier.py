"""Charbonnier: the square root of the squared error and a little more."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised, constant


class Charbonnier(Supervised):
    """The absolute error with its kink rounded off by a square root.

    Two losses go by this name, and `form` says which:

    - "restoration": √(r² + ε²) for r = prediction - target and ε = `epsilon`, in the target's unit. With the usual tiny
      ε it is nearly the absolute error, and a perfect prediction costs ε, not 0. Nets for super-resolution and
      deblurring train on it.
    - "unit": √((r / ε)² + 1) - 1, which has no unit and is 0 on the target: Barron's general loss at alpha 1, and with
      ε = 1 that of kornia. Its slope ends at 1 / ε.

    Some code writes √(r² + eps) with eps = 1e-12 or 1e-6: that eps is the square, so ε is 1e-6 or 1e-3 here. Both
    forms are PseudoHuber(delta=ε) divided by ε (then plus ε) or by ε².

    Shapes: prediction and target (*batch); `epsilon` in the target's unit.

    >>> import torch, wald
    >>> wald.Charbonnier()(torch.tensor([0.0, 0.5]), torch.zeros(2), reduction="none")
    tensor([0.0010, 0.5000])
    >>> wald.Charbonnier(form="unit", epsilon=1.0)(torch.tensor([0.75]), torch.zeros(1))
    tensor(0.2500)
    """

    epsilon: float = param(
        default=1e-3, above=0, typical=(1.0,), help="how far from the target the kink is round, in the target's unit"
    )
    form: Literal["restoration", "unit"] = param(
        default="restoration",
        choices=("restoration", "unit"),
        help="whether it is in the target's unit, or 0 on the target and without unit",
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=lambda loss: (
            Formula("sqrt(r**2 + epsilon**2)", r="prediction - target")
            if loss.form == "restoration"
            else Formula("sqrt(x**2 + 1) - 1", x="(prediction - target) / epsilon")
        ),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        when="Images are restored, and the absolute error is right but for its kink.",
        when_not="You are judged by the mean (use Squared), or a perfect prediction must cost 0 (use PseudoHuber).",
        points=lambda loss: (
            {"perfect": "epsilon", "floor": "epsilon"} if loss.form == "restoration" else {"perfect": 0, "floor": 0}
        ),
        aliases=("CharbonnierLoss", "charbonnier_loss", "generalised Charbonnier", "L1 Charbonnier", "sqrt L1"),
        ports={
            "kornia.losses.CharbonnierLoss": {"form": "unit", "epsilon": 1.0},
            "basicsr.losses.CharbonnierLoss": {"epsilon": 1e-6},
        },
        tags=("robust", "outliers", "smooth", "image", "restoration", "super-resolution"),
        cite=("Charbonnier et al. 1994, doi:10.1109/ICIP.1994.413553", "Lai et al. 2017, arXiv:1704.03915"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        residual = prediction - target
        if self.form == "restoration":
            return torch.hypot(residual, constant((self.epsilon,), residual)[0])
        x = residual / self.epsilon
        # √(x² + 1) - 1, as x times x / (√(x² + 1) + 1): nothing cancels, nothing overflows.
        return x * (x / (torch.hypot(x, constant((1.0,), x)[0]) + 1))
