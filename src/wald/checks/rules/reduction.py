"""How a batch becomes a number, and whether its order counts.

A mean, a sum and a weighted mean give different gradients under gradient accumulation, on several devices and
with a last batch that is short, so it must be known which. A loss that depends on the order of the examples, where
they have none, compares the wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding
from ..measured import Measured
from ..subjects.subject import Inputs
from .rule import Rule, called, regression, reproduce, squared_error

_SAYS = {
    "none": "it gives one value for each example",
    "mean": "it gives the mean over the examples",
    "sum": "it gives the sum over the examples, so its gradient grows with the batch",
    "weighted mean": "it gives a weighted mean, so the mean of two batches is not that of both together",
    "transform of mean": "it gives a transform of a mean, so the mean of two batches is not that of both together",
    "other": "the value of an example depends on the others, so the mean of two batches is not that of both together",
}

_ORDERS = "a batch against the same batch in another order"


def look(measured: Measured) -> Iterator[Finding]:
    """State the reduction; accuse one that depends on the order."""
    found, subject, copies = measured.reduction, measured.subject, measured.reduction.copies
    says = _SAYS.get(found.reduction, f"how it reduces a batch is not resolved: {found.why}")
    if found.reduction == "other" and found.coupling == "separable":
        says = f"{found.why}, so the mean of two batches is not that of both together"
    if found.reduction == "mean" and found.coupling == "coupled":
        says = "it gives a mean of values that depend on the other examples of the batch"
    yield Finding(
        code="W402",
        state="inconclusive" if found.reduction == "unresolved" else "pass",
        question="call",
        says=says,
        evidence={"reproduce": _counted(measured)} | ({} if copies is None else {"batch_twice_over": copies}),
        method="a batch against its parts, and against itself twice over, in value and gradient",
    )
    if subject.loss is not None:
        return
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    shuffled = tuple(x[order] for x in found.inputs)
    yield (
        _order(measured, shuffled)
        if found.ordered
        else Finding(
            code="W403",
            state="pass",
            question="call",
            says="the order of the examples is nothing to it",
            method=_ORDERS,
        )
    )


def _counted(measured: Measured) -> str:
    """A batch, then the same batch twice over: equal for a mean, double for a sum."""
    inputs = measured.reduction.inputs
    twice = tuple(torch.cat([x, x]) for x in inputs)
    return reproduce(measured.subject, f"print({called(measured.subject, inputs)}, {called(measured.subject, twice)})")


def _order(measured: Measured, shuffled: Inputs) -> Finding:
    subject, inputs = measured.subject, measured.reduction.inputs
    return Finding(
        code="W403",
        state="warn",
        question="call",
        says="its value changes with the order of the examples",
        fix="Reduce over the examples in a way that has no order, or say that the batch is a sequence.",
        evidence={"reproduce": reproduce(subject, f"print({called(subject, inputs)}, {called(subject, shuffled)})")},
        method=_ORDERS,
    )


def _ordered(prediction: Tensor, target: Tensor) -> Tensor:
    weight = torch.arange(1, len(prediction) + 1, dtype=prediction.dtype)
    return (weight * (prediction - target).square()).mean()


RULE = Rule(
    codes={"W402": "how a batch becomes a number", "W403": "the value depends on the order of the examples"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_ordered),
    clean=lambda: regression(squared_error),
)
