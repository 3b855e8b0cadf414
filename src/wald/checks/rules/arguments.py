"""Whether every argument of the loss does something.

An `ignore_index` that is stored and never read, a weight that multiplies a term which is always zero, a `gamma`
that was meant for the other branch: the code runs, the search over that argument shows nothing, and the model is
trained with another loss than its configuration says. Each argument is changed, a few times where it takes numbers,
and the values and gradients over typical, tiny, large, perfect and one-class batches are compared.

An argument that matters only where another is set otherwise is tried there too. Accused is only one that accepts
other values and moves nothing at all. What it cannot be given another value for is left alone, and so is what has no
business with the value: where it runs, how it talks, what it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ...findings import Finding, State
from ..behaviour.arguments import Argument, Arguments, arguments_of
from ..measured import Measured
from ..subjects.grids import inside
from ..subjects.standin import StandIn
from ..subjects.subject import Inputs, Subject
from .rule import Rule, regression, squared_error, told_again

_ROWS = 12
#: So many other values must be taken, and move nothing, before an argument is called dead; a switch has only one.
_ENOUGH = 2


def look(measured: Measured) -> Iterator[Finding]:
    """Every argument, until one is found dead by each of its other values."""
    subject = measured.subject
    loss = subject.loss if subject.stand is None else subject.stand.loss
    if loss is None:
        yield _finding("not_applicable", "it was given as it is, without arguments")
        return
    batches = list(_batches(subject))
    known = arguments_of(loss, len(subject.domains))
    alive, dead, unknown = list[str](), list[Argument](), list[str]()
    for argument in known.each:
        found = _moves(subject, known, argument, {}, batches)
        if found is False and _moves_elsewhere(subject, known, argument, batches):
            found = True
        if found is None:
            unknown.append(argument.name)
        elif found:
            alive.append(argument.name)
        else:
            dead.append(argument)
    for argument in dead:
        yield _dead(subject, argument)
    if dead:
        return
    if alive:
        yield _finding("pass", f"{', '.join(alive)} {'each change' if len(alive) > 1 else 'changes'} its value")
    else:
        told = f", and no other value of {', '.join(unknown)} was taken" if unknown else ""
        yield _finding("not_applicable", f"it has no argument that can be changed{told}")


def _moves(
    subject: Subject, known: Arguments, argument: Argument, setting: dict[str, Any], batches: list[Inputs]
) -> bool | None:
    """Whether another value of the argument changes any answer; None where too few were taken to say."""
    taken = 0
    try:
        # Made anew like the others, so that nothing but the argument differs.
        before = _answers(subject, known.made({argument.name: argument.value, **setting}), batches)
    except Exception:
        return None
    for other in argument.others:
        try:
            loss = known.made({argument.name: other, **setting})
        except Exception:  # noqa: S112  (a value that it does not take says nothing)
            continue
        after = _answers(subject, loss, batches)
        if all(isinstance(one, str) for one in after):
            continue  # it takes the value and cannot be called with it
        if not all(_same(a, b) for a, b in zip(before, after, strict=True)):
            return True
        taken += 1
    needed = 1 if argument.switch or isinstance(argument.value, Tensor) else _ENOUGH
    return False if taken >= needed else None


def _moves_elsewhere(subject: Subject, known: Arguments, argument: Argument, batches: list[Inputs]) -> bool:
    """Whether it matters where another argument is set otherwise."""
    settings = [(one.name, other) for one in known.each if one is not argument for other in one.others[:_ENOUGH]]
    return any(_moves(subject, known, argument, {name: other}, batches) for name, other in settings)


def _batches(subject: Subject) -> Iterator[Inputs]:
    generator = subject.generator()
    for _ in range(2):
        first, *rest = subject.inputs(_ROWS, generator)
        yield (first, *rest)
        for size in (1e-3, 6.0, 60.0):
            yield (inside(subject.prediction, size * first), *rest)
        if rest and rest[0].shape == first.shape and rest[0].dtype == first.dtype:
            near = 0.5 * torch.rand(first.shape, generator=generator, dtype=torch.float64).to(first)
            yield (inside(subject.prediction, rest[0].clone()), *rest)
            yield (inside(subject.prediction, rest[0] + near - 0.25), *rest)
        if rest and rest[0].is_floating_point() and not subject.target.normalised:
            zero = torch.where(torch.arange(_ROWS).reshape(-1, *[1] * (rest[0].ndim - 1)) % 2 == 0, 0.0, rest[0])
            yield (first, zero.to(rest[0]), *rest[1:])
            if rest[0].shape == first.shape:  # what a ratio comes to where all of it is 0
                yield (inside(subject.prediction, torch.where(zero == 0, 0.0, first)), zero.to(rest[0]), *rest[1:])
        yield (first[:1].expand_as(first).contiguous(), *(x[:1].expand_as(x).contiguous() for x in rest))
    if subject.scalar:
        # A loss of whole rows may take a batch of numbers for one row.
        yield tuple(torch.stack([x, x.roll(1, 0)], -1) for x in subject.inputs(_ROWS, generator))


def _answers(subject: Subject, loss: Callable[..., Any], batches: list[Inputs]) -> list[Any]:
    """The value and gradient on every batch, or what kind of error it raised."""
    found: list[Any] = []
    held = subject.stand.replaced(loss) if isinstance(subject.stand, StandIn) else nullcontext()
    call = subject.batch if subject.stand is not None else lambda *x: loss(*(one.clone() for one in subject.shaped(x)))
    with held:
        for first, *rest in batches:
            x = first.detach().clone().requires_grad_()
            try:
                value = call(x, *rest)
                slope = (
                    torch.autograd.grad(value.sum(), x, materialize_grads=True)[0]
                    if value.requires_grad
                    else torch.zeros_like(x)
                )
            except Exception as error:
                found.append(type(error).__name__)
                continue
            found.append((value.detach(), slope.detach()))
    return found


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a is b or (isinstance(a, str) and isinstance(b, str) and a == b)
    return all(
        x.shape == y.shape and torch.allclose(x, y, rtol=1e-7, atol=0, equal_nan=True)
        for x, y in zip(a, b, strict=True)
    )


def _dead(subject: Subject, argument: Argument) -> Finding:
    tried = ", ".join(_written(one) for one in argument.others[:3])
    return _finding(
        "fail",
        f"its argument {argument.name} changes nothing: {_written(argument.value)}, {tried} give the same values and "
        f"gradients on every batch",
        fix=f"Use {argument.name} in the formula, or remove it, so that nobody tunes what is not there.",
        evidence={
            "argument": argument.name,
            "reproduce": told_again(subject, "W801"),
        },
    )


def _written(value: Any) -> str:
    return f"a tensor of {value.numel()}" if isinstance(value, Tensor) else repr(value)


def _finding(state: State, says: str, fix: str = "", evidence: dict[str, Any] | None = None) -> Finding:
    return Finding(
        code="W801",
        state=state,
        question="dead parts",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="other values of each argument, on typical, tiny, large, perfect and equal inputs",
    )


def _scaled(prediction: Tensor, target: Tensor, scale: float = 1.0) -> Tensor:
    return squared_error(prediction, target) * scale


def _forgets(prediction: Tensor, target: Tensor, scale: float = 1.0) -> Tensor:
    return squared_error(prediction, target)


def _control(loss: Callable[..., Tensor]) -> Subject:
    stand = StandIn(loss)
    return regression(stand, stand=stand)


RULE = Rule(
    codes={"W801": "an argument that changes nothing"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: _control(_forgets),
    clean=lambda: _control(_scaled),
)
