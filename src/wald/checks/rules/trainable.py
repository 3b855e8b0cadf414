"""Whether a gradient reaches the prediction.

A loss that rounds, takes an argmax, detaches or leaves torch has no gradient, or one that is zero everywhere: a
model trained with it stays where it began, and nothing says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, called, regression, reproduce, squared_error

_STATES: Final[dict[str, State]] = {"yes": "pass", "no": "fail"}


def look(measured: Measured) -> Iterator[Finding]:
    """One backward pass on a typical batch."""
    subject, manners = measured.subject, measured.manners
    found = manners.trainable
    bad = found.word == "no"
    evidence = {}
    if bad:
        first, *rest = manners.inputs
        value = f"value = {called(subject, (first, *rest))}".replace("loss(", "loss(x := ", 1)
        value = value.replace(")", ", requires_grad=True)", 1)
        evidence = {
            "reproduce": reproduce(subject, value, "print(value.requires_grad and torch.autograd.grad(value.sum(), x))")
        }
    yield Finding(
        code="W406",
        state=_STATES.get(found.word or "", "inconclusive"),
        question="call",
        says=f"it cannot be trained with: {found.why}" if bad else found.why,
        fix="Compute it from the prediction in differentiable torch: no round, argmax, comparison, detach or item."
        if bad
        else "",
        evidence=evidence,
        method="one backward pass on a typical batch",
    )


def _rounded(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction.round() - target).abs().mean()


RULE = Rule(
    codes={"W406": "no gradient reaches the prediction"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_rounded),
    clean=lambda: regression(squared_error),
)
