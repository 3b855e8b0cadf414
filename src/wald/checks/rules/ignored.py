"""Whether every input of the loss has to do with its value.

A loss that ignores the target can be minimised without learning anything; one that ignores the reference, the old
policy or the negative example is another loss than its name says. Each input but the prediction is replaced by
another draw, and value and gradient are compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from ..subjects.subject import Inputs, Subject
from .rule import Rule, regression, shown, squared_error

_ROWS, _DRAWS = 9, 4


def look(measured: Measured) -> Iterator[Finding]:
    """Every input after the first."""
    subject = measured.subject
    names = [name for name, _ in subject.domains]
    if len(names) < 2:
        yield _finding("not_applicable", "it has one input only")
        return
    ignored = [place for place in range(1, len(names)) if _ignored(subject, place)]
    for place in ignored:
        yield _accused(subject, names[place], place)
    if not ignored:
        yield _finding("pass", f"it depends on {' and '.join(names[1:])}")


def _ignored(subject: Subject, place: int) -> bool:
    generator = subject.generator()
    inputs = subject.inputs(_ROWS, generator)
    before = _answer(subject, inputs)
    others = [subject.inputs(_ROWS, generator)[place] for _ in range(_DRAWS)]
    others += [inputs[place].roll(1, 0), inputs[place].flip(0)]
    return all(_same(before, _answer(subject, _with(inputs, place, other))) for other in others)


def _with(inputs: Inputs, place: int, other: Tensor) -> Inputs:
    return (*inputs[:place], other, *inputs[place + 1 :])


def _answer(subject: Subject, inputs: Inputs) -> tuple[Tensor, Tensor]:
    x = inputs[0].detach().clone().requires_grad_()
    value = subject.batch(x, *inputs[1:])
    if not value.requires_grad:
        return value, torch.zeros_like(x)
    return value.detach(), torch.autograd.grad(value.sum(), x, materialize_grads=True)[0].detach()


def _same(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> bool:
    return all(torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in zip(a, b, strict=True))


def _accused(subject: Subject, name: str, place: int) -> Finding:
    inputs = subject.inputs(2)
    other = _with(inputs, place, inputs[place].flip(0))
    return _finding(
        "fail",
        f"its {name} changes nothing: value and gradient are the same whatever it is, so it cannot be learned from",
        fix=f"Use {name} in the formula; where it is meant to be left out, do not take it.",
        evidence={"input": name, "reproduce": shown(subject, inputs, other)},
    )


def _finding(state: State, says: str, fix: str = "", evidence: dict[str, str] | None = None) -> Finding:
    return Finding(
        code="W802",
        state=state,
        question="dead parts",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="other draws of each input, value and gradient compared bit by bit",
    )


def _shrinks(prediction: Tensor, target: Tensor) -> Tensor:
    return prediction.square().mean() + 0 * target.detach().mean()


RULE = Rule(
    codes={"W802": "an input that changes nothing"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_shrinks),
    clean=lambda: regression(squared_error),
)
