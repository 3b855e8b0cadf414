"""The best that can be done without looking at a row: the constant prediction that costs least."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from ...audits.costing.downhill import downhill
from ...core import value_checks
from .rows import Rows

_GOLDEN: Final = (5**0.5 - 1) / 2
_EDGE: Final = 1e-9


def best_constant(rows: Rows) -> tuple[Tensor, float] | None:
    """The constant that costs least and what it costs; None where none was found.

    Returns:
        The constant in the shape of one row's prediction, and the mean loss.
    """
    columns = rows.columns
    if columns is None:
        found = _along(rows, torch.zeros((), dtype=torch.float64), None)
    elif columns > 12:
        found = _downhill(rows, _start(rows, columns))
    else:
        found = _start(rows, columns)
        # Column by column, for losses with kinks; then all at once, for those whose columns depend on each other.
        for _ in range(3 if rows.own != ("classes",) else 1):
            for column in range(columns):
                found = _along(rows, found, column)
        found = _downhill(rows, found)
    cost = _cost(rows, found)
    return (found, cost) if math.isfinite(cost) else None


def _cost(rows: Rows, value: Tensor) -> float:
    try:
        return rows.mean(rows.constant(value))
    except (ValueError, TypeError, RuntimeError):
        return math.inf


def _start(rows: Rows, columns: int) -> Tensor:
    start = torch.zeros(columns, dtype=torch.float64)
    if rows.own == ("classes",) and not rows.target.is_floating_point():
        mass = torch.bincount(rows.target.clamp_min(0).reshape(-1), minlength=columns)[:columns].double()
        share = (mass + 1e-9) / (mass + 1e-9).sum()
        first = rows.loss.named_domains[0][1]
        return share if first.normalised == "linear" else share.log()
    level = getattr(rows.loss, "level", None)
    if isinstance(level, tuple) and len(level) == columns:
        return torch.quantile(rows.target.double()[:100_000], torch.tensor(level, dtype=torch.float64))
    return start


def _along(rows: Rows, value: Tensor, column: int | None) -> Tensor:
    """The best number in one column, the others held: the best of many, then a golden section about it."""

    def placed(number: float) -> Tensor:
        if column is None:
            return torch.tensor(number, dtype=torch.float64)
        moved = value.clone()
        moved[column] = number
        return moved

    points = _points(rows)
    costs = [_cost(rows, placed(one)) for one in points]
    # Of equals the least far out, as where a loss goes flat.
    here = min(range(len(points)), key=lambda k: (round(costs[k], 12), abs(points[k])))
    if not math.isfinite(costs[here]):
        return value
    low, high = points[max(here - 1, 0)], points[min(here + 1, len(points) - 1)]
    best, least = points[here], costs[here]
    # Level stretches and the ends keep what was tried.
    for _ in range(48):
        a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        of_a, of_b = _cost(rows, placed(a)), _cost(rows, placed(b))
        low, high = (low, b) if of_a <= of_b else (a, high)
        for at, cost in ((a, of_a), (b, of_b)):
            if cost < least - 1e-15 * abs(least):
                best, least = at, cost
    return placed(best)


def _points(rows: Rows) -> list[float]:
    """Numbers worth trying: where targets are, their logarithms, and logits."""
    first = rows.loss.named_domains[0][1]
    y = rows.target.double().reshape(-1)[:100_000]
    steps = torch.linspace(0, 1, 33, dtype=torch.float64)
    found = [*torch.quantile(y, steps).tolist(), float(y.mean())]
    if first.logits or getattr(rows.loss, "log_input", False) is True or rows.own == ("parameters",):
        positive = y[y > 0]
        found += [0.0] + (torch.quantile(positive, steps).log().tolist() if len(positive) else [])
        found += torch.linspace(-8, 8, 33).tolist()
        if float(y.mean()) > 0:
            found.append(math.log(float(y.mean())))
    elif rows.binary or first.high == 1.0:
        found += torch.linspace(-3, 3, 25).tolist()
    low = first.low + (_EDGE if first.open_low else 0.0)
    return sorted({min(max(one, low), first.high) for one in found})


def _downhill(rows: Rows, start: Tensor) -> Tensor:
    def cost(constant: Tensor) -> Tensor:
        with value_checks(False):
            return rows.loss(rows.constant(constant), rows.target, weight=rows.weight * len(rows.weight))

    try:
        end = downhill(cost, start, steps=60)
    except (ValueError, TypeError, RuntimeError):
        return start
    better = bool(end.isfinite().all()) and _cost(rows, end) < _cost(rows, start)
    return end if better else start
