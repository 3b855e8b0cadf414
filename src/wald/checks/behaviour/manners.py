"""How a loss behaves towards its caller: the same answer twice, nothing changed, a gradient given."""

from __future__ import annotations

from dataclasses import dataclass
import math
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..subjects.subject import Inputs, Subject
from ..verdict import Verdict, no, unresolved, yes
from .memory import litter

_ROWS = 7
_CAUSES = {
    "": "the same inputs gave the same value and gradient twice",
    "random": "the same inputs gave two different answers: it draws random numbers",
    "state": "the same inputs gave two different answers, under one seed too: it keeps a state between calls, or "
    "draws from a generator of its own",
    "memory": "the same inputs gave two different answers, and numbers that nobody computed: it reads memory that was "
    "never written",
}


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What was found.

    Attributes:
        deterministic: the same inputs give the same value and gradient, bit by bit.
        cause: why two answers differ: "random", "state" or "memory"; empty where they do not.
        pure: inputs and random states are left as they were.
        touched: what was changed: names of inputs, "random state", "its own state" with where.
        seeds: whether it sets the random state to the same, whatever it was, so that later draws repeat.
        trainable: a gradient that is finite, and not zero everywhere, reaches the prediction.
        inputs: the batch that it was found on.
    """

    deterministic: Verdict
    cause: str
    pure: Verdict
    touched: tuple[str, ...]
    seeds: bool
    trainable: Verdict
    inputs: Inputs


def measure_manners(subject: Subject) -> Manners:
    """How `subject` behaves towards its caller."""
    inputs = subject.inputs(_ROWS)
    given = tuple(x.clone() for x in inputs)
    # A loss that seeds would leave no trace in a state that it has seeded already.
    _draw()
    before = _random_state()
    litter(0)
    first = subject.call(*subject.shaped(given)).detach()
    after = _random_state()
    random_touched = before != after
    names = [name for (name, _), x, y in zip(subject.domains, inputs, given, strict=True) if not torch.equal(x, y)]
    names += [name for name in _rewritten(subject) if name not in names]
    litter(1)
    held = _own_state(subject)
    _draw()
    second = subject.batch(*inputs).detach()
    states = zip(before, after, _random_state(), strict=True)
    seeds = any(was != then and then == now for was, then, now in states)
    kept = [name for name, value in _own_state(subject).items() if not _unchanged(held.get(name), value)]
    own = [f"its own state ({', '.join(kept)})"] if kept else []
    touched = (*names, *(["random state"] if random_touched else []), *own)
    slopes = [_slope(subject, inputs) for _ in range(2)]
    same = torch.equal(first, second) and all(_equal(slopes[0], other) for other in slopes[1:])
    things = [name for name in touched if not (seeds and name == "random state")]
    told = [
        *(["it seeded the random state, so that every later draw repeats"] if seeds else []),
        *([f"it changed {' and '.join(things)}"] if things else []),
    ]
    cause = "" if same else _cause(subject, inputs)
    return Manners(
        deterministic=no(_CAUSES[cause], inputs) if cause else yes(_CAUSES[cause]),
        cause=cause,
        pure=no(" and ".join(told), inputs) if touched else yes("it left everything as it was"),
        touched=touched,
        seeds=seeds,
        trainable=_trainable(slopes[0], inputs),
        inputs=inputs,
    )


def _rewritten(subject: Subject) -> list[str]:
    """The inputs that are changed in place where predictions are far out, as by a clamp."""
    domain = subject.prediction
    first, *rest = subject.inputs(_ROWS)
    if domain.normalised or domain.low > -math.inf or domain.high < math.inf:
        return []
    far = (100 * first, *rest)
    given = tuple(x.clone() for x in far)
    try:
        subject.call(*subject.shaped(given))
    except Exception:
        return []
    return [name for (name, _), x, y in zip(subject.domains, far, given, strict=True) if not torch.equal(x, y)]


def _own_state(subject: Subject) -> dict[str, Any]:
    """The numbers and tensors that a loss holds, by name: its attributes, buffers and parameters."""
    call = subject.call if subject.stand is None else subject.stand.loss
    found: dict[str, Any] = {}
    for name, value in getattr(call, "__dict__", {}).items():
        inner: dict[str, Any] = value if name in ("_buffers", "_parameters") else {name: value}
        found |= {key: x.detach().clone() if isinstance(x, Tensor) else x for key, x in inner.items()}
    return {name: x for name, x in found.items() if isinstance(x, Tensor | int | float | str)}


def _unchanged(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
    return type(one) is type(other) and str(one) == str(other)


def _cause(subject: Subject, inputs: Inputs) -> str:
    """Why equal calls differ, told by calls under equal seeds that keep what the others returned."""
    found: list[Tensor] = []
    for attempt in range(4):
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        litter(attempt)
        found.append(subject.batch(*inputs).detach())
    if all(torch.equal(found[0], other) for other in found[1:]):
        return "random"
    sizes = torch.stack([x.double().abs().max() for x in found])
    unlikely = ~sizes.isfinite() | (sizes > 1e20) | ((sizes > 0) & (sizes < 1e-30))
    return "memory" if bool(unlikely.any()) else "state"


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


def _draw() -> None:
    """Move the global random states on."""
    for draw in (lambda: torch.rand(1), random.random, np.random.random):
        draw()


def _random_state() -> tuple[object, ...]:
    """The global random states, as things that can be compared."""
    legacy = np.random.get_state()  # noqa: NPY002  (the state to protect is the global one)
    return torch.random.get_rng_state().tolist(), random.getstate(), [str(part) for part in legacy]
