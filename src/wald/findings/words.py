"""Numbers and counts in words, the same in every rendering."""

from __future__ import annotations

from math import isinf, isnan
from typing import TYPE_CHECKING, Any

from wald.findings.state import COUNTED, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wald.findings.finding import Finding
    from wald.findings.state import State


_MOST = 12


def number_words(value: float | None) -> str:
    """Write a number as a person would, to three figures: 0.07, 12345, 1.3e-07, ∞."""
    if value is None or isnan(value):
        return "unknown"
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    if 999.5 <= abs(value) < 1e7:
        return f"{value:.0f}"
    return f"{value:.3g}"


def interval_words(interval: tuple[float, float]) -> str:
    """Write an interval: [0.06, 0.09]."""
    low, high = interval
    return f"[{number_words(low)}, {number_words(high)}]"


def effect_words(finding: Finding) -> str:
    """Write an effect with its unit and interval: 0.07 MAE [0.06, 0.09]. Empty where nothing was measured."""
    if finding.effect is None:
        return ""
    parts = [number_words(finding.effect), finding.unit]
    if finding.interval is not None:
        parts.append(interval_words(finding.interval))
    return " ".join(part for part in parts if part)


def quantity_words(value: float | None, unit: str) -> str:
    """Write a number with its unit; empty where there is none."""
    return "" if value is None else f"{number_words(value)} {unit}".strip()


def counts_words(counts: Mapping[str, int]) -> str:
    """Write the counts: 31 planned: 27 passed, 1 warning, 1 failed, 2 not run."""
    said = [state_words(state, counts[state]) for state in COUNTED if counts[state]]
    return f"{counts['planned']} planned: {', '.join(said)}" if said else "0 planned"


def state_words(state: State, count: int) -> str:
    """Write how many are in a state: 1 warning, 2 warnings, 2 not run."""
    plural = "s" if state in ("warn", "error") and count != 1 else ""
    return f"{count} {WORDS[state]}{plural}"


def verdict_words(verdict: State, counts: Mapping[str, int]) -> str:
    """Write the verdict. What was not run is named beside a pass, so that it is never taken for one."""
    if verdict == "pass" and counts["not_run"]:
        return f"passed, {state_words('not_run', counts['not_run'])}"
    return WORDS[verdict]


def entry_words(name: str, value: Any) -> str:
    """Write the value of one entry of a card, by its name: a loss that it equals, with scale and shift, as a sum."""
    if name == "known_as" and isinstance(value, dict):
        known: dict[str, Any] = value
        scale, shift = float(known.get("scale", 1)), float(known.get("shift", 0))
        times = "" if scale == 1 else f"{number_words(scale)} × "
        plus = "" if shift == 0 else f" {'+' if shift > 0 else '-'} {number_words(abs(shift))}"
        return f"{times}{known.get('loss')}{plus}"
    return card_words(value)


def card_words(value: Any) -> str:
    """Write one entry of a card: lists joined, None as "does not apply"."""
    if value is None:
        return "does not apply"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_words(value)
    if isinstance(value, dict):
        items: dict[str, Any] = value
        return ", ".join(f"{key}: {card_words(item)}" for key, item in items.items())
    if isinstance(value, list | tuple):
        members: list[Any] = list(value)
        # The file has them all; a person who reads stops at a dozen.
        more = [f"and {len(members) - _MOST} more"] if len(members) > _MOST else []
        return ", ".join([card_words(item) for item in members[:_MOST]] + more) or "none"
    return str(value)
