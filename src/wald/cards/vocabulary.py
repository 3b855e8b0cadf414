"""The words of formulas: what a card may say beside inputs, fields and its own parts, in plain Python."""

from __future__ import annotations

from cmath import exp as _turn
from collections.abc import Callable, Sequence
from functools import cache
from itertools import permutations
import math
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


def _unit(a: Sequence[float]) -> list[float]:
    # A vector without a direction stays as it is.
    size = math.hypot(*a) or 1.0
    return [x / size for x in a]


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    # A vector without a direction is at right angles to all.
    return _dot(a, b) / (math.hypot(*a) * math.hypot(*b) or math.inf)


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return math.dist(a, b)


def _digamma(x: float) -> float:
    # By steps of 1 to where the series is exact.
    steps = range(max(0, math.ceil(10 - x)))
    at = x + len(steps)
    square = 1 / at**2
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return math.log(at) - 0.5 / at - series - math.fsum(1 / (x + k) for k in steps)


def _integral(function: Callable[[float], float], low: float, high: float) -> float:
    # By tanh and sinh (Takahasi & Mori 1974): an end at which the function is infinite does no harm if that end is 0.
    steps = [i / 16 for i in range(-72, 73)]
    places = [(_sigmoid(math.pi * math.sinh(t)), _sigmoid(-math.pi * math.sinh(t)), math.cosh(t)) for t in steps]
    width = (high - low) * math.pi / 16
    return width * math.fsum(function(low + (high - low) * at) * at * left * slope for at, left, slope in places)


def _solve(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls from `low` to `high` is 0, by halving what is left."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """The inverse of a square matrix, by Gauss and Jordan, with the largest pivot of each column."""
    size = len(matrix)
    rows = [[*map(float, row), *(float(i == k) for k in range(size))] for i, row in enumerate(matrix)]
    for k in range(size):
        best = max(range(k, size), key=lambda i: abs(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        pivot = rows[k][k]
        rows[k] = [x / pivot for x in rows[k]]
        for i in range(size):
            if i != k:
                share = rows[i][k]
                rows[i] = [x - share * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


@cache
def _roots(size: int) -> tuple[complex, ...]:
    return tuple(_turn(-2j * math.pi * k / size) for k in range(size))


def _fourier(xs: Sequence[complex]) -> list[complex]:
    """The discrete Fourier transform: Σ x_m exp(-2 π i k m / n) at every k."""
    size, roots = len(xs), _roots(len(xs))
    # Of real numbers the second half mirrors the first.
    mirrored = not any(isinstance(x, complex) for x in xs)
    found = [0j] * (size // 2 + 1 if mirrored else size)
    for m, x in enumerate(xs):
        if x:
            found = [z + x * roots[k * m % size] for k, z in enumerate(found)]
    return found + [z.conjugate() for z in found[(size - 1) // 2 : 0 : -1]] if mirrored else found


def _windows(image: Sequence[Sequence[float]], height: int, width: int) -> list[list[list[float]]]:
    """Of each place of an image, by row and column, the pixels of the window that begins there."""
    return [
        [[x for row in image[r : r + height] for x in row[k : k + width]] for k in range(len(image[0]) - width + 1)]
        for r in range(len(image) - height + 1)
    ]


#: Everything that a formula may name, besides inputs, fields and its own parts.
VOCABULARY: dict[str, Any] = {
    "abs": abs,
    "acos": math.acos,
    "atan2": math.atan2,
    "cos": math.cos,
    "cosh": math.cosh,
    "cosine": _cosine,
    "digamma": _digamma,
    "distance": _distance,
    "dot": _dot,
    "erfc": math.erfc,
    "exp": math.exp,
    "fourier": _fourier,
    "inf": math.inf,
    "integral": _integral,
    "inverse": _inverse,
    "len": len,
    "lgamma": math.lgamma,
    "ln": math.log,  # for a loss that has a field `log`
    "log": math.log,
    "log1p": math.log1p,
    "log2": math.log2,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "max": max,
    "mean": _mean,
    "min": min,
    "permutations": permutations,
    "pi": math.pi,
    "range": range,
    "sigmoid": _sigmoid,
    "sin": math.sin,
    "softmax": _softmax,
    "softplus": _softplus,
    "solve": _solve,
    "sorted": sorted,
    "sqrt": math.sqrt,
    "sum": math.fsum,
    "tanh": math.tanh,
    "unit": _unit,
    "windows": _windows,
    "zip": zip,
}
