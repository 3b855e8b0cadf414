"""Clipped: a loss of the prediction held to an interval."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..cards import param
from ..core import Supervised
from ._wrapper import OuterCard, Wrapper, around, kept_if_true, not_convex, supervised


def _of_numbers(value: Any) -> Supervised:
    loss = supervised(value)
    domain = loss.named_domains[0][1]
    if domain.normalised:
        raise TypeError(
            f"{type(loss).__name__} reads its prediction as {domain.says}, and held to an interval they would not "
            "be; clip the logits that they come from"
        )
    return loss


class Clipped(Wrapper, kw_only=False):
    """The inner loss of the prediction held to [-bound, bound], entry by entry.

    No single example can cost, or pull, without limit, and no logit is rewarded for growing past the bound.
    **Outside the bound the gradient is 0**: a prediction that starts there stays there, so choose a bound that
    predictions reach only late, and look at how many are outside when a loss stands still.

    Shapes: those of the inner loss. `bound` has the unit of the prediction.

    Raises:
        TypeError: the inner loss takes probabilities, which are none once they are clipped.

    >>> import torch, wald
    >>> loss = wald.Clipped(wald.Squared(), 3.0)
    >>> loss(torch.tensor([1.0, -9.0]), torch.zeros(2), reduction="none")
    tensor([1., 9.])
    """

    inner: Supervised = param(convert=_of_numbers, help="the loss of the clipped prediction")
    bound: float = param(above=0, convert=float, typical=(10.0, 1.0), help="the largest size of a prediction")

    card = OuterCard(
        formula=lambda loss: around(
            loss,
            "{inner}",
            prediction="[max(-bound, min(bound, x)) for x in prediction]"
            if loss.inner.named_domains[0][1].axes
            else "max(-bound, min(bound, prediction))",
        ),
        convex=not_convex,
        bounded_below=kept_if_true("bounded_below"),
        smooth=0,
        slope="vanishing",
        when="A few extreme logits dominate the loss, or a target can only be reached at infinity.",
        when_not="Predictions start outside the bound, where nothing pulls them back; truncate the loss instead.",
        aliases=("clamped prediction", "logit clipping"),
        tags=("robust", "stability", "wrapper"),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        return self.inner.per_example(prediction.clamp(-self.bound, self.bound), target, **how)
