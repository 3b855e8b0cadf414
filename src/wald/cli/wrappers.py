"""Losses of a loss. Such a loss has claims only once it holds one, so that its page, unlike all others, needs torch."""

from __future__ import annotations

import ast
import dataclasses
from functools import cache
import inspect
from pathlib import Path
from typing import Any

from ..cards import REQUIRED
from ..cards.shelf import Entry

#: What a wrapper holds on its page if nobody says: the first of these that it takes.
EXAMPLES = ("Squared()", "BinaryCrossEntropy()", "CrossEntropy()")

_FOLDER = Path(__file__).parent.parent / "wrappers"


@cache
def outlines() -> dict[str, str]:
    """Every wrapper, and its docstring, as the source says them."""
    found: dict[str, str] = {}
    for line in ast.parse((_FOLDER / "__init__.py").read_text("utf-8")).body:
        if isinstance(line, ast.ImportFrom) and line.module:
            names = {each.name for each in line.names}
            for node in ast.parse((_FOLDER / f"{line.module}.py").read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and node.name in names:
                    found[node.name] = inspect.cleandoc(ast.get_docstring(node) or "")
    return found


def made(expression: str) -> tuple[Entry, Any]:
    """The wrapper that `expression` means, around an example where it names no inner loss.

    Raises:
        KeyError, TypeError, ValueError: as `wald.parse` does.
    """
    import wald

    loss: Any = _around_an_example(expression) if expression in outlines() else wald.parse(expression)
    kind: Any = type(loss)
    entry = Entry(
        name=kind.__name__,
        family="Wrapper",
        card=kind.card,
        fields={field.name: field for field in dataclasses.fields(kind)},
        doc=inspect.cleandoc(kind.__doc__ or ""),
    )
    return entry, loss


def _around_an_example(name: str) -> Any:
    import wald

    kind: Any = wald.get(name)
    needed = {field.name: field for field in dataclasses.fields(kind) if field.default is REQUIRED}
    values = {each: field.metadata["typical"][0] for each, field in needed.items() if each != "inner"}
    for inner in EXAMPLES:
        try:
            return kind(inner=wald.parse(inner), **values)
        except TypeError:
            continue
    raise ValueError(f"{name} holds a loss; say which, as in {name}(Huber()).")
