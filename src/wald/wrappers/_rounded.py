"""Rounded: a loss whose kink at 0 is rounded off."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..cards import param
from ..core import Supervised
from ._errors import of_errors
from ._wrapper import OuterCard, Wrapper, around, inherited, kept_if_true


def _smooth(loss: Any) -> int | None:
    """At least once where the only kink is where the loss is 0, which the inner card does not say."""
    return loss.inner.card.smooth or None


class Rounded(Wrapper, kw_only=False):
    """√(inner² + width²) - width: a kink where the loss is 0 becomes a bowl.

    Costs well below `width` count by their square, inner² / (2 width); well above it they are inner - width, with
    the slope of the inner loss. So the gradient fades near the target in place of jumping from one side to the
    other, and there is a second derivative for Newton steps and boosters. It is convex where the inner loss is.

    What it estimates lies between what the inner loss does and what its square does, nearer to the first the
    smaller `width` is against the usual cost: around Absolute, the pseudo-Huber loss, between median and mean;
    around Pinball(q) between the quantile and the expectile at q² / (q² + (1 - q)²). For a quantile that moves less,
    SmoothedPinball averages over a window.

    Other kinks, such as that of Truncated at its cap, stay.

    Shapes: those of the inner loss. `width` has the unit of the inner loss.

    Raises:
        TypeError: the inner loss is not of one number, or does not cost 0 where prediction and target are the same.

    >>> import torch, wald
    >>> loss = wald.Rounded(wald.Absolute(), width=0.5)
    >>> loss(torch.tensor([0.0, 0.1, 10.0]), torch.zeros(3), reduction="none")
    tensor([0.0000, 0.0099, 9.5125])
    """

    inner: Supervised = param(convert=of_errors, help="the loss whose kink is rounded")
    width: float = param(default=0.1, above=0, typical=(1.0,), help="the cost below which the bowl begins")

    card = OuterCard(
        formula=lambda loss: around(loss, "sqrt({inner}**2 + width**2) - width"),
        elicits=lambda loss: loss.inner.card.elicits if loss.inner.card.elicits == "m-functional" else None,
        convex=kept_if_true("convex"),
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=_smooth,
        slope=inherited("slope"),
        when="An optimiser or a booster stumbles over the kink of Absolute, Pinball or Percentage at the target.",
        when_not="A quantile must be exact, or the loss is smooth already.",
        aliases=("smoothed loss", "smooth approximation", "softened kink", "Charbonnier of a loss"),
        tags=("smooth", "boosting", "optimisation", "wrapper"),
        cite=("Charbonnier et al. 1994, doi:10.1109/ICIP.1994.413553",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        value = self.inner.per_example(prediction, target, **how)
        # A difference of nearly equal numbers for small costs, so it is written as a product.
        return value * (value / (torch.hypot(value, torch.full_like(value, self.width)) + self.width))
