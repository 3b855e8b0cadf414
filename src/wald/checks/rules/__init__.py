"""The rules of the checker, one a file. A new one is a file here and a name in this list."""

from __future__ import annotations

from typing import Final

from . import (
    arguments,
    backward,
    blind,
    bounded,
    broadcast,
    cheats,
    claims,
    decision,
    degenerate,
    derived,
    direction,
    edges,
    elicits,
    empty,
    few,
    finite,
    formula,
    health,
    hidden,
    hit,
    ignored,
    infinite,
    link,
    manners,
    minimal,
    mistaken,
    modes,
    named,
    noise,
    promises,
    reduction,
    shape,
    targets,
    terms,
    top,
    trainable,
    unclear,
    weights,
)
from .rule import Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    file.RULE
    for file in (
        elicits,
        decision,
        top,
        link,
        noise,
        direction,
        bounded,
        shape,
        cheats,
        blind,
        minimal,
        degenerate,
        finite,
        health,
        hit,
        hidden,
        infinite,
        empty,
        few,
        weights,
        targets,
        reduction,
        broadcast,
        trainable,
        manners,
        modes,
        derived,
        unclear,
        edges,
        backward,
        arguments,
        ignored,
        terms,
        claims,
        named,
        mistaken,
        promises,
        formula,
    )
)

#: Every code, with what it stands for and the explanation of its rule.
CODES: Final[dict[str, tuple[str, str]]] = {
    code: (title, rule.explains) for rule in RULES for code, title in sorted(rule.codes.items())
}
