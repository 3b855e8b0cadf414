"""A loss in one line that people read and Python evaluates, without any tensor library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
import re
from types import CodeType
from typing import Any

from .vocabulary import VOCABULARY


@dataclass(frozen=True, slots=True, init=False)
class Formula:
    """`Formula("r**2", r="prediction - target")`: a loss of one example, with names for its parts.

    It speaks of the inputs by the names on the card and of the loss's fields by theirs. It holds whenever
    the fields that it does not mention are at their defaults; a test holds it to `per_example`. Where examples
    meet, an input is the list of all of them, and `i` is the one that is spoken of.

    >>> Formula("scale * r**2", r="prediction - target")(prediction=3.0, target=1.0, scale=0.5)
    2.0
    """

    text: str
    where: tuple[tuple[str, str], ...]

    def __init__(self, text: str, **where: str) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "where", tuple(where.items()))

    def __str__(self) -> str:
        return ", ".join([self.text, *(f"{name} = {part}" for name, part in self.where)])

    @property
    def names(self) -> frozenset[str]:
        """Every name that the text and its parts mention."""
        parts = [self.text, *(part for _, part in self.where)]
        return frozenset(re.findall(r"[A-Za-z_]\w*", " ".join(parts)))

    def __call__(self, **values: Any) -> float:
        """The loss of one example, from its inputs and fields, in plain Python numbers."""
        scope: dict[str, Any] = {"__builtins__": {}, **VOCABULARY, **values}
        # Parts may use earlier parts, so they are worked out in the order in which they are written.
        for name, part in self.where:
            scope[name] = eval(_code(part), scope)  # noqa: S307  (our own text, with no builtins in reach)
        return float(eval(_code(self.text), scope))  # noqa: S307


@cache
def _code(text: str) -> CodeType:
    """A text, read once: a picture asks it a thousand times."""
    return compile(text.strip(), "<formula>", "eval")
