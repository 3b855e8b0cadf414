"""What to write instead of a field that a loss has not: by the habits of other libraries, or by spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field
from difflib import get_close_matches
from typing import Any, Final

from . import habits
from .card import Card
from .ports import library

#: Longer values are not spelled out in a message, and of more fields only the names.
_SPELLED: Final = 40
_DESCRIBED: Final = 4


def fields_instead(
    owner: str,
    fields: Mapping[str, Field[Any]],
    given: Mapping[str, Any],
    *,
    inputs: tuple[str, ...] = (),
    allows: Callable[[Mapping[str, Any]], bool] = lambda given: True,
) -> str:
    """What to write instead of `owner(**given)`, some of whose names are no fields.

    Args:
        owner: the name of the loss.
        fields: those that it has.
        given: what was written.
        inputs: the names of what the loss is called with.
        allows: whether the loss can be made of these fields; what it cannot be made of is not told.

    >>> from wald.cards import param
    >>> fields_instead("Huber", {"delta": param(default=1.0, help="where it turns")}, {"beta": 2.0})
    'Huber has no field beta: it is called delta here (where it turns). Use Huber(delta=2.0).'
    """
    kept = {name: value for name, value in given.items() if name in fields}
    called: dict[str, Any] = {}
    told: list[str] = []
    unknown = [name for name in given if name not in fields]
    puzzling = final = False
    for name in unknown:
        value = given[name]
        if (found := habits.ours(name, fields)) is not None:
            field, made = found
            change = _made(made, value)
            if change is not None:
                kept.setdefault(field, change)
            told.append(f"{name}: it is called {field} here ({_help(fields[field])})")
        elif name in habits.LEFT_OUT:
            told.append(f"{name}: {habits.LEFT_OUT[name]}")
        elif name in habits.IN_ITS_PLACE:
            final = True
            told.append(f"{name}: {habits.IN_ITS_PLACE[name]}")
        elif name in habits.SAID_WHEN_CALLED:
            word = habits.SAID_WHEN_CALLED[name]
            called[word] = repr(reduction_instead(name, value)) if word == "reduction" else "..."
            each = ", one number for each example," if word == "weight" else ""
            told.append(f"{name}: {word}{each} is said when the loss is called")
        elif near := get_close_matches(_plain(name), {_plain(field): field for field in fields}, n=1, cutoff=0.6):
            field = next(field for field in fields if _plain(field) == near[0])
            kept.setdefault(field, value)
            told.append(f"{name}: did you mean {field} ({_help(fields[field])})?")
        else:
            puzzling = True
            told.append(name)
    said = f"{owner} has no field {'; no field '.join(told)}"
    said += "" if said.endswith("?") else "."
    if puzzling:
        # Nothing that is known stands in its place: the reader chooses.
        return f"{said} {_listed(owner, fields)}"
    unsaid = {name: ... for name, field in fields.items() if name not in kept and field.default is MISSING}
    if final or not (unsaid or allows(kept)):
        return said
    call = f"({', '.join([*(inputs or ('...',)), *(f'{name}={value}' for name, value in called.items())])})"
    return f"{said} Use {written(owner, kept | unsaid)}{call if called else ''}."


def _listed(owner: str, fields: Mapping[str, Field[Any]]) -> str:
    if not fields:
        return "It has none."
    if len(fields) > _DESCRIBED:
        return f"Its fields are {', '.join(fields)}; `wald show {owner}` says what each does."
    return f"Its fields are {'; '.join(f'{name}: {_help(field)}' for name, field in fields.items())}."


def written(owner: str, fields: Mapping[str, Any]) -> str:
    """A loss as it is written down; values too long for a line are `...`.

    >>> written("Huber", {"delta": 2.0})
    'Huber(delta=2.0)'
    """
    return f"{owner}({', '.join(_written(fields))})"


def made_as(name: str, card: Card, elsewhere: str) -> str:
    """How the loss `name` is made, and called, by somebody who knows it as `elsewhere`.

    >>> from wald.cards import Card, Real
    >>> card = Card(task="regression", inputs={"prediction": Real, "target": Real}, formula="")
    >>> made_as("Squared", card, "mse_loss")
    'wald.Squared; make it, and then call it: wald.Squared()(prediction, target)'
    """
    plain = elsewhere.lower().replace("_", "")
    there = {
        port: fields for port, fields in card.ports.items() if port.rpartition(".")[2].lower().replace("_", "") == plain
    }
    same = list(there.values())
    # Where libraries disagree about one name, the reader must say whose is meant.
    fields = same[0] if same and all(each == same[0] for each in same) else {}
    inputs = ", ".join(card.inputs) if isinstance(card.inputs, Mapping) else "prediction, target"
    told = f"wald.{name}; make it, and then call it: wald.{written(name, fields)}({inputs})"
    if fields:
        return f"{told}, with the fields at which it is that of {library(next(iter(there)))}"
    if any(each != same[0] for each in same):
        return f"{told}; where a library has other defaults: {' or '.join(f'like={port!r}' for port in there)}"
    return told


def reduction_instead(name: str, value: Any) -> str:
    """The reduction that an argument `name` with this value means elsewhere.

    >>> reduction_instead("size_average", False), reduction_instead("reduction", "batchmean")
    ('sum', 'mean')
    """
    if name == "size_average":
        return "mean" if value else "sum"
    if name == "reduce":
        return "mean" if value else "none"
    try:
        return habits.REDUCTIONS.get(value, value if value in ("mean", "sum", "none") else "mean")
    except TypeError:
        return "mean"


def input_instead(name: str, wanted: tuple[str, ...]) -> str | None:
    """Which of the inputs `wanted` is known as `name` elsewhere; None if none is.

    >>> input_instead("y_true", ("prediction", "target"))
    'target'
    """
    for words, meant in habits.INPUTS:
        if name.lower() in words:
            for each in meant:
                if each in wanted:
                    return each
    near = get_close_matches(name, wanted, n=1, cutoff=0.7)
    return near[0] if near else None


def _written(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_shown(value)}" for name, value in values.items()]


def _shown(value: Any) -> str:
    if value is ...:
        return "..."
    text = repr(value)
    return text if len(text) <= _SPELLED and "\n" not in text and not text.startswith("<") else "..."


def _made(made: Callable[[Any], Any], value: Any) -> Any:
    try:
        return made(value)
    except (TypeError, ValueError, ZeroDivisionError, KeyError):
        return value


def _help(field: Field[Any]) -> str:
    return str(field.metadata.get("help", ""))


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("iz", "is")
