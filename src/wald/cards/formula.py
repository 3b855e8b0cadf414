"""A loss in one line that people read and Python evaluates, without any tensor library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import math
import re
from typing import Any


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return math.exp(-_softplus(-x))


def _logsumexp(xs: Sequence[float]) -> float:
    top = max(xs)
    return top + math.log(sum(math.exp(x - top) for x in xs))


def _log_softmax(xs: Sequence[float]) -> list[float]:
    total = _logsumexp(xs)
    return [x - total for x in xs]


def _softmax(xs: Sequence[float]) -> list[float]:
    return [math.exp(x) for x in _log_softmax(xs)]


def _mean(xs: Sequence[float]) -> float:
    return math.fsum(xs) / len(xs)


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    # A vector without a direction is at right angles to all.
    return _dot(a, b) / (math.hypot(*a) * math.hypot(*b) or math.inf)


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return math.dist(a, b)


def _integral(function: Callable[[float], float], low: float, high: float) -> float:
    # By tanh and sinh (Takahasi & Mori 1974): an end at which the function is infinite does no harm if that end is 0.
    steps = [i / 16 for i in range(-72, 73)]
    places = [(_sigmoid(math.pi * math.sinh(t)), _sigmoid(-math.pi * math.sinh(t)), math.cosh(t)) for t in steps]
    width = (high - low) * math.pi / 16
    return width * math.fsum(function(low + (high - low) * at) * at * left * slope for at, left, slope in places)


#: Everything that a formula may name, besides inputs, fields and its own parts.
VOCABULARY: dict[str, Any] = {
    "abs": abs,
    "cos": math.cos,
    "cosh": math.cosh,
    "cosine": _cosine,
    "distance": _distance,
    "dot": _dot,
    "exp": math.exp,
    "integral": _integral,
    "len": len,
    "lgamma": math.lgamma,
    "log": math.log,
    "log1p": math.log1p,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "max": max,
    "mean": _mean,
    "min": min,
    "pi": math.pi,
    "range": range,
    "sigmoid": _sigmoid,
    "sin": math.sin,
    "softmax": _softmax,
    "softplus": _softplus,
    "sqrt": math.sqrt,
    "sum": math.fsum,
    "tanh": math.tanh,
    "zip": zip,
}


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
            scope[name] = eval(part, scope)  # noqa: S307  (our own text, with no builtins in reach)
        return float(eval(self.text, scope))  # noqa: S307
