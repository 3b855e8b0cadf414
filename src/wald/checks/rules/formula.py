"""Whether the formula on the card is the loss.

The formula is what people read and what pictures are drawn from, and `per_example` is what runs. They are worked
out side by side, the one by Python on plain numbers, the other by torch. A loss of classes that takes probabilities
as a target too is held to the mean over the classes that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import math
from typing import Any

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
        yield _finding("not_applicable", "its formula takes more than one example and is told in words")
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
    for each in (False, True) if soft else (False,):
        inputs = draw(loss, _ROWS, subject.generator(), classes=CLASSES, soft=True) if each else subject.inputs(_ROWS)
        values = subject.values(*inputs)
        for row, value in enumerate(values.tolist()):
            try:
                told = _told(subject, loss, formula, inputs, row)
            except Exception as error:
                return _finding("error", f"its formula cannot be worked out: {type(error).__name__}: {error}")
            if not math.isclose(told, value, rel_tol=1e-9, abs_tol=1e-9):
                # Alone it is another example where examples meet.
                point = inputs if loss.card.coupling == "coupled" else tuple(x[row : row + 1] for x in inputs)
                return _finding(
                    "fail",
                    f"the formula on its card gives {told:.6g} where the loss gives {value:.6g}",
                    fix="Mend the formula on the card, or per_example.",
                    evidence={"reproduce": shown(subject, point), "row": row},
                )
    return _finding("pass", "the formula on its card is the loss")


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
