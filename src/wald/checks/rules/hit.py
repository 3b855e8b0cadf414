"""The gradient where the prediction hits the target, and at zero.

Where an error is exactly zero a root, a norm or a division has no derivative, and autograd gives NaN: the better
the model, the likelier a batch that ruins it. The value is finite, so the log shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding
from ..measured import Measured
from ..subject import Inputs, Subject
from .rule import Rule, regression, sloped, squared_error

_ROWS = 4


def look(measured: Measured) -> Iterator[Finding]:
    """Value and gradient on exact hits, on zeros, and on equal inputs."""
    subject = measured.subject
    tried = 0
    for where, inputs in _places(subject):
        try:
            value, slope = _value_and_slope(subject, inputs)
        except (RuntimeError, ValueError):
            continue  # what it refuses clearly is no trap
        tried += 1
        if bool(value.isfinite().all()) and not bool(slope.isfinite().all()):
            yield Finding(
                code="W104",
                state="fail",
                question="edge cases",
                says=f"its gradient is not finite {where}, although its value is",
                fix="Make the input of the root, norm or division safe before it, as with torch.where on its input.",
                evidence={"reproduce": sloped(subject, inputs)},
                method="one backward pass",
            )
            return
    yield Finding(
        code="W104",
        state="pass" if tried else "not_applicable",
        question="edge cases",
        says="its gradient is finite on exact hits and on zeros"
        if tried
        else "there is no prediction that equals its target",
        method="one backward pass each",
    )


def _places(subject: Subject) -> Iterator[tuple[str, Inputs]]:
    first, *rest = inputs = subject.inputs(_ROWS)
    domain = subject.prediction
    if domain.normalised:
        return
    zero_belongs = (domain.low < 0 or (domain.low == 0 and not domain.open_low)) and domain.high >= 0
    if zero_belongs:
        yield "at predictions of zero", (torch.zeros_like(first), *rest)
    like = [i for i, x in enumerate(inputs) if i and x.shape == first.shape and x.dtype == first.dtype]
    if not like or subject.task in ("binary", "multiclass", "multilabel"):
        return
    target = rest[like[0] - 1].clamp(min=domain.low + 1e-3 if domain.open_low else domain.low, max=domain.high)
    hit = tuple(target.clone() if i == 0 or i in like else x for i, x in enumerate(inputs))
    yield "where the prediction hits the target", hit
    if zero_belongs:
        yield (
            "where prediction and target are zero",
            tuple(torch.zeros_like(x) if i == 0 or i in like else x for i, x in enumerate(inputs)),
        )


def _value_and_slope(subject: Subject, inputs: Inputs) -> tuple[Tensor, Tensor]:
    first = inputs[0].detach().clone().requires_grad_()
    value = subject.batch(first, *inputs[1:])
    if not value.requires_grad:
        return value, torch.zeros_like(first)
    (slope,) = torch.autograd.grad(value.sum(), first, materialize_grads=True)
    return value.detach(), slope


def _root(prediction: Tensor, target: Tensor) -> Tensor:
    return squared_error(prediction, target).sqrt()


RULE = Rule(
    codes={"W104": "the gradient is not finite on an exact hit"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_root, whole=True),
    clean=lambda: regression(squared_error),
)
