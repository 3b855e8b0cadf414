"""The seven states a finding can be in, and how several of them add up to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

State: TypeAlias = Literal["pass", "warn", "fail", "inconclusive", "not_applicable", "not_run", "error"]

STATES: tuple[State, ...] = ("fail", "error", "warn", "inconclusive", "not_run", "not_applicable", "pass")
"""Every state, the most severe first: the order in which a reader should meet them."""

COUNTED: tuple[State, ...] = ("pass", "warn", "fail", "inconclusive", "not_applicable", "not_run", "error")
"""Every state, in the order in which a report counts them."""

WORDS: dict[State, str] = {
    "pass": "passed",
    "warn": "warning",
    "fail": "failed",
    "inconclusive": "inconclusive",
    "not_applicable": "not applicable",
    "not_run": "not run",
    "error": "error",
}
"""What a person reads for each state; a colour or a symbol never stands alone."""

SYMBOLS: dict[State, str] = {
    "pass": "✓",
    "warn": "!",
    "fail": "✗",
    "inconclusive": "?",
    "not_applicable": "–",
    "not_run": "○",
    "error": "‼",
}


def count_states(states: Iterable[State]) -> dict[str, int]:
    """Count the states, under exactly the keys `planned` and the seven states."""
    seen = list(states)
    return {"planned": len(seen)} | {state: seen.count(state) for state in COUNTED}


def overall_state(states: Iterable[State]) -> State:
    """Say what several states come to: fail, else error, warn, inconclusive, pass.

    A pass needs something that passed. What was planned and not run, and an empty plan, is `not_run`;
    where nothing could have applied it is `not_applicable`.
    """
    seen = set(states)
    for state in ("fail", "error", "warn", "inconclusive", "pass", "not_run"):
        if state in seen:
            return state
    return "not_applicable" if seen else "not_run"
