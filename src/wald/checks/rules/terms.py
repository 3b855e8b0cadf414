"""Whether every term of the loss does something.

A term that is zero for every input, because a softmax over one channel is always one or a mask never matches, and a
term that moves with the prediction but lets no gradient through, because it is made of `argmax`, of comparisons or
of a `.detach()`: both are in the sum that is reported, and neither is learned from. The parts of every sum of single
numbers are watched over batches that differ, and the parts of a module, the losses that it holds, as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ...findings import Finding, State
from ..behaviour.terms import Term, terms_of
from ..measured import Measured
from ..subjects.grids import inside
from ..subjects.subject import Inputs, Subject
from .rule import Rule, regression, squared_error, told_again

_ROWS, _BATCHES = 8, 4
#: The move of a prediction that a step function does not feel, and a smooth term does.
_NUDGE = 1e-6


def look(measured: Measured) -> Iterator[Finding]:
    """Terms of sums, then the parts of a module."""
    subject = measured.subject
    if subject.stand is None and subject.loss is not None:
        yield _finding("not_applicable", "it has one formula, of which no term can be left out")
        return
    batches = list(_batches(subject))
    accused = [*_sums(subject, batches), *_modules(subject, batches)]
    yield from accused or [_finding("pass", "no term was found that is constant or without a gradient")]


def _batches(subject: Subject) -> Iterator[Inputs]:
    generator = subject.generator()
    for place in range(_BATCHES):
        first, *rest = subject.inputs(_ROWS, generator)
        yield (inside(subject.prediction, (1.0, 3.0)[place % 2] * first), *rest)


def _sums(subject: Subject, batches: list[Inputs]) -> Iterator[Finding]:
    runs = [terms_of(subject.batch, *inputs) for inputs in batches]
    nudged = [terms_of(subject.batch, *_nudged(subject, inputs)) for inputs in batches]
    if any([_key(one) for one in run] != [_key(one) for one in runs[0]] for run in (*runs, *nudged)):
        return  # it adds up other things for other inputs, so that nothing can be compared
    # A line that is run again and again, as where a loop adds up, is one term.
    for key in dict.fromkeys(_key(one) for one in runs[0]):
        here = [[one for one in run if _key(one) == key] for run in runs]
        first = here[0][0]
        values = [one.value for run in here for one in run]
        after = [one.value for run in nudged for one in run if _key(one) == key]
        still = max(values) - min(values) <= 1e-12 * max(map(abs, values))
        if still and values == after:
            yield _term(subject, first, f"is {values[0]:.4g} for every input", "W804")
        elif not first.follows and values == after:
            yield _term(subject, first, "changes with the prediction in steps, and has no gradient", "W805")


def _key(term: Term) -> tuple[object, int]:
    return term.line, term.place


def _nudged(subject: Subject, inputs: Inputs) -> Inputs:
    first, *rest = inputs
    return (inside(subject.prediction, first * (1 + _NUDGE)), *rest)


def _term(subject: Subject, term: Term, does: str, code: str) -> Finding:
    side = "left" if term.place == 0 else "right"
    where = f" of `{term.text}`" if term.text else ""
    return _finding(
        "fail",
        f"a term that it adds up (on the {side}{where}) {does}: it is reported, and not learned from",
        code=code,
        fix="Make the term depend smoothly on the prediction, as with probabilities in place of argmax, or remove it.",
        evidence={
            "line": f"{term.line[0].rpartition('/')[2]}:{term.line[1]}",
            "value": term.value,
            "reproduce": told_again(subject, code),
        },
    )


def _modules(subject: Subject, batches: list[Inputs]) -> Iterator[Finding]:
    """The parts of a module that give the same number whatever they are given."""
    loss = subject.stand.loss if subject.stand is not None else None
    if not isinstance(loss, nn.Module):
        return
    heard: dict[str, list[Tensor]] = {}
    hooks = [
        part.register_forward_hook(_hearing(heard.setdefault(name, [])))
        for name, part in loss.named_children()
        if not isinstance(part, (nn.ModuleList, nn.ModuleDict))
    ]
    try:
        for inputs in batches:
            subject.batch(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for name, values in heard.items():
        sizes = {value.shape for value in values}
        if len(values) >= len(batches) and sizes == {torch.Size()} and float(torch.stack(values).std()) == 0:
            yield _finding(
                "fail",
                f"its part `{name}` is {float(values[0]):.4g} for every input, so it has no influence on training",
                code="W804",
                fix=f"Give `{name}` what it is made for, such as two channels to a softmax, or remove it.",
                evidence={
                    "part": name,
                    "reproduce": told_again(subject, "W804"),
                },
            )


def _hearing(values: list[Tensor]) -> Callable[..., None]:
    def hook(part: nn.Module, given: Any, found: Any) -> None:
        if isinstance(found, Tensor):
            values.append(found.detach().double())

    return hook


def _finding(
    state: State, says: str, *, code: str = "W804", fix: str = "", evidence: dict[str, Any] | None = None
) -> Finding:
    return Finding(
        code=code,
        state=state,
        question="dead parts",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="the parts of every sum, over batches that differ and over the same batch moved by a millionth",
    )


def _with_step(prediction: Tensor, target: Tensor) -> Tensor:
    return squared_error(prediction, target) + (prediction > 0).to(prediction.dtype).mean()


def _with_penalty(prediction: Tensor, target: Tensor) -> Tensor:
    return squared_error(prediction, target) + prediction.square().mean()


RULE = Rule(
    codes={
        "W804": "a term that is constant",
        "W805": "a term without a gradient",
    },
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_with_step),
    clean=lambda: regression(_with_penalty),
)
