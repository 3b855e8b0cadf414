"""Bounded: a loss that tends to `ceiling`, and never costs more."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..cards import param
from ..core import Supervised
from ._errors import cost_of_a_hit
from ._wrapper import OuterCard, Wrapper, around, inherited, not_convex, supervised


def _never_negative(value: Any) -> Supervised:
    loss = supervised(value)
    if loss.card.bounded_below is True and loss.card.task != "regression":
        return loss
    hit = cost_of_a_hit(loss) if loss.card.bounded_below is True else None
    if hit is None or bool((hit < 0).any()):
        raise TypeError(
            f"{loss!r} is not known never to be negative, and below 0 the bound would turn round: gains would grow "
            "exponentially. Squared(), Absolute(), Pinball() and the losses of classes can be bounded; of a likelihood "
            "Truncated caps what single examples cost, and a loss of your own says perfect_is_minimal=True on its card"
        )
    return loss


class Bounded(Wrapper, kw_only=False):
    """ceiling · (1 - exp(-inner / ceiling)): an example that costs more and more pulls less and less.

    Far below `ceiling` it is the inner loss, with the same slope; from there on it levels off, so that wild targets
    and wrong labels are let go softly, where Truncated drops them at once. The gradient is exp(-inner / ceiling)
    times the inner one: 37 % at an inner loss of `ceiling`, 5 % at three times that. An example that is still far
    away pulls hardly either, so begin near a solution, or with a high ceiling that comes down.

    Around Squared it is Welsch's loss with a scale of √(ceiling / 2); around CrossEntropy, with ceiling = 1 / q, the
    generalised cross-entropy (1 - p^q) / q. A mean becomes a middle of the bulk of the targets, and probabilities
    come out too sure: a loss that was proper is so no longer. Nothing bounded is convex.

    Shapes: those of the inner loss. `ceiling` has the unit of the inner loss.

    Raises:
        TypeError: the inner loss may be negative, as likelihoods of numbers are.

    >>> import torch, wald
    >>> loss = wald.Bounded(wald.Squared(), ceiling=4.0)
    >>> loss(torch.tensor([0.1, 2.0, 100.0]), torch.zeros(3), reduction="none")
    tensor([0.0100, 2.5285, 4.0000])
    """

    inner: Supervised = param(convert=_never_negative, help="the loss that is bounded")
    ceiling: float = param(default=1.0, above=0, typical=(0.5, 5.0), help="what an example costs at most")

    card = OuterCard(
        formula=lambda loss: around(loss, "ceiling * (1 - exp(-{inner} / ceiling))"),
        elicits=lambda loss: loss.inner.card.elicits if loss.inner.card.elicits == "m-functional" else None,
        proper=lambda loss: False if loss.inner.card.proper is True else None,
        convex=not_convex,
        bounded_below=inherited("bounded_below"),
        perfect_is_minimal=inherited("perfect_is_minimal"),
        smooth=inherited("smooth"),
        slope="vanishing",
        when="Some targets or labels are wrong, you do not know which, and the model is already near a solution.",
        when_not="You need the mean or probabilities, or training starts from nothing, where all examples are far.",
        aliases=(
            "Welsch",
            "Leclerc",
            "generalized cross entropy",
            "GCE",
            "bounded loss",
            "redescending loss",
            "correntropy",
        ),
        tags=("robust", "outliers", "label noise", "redescending", "wrapper"),
        cite=("Dennis & Welsch 1978, doi:10.1080/03610917808812083", "Zhang & Sabuncu 2018, arXiv:1805.07836"),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        if (drawn := self.drawn(prediction, target, how)) is not None:
            return drawn
        if not self._call.coupled:
            # Where the inner loss overflows, 0 times its slope is NaN; there it enters as a constant.
            over = self.inner.per_example(prediction.detach(), target, **how) == torch.inf
            over = over.reshape(over.shape + (1,) * (prediction.ndim - over.ndim))
            prediction = torch.where(over, prediction.detach(), prediction)
        value = self.inner.per_example(prediction, target, **how)
        return -self.ceiling * torch.expm1(-value / self.ceiling)
