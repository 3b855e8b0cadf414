"""A check in three sentences: what the loss does, where it breaks, what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import re
from typing import Any, Final

from ..findings import Finding
from ..findings.state import STATES

_BAD: Final = ("fail", "error", "warn")
#: So many things are told; the others are in the list.
_TOLD: Final = 3

_PLAIN: Final = {
    "mean": "the mean of the targets",
    "median": "the median of the targets, with half of them below",
    "mode": "which label is the likelier, and not how likely it is",
    "probability": "the probability of a yes",
    "distribution": "the whole distribution of the target",
    "geometric mean": "the geometric mean of the targets",
    "harmonic mean": "the harmonic mean of the targets",
    "m-functional": "a middle of the targets that is neither their mean nor a quantile",
}


def summarised(card: Mapping[str, Any], findings: Iterable[Finding]) -> dict[str, str]:
    """The three sentences, by what they answer; none about what was not measured."""
    rows = [one for one in findings if one.state in _BAD]
    rows.sort(key=lambda one: (STATES.index(one.state), one.code))
    told = {"what it does": _does(card, findings)} if card.get("elicits") else {}
    return told | {"where it breaks": _breaks(rows), "what to change": _change(rows)}


def _does(card: Mapping[str, Any], findings: Iterable[Finding]) -> str:
    away = next((one for one in findings if one.code == "W501" and one.state == "fail"), None)
    if away is not None:
        return "Minimised, it drives predictions away from the targets."
    inputs = card.get("inputs") or {}
    parts = [f"Minimised, it predicts {_statistic(card)}."]
    threshold = card.get("threshold")
    if isinstance(threshold, float):
        cut = "a probability of 0.5" if "probability" in str(inputs.get("prediction", "")) else "a score of 0"
        where = "where that is likelier" if abs(threshold - 0.5) <= 0.01 else f"from a chance of {threshold:.1%}"
        parts.append(f"Cut at {cut}, it says yes {where}.")
    match card.get("reduction"), card.get("coupling"):
        case (_, "coupled"):
            parts.append("What an example costs depends on the others in its batch.")
        case ("sum", _):
            parts.append("A batch costs the sum of its examples, so a larger one takes larger steps.")
        case ("transform of mean", _):
            parts.append("A batch costs a transform of the mean, so parts of a batch do not add up.")
        case _:
            pass
    return " ".join(parts)


def _statistic(card: Mapping[str, Any]) -> str:
    name = str(card["elicits"])
    if name in _PLAIN:
        return _PLAIN[name]
    if found := re.fullmatch(r"quantile\(([\d.]+)\)", name):
        return f"the value that {float(found[1]):.4g} of the targets lie below"
    if found := re.fullmatch(r"(mean|median|quantile\([\d.]+\)) through (.*)", name):
        return f"the {found[1]} of the targets on the scale of {found[2]}"
    if name in ("none", "unresolved"):
        if card.get("invertible") == "yes":
            return "a score from which the probability can be read, and that is not the probability"
        if card.get("calibrated") == "yes":
            return "scores of which the largest names the likeliest class"
        return "nothing that has a name" if name == "none" else "something that could not be resolved"
    return f"the {' and '.join(name.split(', '))} of the target"


def _breaks(rows: list[Finding]) -> str:
    if not rows:
        return "Nowhere that was looked at."
    said = [_sentence(one.says) for one in _different(rows)[:_TOLD]]
    more = len(_different(rows)) - len(said)
    return " ".join([*said, *([f"And {more} more."] if more > 0 else [])])


def _change(rows: list[Finding]) -> str:
    fixes = list(dict.fromkeys(one.fix for one in _different(rows) if one.fix))
    if not fixes:
        return "Nothing." if not rows else "Nothing that is known here."
    return " ".join(_sentence(fix) for fix in fixes[:_TOLD])


def _different(rows: list[Finding]) -> list[Finding]:
    """One of each code, the worst."""
    first: dict[str, Finding] = {}
    for one in rows:
        first.setdefault(one.code, one)
    return list(first.values())


def _sentence(text: str) -> str:
    text = text.strip()
    return (text[:1].upper() + text[1:]).rstrip(".") + "."
