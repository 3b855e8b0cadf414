"""How a loss behaves towards its caller: the same answer twice, nothing changed, a gradient given."""

from __future__ import annotations

from dataclasses import dataclass
import random

import numpy as np
import torch
from torch import Tensor

from .subject import Inputs, Subject
from .verdict import Verdict, no, unresolved, yes

_ROWS = 7


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What was found.

    Attributes:
        deterministic: the same inputs give the same value and gradient, bit by bit.
        pure: inputs and random states are left as they were.
        touched: what was changed: names of inputs, "random state".
        trainable: a gradient that is finite, and not zero everywhere, reaches the prediction.
        inputs: the batch that it was found on.
    """

    deterministic: Verdict
    pure: Verdict
    touched: tuple[str, ...]
    trainable: Verdict
    inputs: Inputs


def measure_manners(subject: Subject) -> Manners:
    """How `subject` behaves towards its caller."""
    inputs = subject.inputs(_ROWS)
    given = tuple(x.clone() for x in inputs)
    # A loss that seeds would leave no trace in a state that it has seeded already.
    for draw in (lambda: torch.rand(1), random.random, np.random.random):
        draw()
    before = _random_state()
    first = subject.call(*subject.shaped(given)).detach()
    random_touched = before != _random_state()
    names = [name for (name, _), x, y in zip(subject.domains, inputs, given, strict=True) if not torch.equal(x, y)]
    touched = (*names, *(["random state"] if random_touched else []))
    second = subject.batch(*inputs).detach()
    slopes = [_slope(subject, inputs) for _ in range(2)]
    same = torch.equal(first, second) and all(_equal(slopes[0], other) for other in slopes[1:])
    return Manners(
        deterministic=yes("the same inputs gave the same value and gradient twice")
        if same
        else no("the same inputs gave two different answers", inputs),
        pure=no(f"it changed {' and '.join(touched)}", inputs) if touched else yes("it left everything as it was"),
        touched=touched,
        trainable=_trainable(slopes[0], inputs),
        inputs=inputs,
    )


def _slope(subject: Subject, inputs: Inputs) -> Tensor | str:
    """The gradient in the prediction, or why there is none."""
    first = inputs[0].clone().requires_grad_()
    try:
        value = subject.batch(first, *inputs[1:])
        if not value.requires_grad:
            return "its value does not depend on the prediction in a way that autograd can see"
        (slope,) = torch.autograd.grad(value.sum(), first, materialize_grads=True)
    except RuntimeError as error:
        return str(error).partition("\n")[0]
    return slope


def _equal(a: Tensor | str, b: Tensor | str) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    return type(a) is type(b) and str(a) == str(b)


def _trainable(slope: Tensor | str, inputs: Inputs) -> Verdict:
    if isinstance(slope, str):
        return no(slope, inputs)
    if not bool(slope.isfinite().all()):
        return unresolved("its gradient is not finite on typical inputs")
    if not bool(slope.any()):
        return no("its gradient is zero on typical inputs", inputs)
    return yes("a gradient reaches the prediction")


def _random_state() -> tuple[object, ...]:
    """The global random states, as things that can be compared."""
    legacy = np.random.get_state()  # noqa: NPY002  (the state to protect is the global one)
    return torch.random.get_rng_state().tolist(), random.getstate(), [str(part) for part in legacy]
