"""Truncated: a loss that costs no more than `cap`."""

from __future__ import annotations

import torch
from torch import Tensor

from ..cards import param
from ._wrapper import OuterCard, Wrapper, around, inherited, kept_if_true, not_convex


class Truncated(Wrapper, kw_only=False):
    """min(inner, cap): an example that costs more than `cap` pulls no longer, whatever it is.

    Wrong labels and wild targets are dropped, not softened; so is every example that is still hard, which is why
    it suits a model that is already trained. A loss that sits at `cap` has lost all of its examples. The gradient
    past the cap is 0, also where the inner loss has overflowed.

    Shapes: those of the inner loss. `cap` has the unit of the inner loss.

    >>> import torch, wald
    >>> loss = wald.Truncated(wald.Squared(), 4.0)
    >>> loss(torch.tensor([1.0, 9.0]), torch.zeros(2), reduction="none")
    tensor([1., 4.])
    """

    cap: float = param(default=1.0, above=0, typical=(0.1, 5.0), help="the most that an example can cost")

    card = OuterCard(
        formula=lambda loss: around(loss, "min({inner}, cap)"),
        convex=not_convex,
        bounded_below=inherited("bounded_below"),
        perfect_is_minimal=kept_if_true("perfect_is_minimal"),
        smooth=0,
        slope="vanishing",
        when="Some targets are plain wrong, the model is near a solution, and a bounded influence is not enough.",
        when_not="Training starts from nothing, where most examples are past the cap; or rare hard examples matter.",
        aliases=("clipped loss", "capped loss", "ramp loss"),
        tags=("robust", "outliers", "label noise", "wrapper"),
        cite=("Collobert, Sinz, Weston & Bottou 2006, doi:10.1145/1143844.1143870",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        if (drawn := self.drawn(prediction, target, how)) is not None:
            return drawn
        if self._call.coupled:
            return self.inner.per_example(prediction, target, **how).clamp(max=self.cap)
        # Where the inner loss overflows, 0 times its slope is NaN; so what is past the cap enters as a constant.
        past = self.inner.per_example(prediction.detach(), target) > self.cap
        past = past.reshape(past.shape + (1,) * (prediction.ndim - past.ndim))
        held = torch.where(past, prediction.detach(), prediction)
        return self.inner.per_example(held, target).clamp(max=self.cap)
