"""What `Focal(gamma=5)` means, worked out from the catalogue alone: the command's own way without torch."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from functools import cached_property
from typing import Any

from ..cards import REQUIRED, shelf
from ..cards.instead import fields_instead
from ..cards.param import settle
from ..cards.ports import preset
from ..cards.shelf import Entry
from .wrappers import made, outlines


@dataclass(frozen=True)
class Understood:
    """A loss of the catalogue at some values of its fields.

    Attributes:
        entry: the loss.
        fields: the loss, or a stand-in with a value for every field, held to its range as the loss itself would.
    """

    entry: Entry
    fields: Any

    @property
    def values(self) -> dict[str, Any]:
        """The value of every field."""
        return {name: getattr(self.fields, name) for name in self.entry.fields}

    @cached_property
    def card(self) -> Any:
        """The card at these values. `Any`, because a type checker cannot know that every claim is worked out."""
        return self.entry.card.of(self.fields)

    @property
    def unspoken(self) -> list[str]:
        """The fields away from their defaults of which the formula does not speak, so that it does not hold."""
        fields = self.entry.fields.items()
        defaults = {name: field.default for name, field in fields if field.default is not REQUIRED}
        return self.entry.card.unspoken(self.values, defaults)

    def __str__(self) -> str:
        shown = [
            f"{name}={value!r}"
            for name, value in self.values.items()
            if not (self.entry.fields[name].metadata["quiet"] and value == self.entry.fields[name].default)
        ]
        return f"{self.entry.name}({', '.join(shown)})"


def understand(expression: str) -> Understood:
    """The loss that a name, an alias or an expression such as `Focal(gamma=5)` means.

    Fields without a default take the first value worth testing.

    Raises:
        KeyError: no loss is known by that name; the message gives the nearest ones.
        ValueError: a field is not known, is not a plain value, or is out of range.
    """
    expression = expression.strip().removeprefix("wald.")
    name, bracket, rest = expression.partition("(")
    if name in outlines():
        return Understood(*made(expression))
    entry = shelf.find(name.strip())
    given = _given(expression, f"_({rest}") if bracket else {}
    if (like := given.pop("like", None)) is not None:
        given = {**preset(entry.name, entry.card.ports, like), **given}
    if not given.keys() <= entry.fields.keys():
        raise ValueError(fields_instead(entry.name, entry.fields, given, allows=lambda kept: _can_be_made(entry, kept)))
    return Understood(entry, _instance(entry, given))


def _given(expression: str, call: str) -> dict[str, Any]:
    try:
        tree = ast.parse(call, mode="eval").body
    except SyntaxError:
        tree = None
    if not isinstance(tree, ast.Call) or not all(k.arg for k in tree.keywords):
        raise ValueError(f"{expression!r} is not an expression such as Focal(gamma=2).")
    if tree.args:
        raise ValueError(f"{expression!r}: fields are given by name, as in Focal(gamma=2).")
    try:
        return {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
    except ValueError:
        raise ValueError(f"{expression!r}: fields take plain values: numbers, words, lists of them.") from None


def _instance(entry: Entry, given: Mapping[str, Any]) -> Any:
    """A stand-in for the loss: the same fields under the same rules, and nothing else."""
    fields = [(n, Any, field(default=_start(f), metadata=f.metadata)) for n, f in entry.fields.items()]
    made = make_dataclass(entry.name, fields, frozen=True, kw_only=True)(**given)
    settle(made)
    return made


def _can_be_made(entry: Entry, given: Mapping[str, Any]) -> bool:
    try:
        _instance(entry, given)
    except (TypeError, ValueError):
        return False
    return True


def _start(declared: Any) -> Any:
    if declared.default is not REQUIRED:
        return declared.default
    return (declared.metadata["choices"] or declared.metadata["typical"] or (None,))[0]
