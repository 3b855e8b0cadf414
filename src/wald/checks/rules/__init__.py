"""The rules of the checker, one a file. A new one is a file here and a name in this list."""

from __future__ import annotations

from typing import Final

from . import (
    bounded,
    broadcast,
    claims,
    decision,
    direction,
    elicits,
    empty,
    finite,
    formula,
    hidden,
    hit,
    manners,
    reduction,
    trainable,
)
from .rule import Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    file.RULE
    for file in (
        elicits,
        decision,
        direction,
        bounded,
        finite,
        hit,
        hidden,
        empty,
        reduction,
        broadcast,
        trainable,
        manners,
        claims,
        formula,
    )
)

#: Every code, with what it stands for and the explanation of its rule.
CODES: Final[dict[str, tuple[str, str]]] = {
    code: (title, rule.explains) for rule in RULES for code, title in sorted(rule.codes.items())
}
