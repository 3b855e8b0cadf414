"""The picture of a loss: its formula along one number of the prediction, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import isfinite, log, nan
from typing import Any, Final

from ..cards import Domain, Formula
from .expression import Understood

#: How many places a curve is worked out at; a terminal draws fewer.
PLACES: Final = 401

#: Every how many places are looked at first, as a formula may take its time.
_APART: Final = 20

#: How many entries an example gets along an axis whose size is not fixed.
ENTRIES: Final = 3


@dataclass(frozen=True)
class Picture:
    """Curves over one axis.

    Attributes:
        axis: what varies, in words.
        x: the places.
        curves: the loss at each place, NaN where it has no value, by what is held fixed.
    """

    axis: str
    x: list[float]
    curves: dict[str, list[float]]


def picture(loss: Understood) -> Picture | str:
    """The curves of this loss, or the reason why there are none."""
    formula = loss.card.formula
    if not isinstance(formula, Formula):
        return "none: the formula is told in words, so that it cannot be worked out here."
    if loss.card.coupling == "coupled":
        return "none: an example has no value of its own, as it meets the others of its batch."
    if loss.unspoken:
        return f"none: the formula holds only where {' and '.join(loss.unspoken)} is at its default."
    if any(len(domain.axes) > 1 for domain in loss.card.inputs.values()):
        return "none: an example is a whole table, of which one number tells little."
    (name, domain), *others = loss.card.inputs.items()
    low, high = _range(domain)
    x = [low + (high - low) * step / (PLACES - 1) for step in range(PLACES)]
    for base in _bases(domain for _, domain in others):
        curves: dict[str, list[float]] = {}
        for fixed in _settings(dict(others), base):
            held = loss.values | {other: value for other, (value, _) in fixed.items()}
            inputs = [held | {name: _placed(domain, at, base)} for at in x]
            # Where a few places show nothing to draw, all of them will not.
            if not _moves([_value(formula, each) for each in inputs[::_APART]]):
                continue
            values = [_value(formula, each) for each in inputs]
            if _moves(values):
                curves[_label({other: told for other, (_, told) in fixed.items()})] = values
        if curves:
            return Picture(_axis(name, domain, base), x, curves)
    return "none: along one number of the prediction this loss has no value or does not change."


def _moves(values: list[float]) -> bool:
    """Whether there is a curve: a value at most places, and not the same at all."""
    finite = [value for value in values if isfinite(value)]
    return len(finite) > len(values) // 2 and max(finite) > min(finite)


def _bases(others: Iterable[Domain]) -> tuple[float, ...]:
    """Where to hold what is held fixed, in the order of trying: at 0, but inside a domain that begins there."""
    return (1.0, 0.0, 0.5) if any(d.low == 0 and d.high > 1 and not d.integer for d in others) else (0.0, 1.0, 0.5)


def _settings(others: Mapping[str, Domain], base: float) -> Iterator[dict[str, tuple[Any, str]]]:
    """Every way to hold the other inputs fixed, each as a value and its words: labels vary, all else is at `base`."""
    choices = [list(_choices(domain, base)) for domain in others.values()]
    for chosen in product(*choices):
        yield dict(zip(others, chosen, strict=True))


def _label(told: Mapping[str, str]) -> str:
    """`rejected, reference = 0; target = 1`: the inputs that are held fixed, those in the same place together."""
    together: dict[str, list[str]] = {}
    for name, place in told.items():
        together.setdefault(place, []).append(name)
    return "; ".join(f"{', '.join(names)} {place}" for place, names in together.items())


def _choices(domain: Domain, base: float) -> Iterator[tuple[Any, str]]:
    if domain.integer and not domain.axes:
        yield 0, "is this class"
        yield 1, "is another class"
    elif (domain.low, domain.high) == (0.0, 1.0) and not domain.normalised:
        for label in (1.0, 0.0):
            yield (_entries(domain, label, 0.0) if domain.axes else label), f"= {label:g}"
    elif domain.normalised:
        yield _placed(domain, 0.8, base), "is this class at 0.8"
    else:
        at = _inside(domain, base)
        yield (_entries(domain, at, at) if domain.axes else at), f"= {at:g}"


def _placed(domain: Domain, at: float, base: float) -> Any:
    """The prediction at a place of the axis: one entry varies, and the others wait."""
    if domain.normalised:
        size = domain.size or ENTRIES
        shares = _entries(domain, at, (1 - at) / (size - 1))
        return [log(share) for share in shares] if domain.normalised == "log" else shares
    return _entries(domain, at, _rest(domain, base)) if domain.axes else at


def _entries(domain: Domain, first: float, rest: float) -> list[float]:
    return [first] + [rest] * ((domain.size or ENTRIES) - 1)


def _rest(domain: Domain, base: float) -> float:
    return 0.0 if domain.logits else _inside(domain, base)


def _inside(domain: Domain, value: float) -> float:
    low, high = domain.typical
    return value if low <= value <= high else (low + high) / 2


def _range(domain: Domain) -> tuple[float, float]:
    if domain.normalised:
        return 0.01, 0.99
    if domain.logits:
        return -5.0, 5.0
    low, high = domain.typical
    return (0.01 if domain.open_low and domain.low == 0 else low), high


def _axis(name: str, domain: Domain, base: float) -> str:
    if domain.normalised:
        return "the probability of one class, the others alike"
    if not domain.axes:
        return f"{name}, a logit" if domain.logits else name
    return f"one of {domain.size or ENTRIES} {domain.axes[-1]} of {name}, the others at {_rest(domain, base):g}"


def _value(formula: Formula, values: dict[str, Any]) -> float:
    try:
        return formula(**values)
    except (ArithmeticError, ValueError, TypeError, LookupError):
        # A pole, or a formula that wants inputs of another shape: either way there is nothing to draw here.
        return nan
