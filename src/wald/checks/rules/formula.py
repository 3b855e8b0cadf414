"""Whether the formula on the card is the loss.

The formula is what people read and what pictures are drawn from, and `per_example` is what runs. They are worked
out side by side, the one by Python on plain numbers, the other by torch. A loss of classes that takes probabilities
as a target too is held to the mean over the classes that they stand for, and where the card says what each example
adds to the denominator, the mean of a batch is held to that. Exact hits and the ends of a domain are looked at too, as
a case of its own often begins there; where the plain formula has no value at such a place, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import math
from operator import mul
from typing import Any

import torch
from torch import Tensor

from ...cards import REQUIRED, Card, Formula, Real
from ...core import Loss, Supervised
from ...findings import Finding, State
from ..measured import Measured
from ..subjects.draw import draw
from ..subjects.subject import CLASSES, Inputs, Subject
from .rule import Rule, shown

_ROWS = 24


def look(measured: Measured) -> Iterator[Finding]:
    """Two dozen typical examples."""
    loss = measured.subject.loss
    if loss is None:
        return
    formula = loss.card.formula
    if not isinstance(formula, Formula):
        yield _finding("not_applicable", "its formula is told in words")
        return
    silent = _silent(loss)
    if silent:
        yield _finding("not_applicable", f"its formula holds where {', '.join(silent)} {_is(silent)} at the default")
        return
    yield _compared(measured.subject, loss, formula)


def _silent(loss: Loss) -> list[str]:
    """Fields of which the formula does not speak and that are not at their defaults."""
    fields = dataclasses.fields(loss)  # pyright: ignore[reportArgumentType]
    values = {field.name: getattr(loss, field.name) for field in fields}
    defaults = {field.name: field.default for field in fields if field.default is not REQUIRED}
    return type(loss).card.unspoken(values, defaults)


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _compared(subject: Subject, loss: Loss, formula: Formula) -> Finding:
    soft = any(domain.soft for _, domain in loss.named_domains)
    batches = [subject.inputs(_ROWS)]
    if soft:
        batches.append(draw(loss, _ROWS, subject.generator(), classes=CLASSES, soft=True))
    for inputs in batches:
        try:
            told = [_told(subject, loss, formula, inputs, row) for row in range(_ROWS)]
            shares = _shares(subject, loss, inputs)
        except Exception as error:
            return _finding("error", f"its formula cannot be worked out: {type(error).__name__}: {error}")
        wrong = _differing(subject, loss, inputs, told) or _averaged(subject, loss, inputs, told, shares)
        if wrong is not None:
            return wrong
    ends = _at_the_ends(loss, batches[0])
    told = [_told_or_nothing(subject, loss, formula, ends, row) for row in range(len(ends[0]))]
    wrong = _differing(subject, loss, ends, told) or _left_out(subject, loss, formula, batches[0])
    return wrong or _finding("pass", "the formula on its card is the loss")


def _differing(subject: Subject, loss: Loss, inputs: Inputs, told: list[float]) -> Finding | None:
    """The first example of which the formula says another value; NaN says nothing."""
    for row, (value, says) in enumerate(zip(subject.values(*inputs).tolist(), told, strict=True)):
        if not math.isnan(says) and not _close(says, value):
            # Alone it is another example where examples meet.
            point = inputs if loss.card.coupling == "coupled" else tuple(x[row : row + 1] for x in inputs)
            return _finding(
                "fail",
                f"the formula on its card gives {says:.6g} where the loss gives {value:.6g}",
                fix="Mend the formula on the card, or per_example.",
                evidence={"reproduce": shown(subject, point), "row": row},
            )
    return None


def _averaged(
    subject: Subject, loss: Loss, inputs: Inputs, told: list[float], shares: list[float] | None
) -> Finding | None:
    """The mean of a batch of which the card says another one, by what each example adds to the denominator."""
    if shares is None:
        return None
    weight = [1 + row % 3 for row in range(len(told))]
    says = math.fsum(map(mul, weight, told)) / math.fsum(map(mul, weight, shares))
    value = float(loss(*subject.shaped(inputs), weight=torch.tensor(weight, dtype=inputs[0].dtype)))
    if _close(says, value):
        return None
    return _finding(
        "fail",
        f"by the shares on its card a weighted mean is {says:.6g}, where the loss gives {value:.6g}",
        fix="Mend the share on the card, or share.",
        evidence={"reproduce": shown(subject, inputs)},
    )


def _shares(subject: Subject, loss: Loss, inputs: Inputs) -> list[float] | None:
    share = loss.card.share
    if not isinstance(share, Formula):
        return None
    return [_told(subject, loss, share, inputs, row) for row in range(len(inputs[0]))]


def _left_out(subject: Subject, loss: Loss, formula: Formula, inputs: Inputs) -> Finding | None:
    """An example that costs something else because one that a mask leaves out is still met."""
    if loss.card.coupling != "coupled":
        return None
    mask = torch.arange(_ROWS // 2) % 4 != 1
    batch = tuple(x[: len(mask)] for x in inputs)
    here = tuple(x[mask] for x in batch)
    told = [_told(subject, loss, formula, here, row) for row in range(len(here[0]))]
    values = loss(*subject.shaped(batch), mask=mask, reduction="none")[mask].tolist()
    for value, says in zip(values, told, strict=True):
        if not _close(says, value):
            return _finding(
                "fail",
                f"with a mask an example costs {value:.6g}, and {says:.6g} in a batch without those that it leaves out",
                fix="Let per_example take `keep`, and leave the others out of all that examples have to do with each "
                "other.",
                evidence={"reproduce": shown(subject, batch), "mask": mask.tolist()},
            )
    return None


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def _at_the_ends(loss: Loss, inputs: Inputs) -> Inputs:
    """Half of the examples, with entries at the ends of their domain, and predictions that hit."""
    found: list[Tensor] = []
    for place, (x, (_, domain)) in enumerate(zip(inputs, loss.named_domains, strict=True)):
        x = x[: _ROWS // 2].clone()
        if x.is_floating_point() and not domain.normalised:
            if domain.low > -math.inf and not domain.open_low:
                x.flatten()[::3] = domain.low
            if domain.high < math.inf:
                x.flatten()[1::3] = domain.high
            if place and x.shape == found[0].shape and loss.named_domains[0][1].low <= domain.low:
                found[0].flatten()[::4] = x.flatten()[::4]
        found.append(x)
    return tuple(found)


def _told_or_nothing(subject: Subject, loss: Loss, formula: Formula, inputs: Inputs, row: int) -> float:
    try:
        says = _told(subject, loss, formula, inputs, row)
    except (ArithmeticError, ValueError, LookupError):
        return math.nan
    return says if math.isfinite(says) else math.nan


def _told(subject: Subject, loss: Loss, formula: Formula, inputs: Inputs, row: int) -> float:
    """What the formula gives for one example; a target of probabilities costs what its classes cost on average."""
    fields = {field.name: getattr(loss, field.name) for field in dataclasses.fields(loss)}  # pyright: ignore[reportArgumentType]
    named = dict(zip((name for name, _ in loss.named_domains), subject.shaped(inputs), strict=True))
    if loss.card.coupling == "coupled":
        return formula(**fields, i=row, **{name: x.tolist() for name, x in named.items()})
    example = {name: x[row].tolist() for name, x in named.items()}
    chances = [name for name, domain in loss.named_domains if domain.soft and named[name].is_floating_point()]
    if not chances:
        return formula(**fields, **example)
    shares: list[float] = example.pop(chances[0])
    return math.fsum(share * formula(**fields, **example, **{chances[0]: k}) for k, share in enumerate(shares))


def _finding(state: State, says: str, fix: str = "", evidence: Mapping[str, Any] | None = None) -> Finding:
    return Finding(
        code="W311",
        state=state,
        question="claims",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="two dozen typical examples",
    )


def _carrying(text: str) -> Subject:
    """Squared error with this formula on its card."""

    class Squared(Supervised):
        def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
            return (prediction - target).square()

    # The card is set on the finished class, so that this loss does not enter the catalogue.
    Squared.card = Card(task="regression", inputs={"prediction": Real, "target": Real}, formula=Formula(text))
    loss = Squared()
    return Subject(name="control", recipe="", call=loss, task="regression", domains=loss.named_domains, loss=loss)


RULE = Rule(
    codes={"W311": "the formula on the card is not the loss"},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=lambda: _carrying("abs(prediction - target)"),
    clean=lambda: _carrying("(prediction - target)**2"),
)
