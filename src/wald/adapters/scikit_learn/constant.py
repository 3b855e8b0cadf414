"""The one prediction for all rows that a loss likes best: where every fit starts."""

from __future__ import annotations

from itertools import product
import math

import torch
from torch import Tensor

from ..emission import Emission
from .kinks import kinked
from .linear import Linear
from .rows import Rows
from .solving import solve

#: Rows on which starts are compared, and the most outputs of which every combination is tried.
_TRIED, _COMBINED = 2000, 2

#: Quantiles of the target that a constant could be near.
_LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)

#: How much a window may hide of a constant, which is only a start.
_HIDDEN = 5e-3


def units_of(emission: Emission, target: Tensor, weight: Tensor) -> Tensor:
    """In what each free number is counted: the spread of the target, or 1, (outputs,)."""
    spread = 1.0
    if any(emission.measured):
        y, share = target.double(), weight / weight.sum()
        spread = float((share @ (y - share @ y).square()).sqrt())
        spread = spread if spread > 1e-12 * float(y.abs().max()) and math.isfinite(spread) else 1.0
    return torch.tensor([spread if measured else 1.0 for measured in emission.measured], dtype=torch.float64)


def best_constant(rows: Rows, unit: Tensor) -> tuple[Tensor, Tensor]:
    """The free numbers that cost least when every row gets them, and which of them have kinks: (outputs,) each."""
    start = _start(rows)
    ones = torch.ones(len(rows), 1, dtype=torch.float64)
    still = torch.zeros_like(unit)
    kinks = kinked(rows, start, unit)
    problem = Linear(ones, rows, start, unit, still, pull_of(rows, start, unit))
    found = solve(
        problem, torch.zeros(problem.shape, dtype=torch.float64), kinks, tolerance=1e-9, steps=100, hidden=_HIDDEN
    )
    moved = start + unit * found.theta[0]
    return (moved if bool(moved.isfinite().all()) else start), kinks


def pull_of(rows: Rows, score: Tensor, unit: Tensor) -> Tensor:
    """How hard a row pulls at each output, on average and in its unit, where all rows have one score: (outputs,)."""
    _, slope = rows.slopes(score.expand(len(rows), -1).contiguous())
    share = rows.weight / rows.weight.sum()
    pull = share @ (slope.abs() * unit)
    return pull.nan_to_num(nan=1.0, posinf=1.0).clamp_min(1e-12)


def _start(rows: Rows) -> Tensor:
    emission = rows.emission
    few = rows.part(torch.linspace(0, len(rows) - 1, min(_TRIED, len(rows))).round().long())
    choices = [_numbers(emission, rows, measured) for measured in emission.measured]
    if emission.outputs <= _COMBINED:
        starts = [torch.tensor(one, dtype=torch.float64) for one in product(*choices)]
    else:
        # Of many levels, the same number for all, and numbers that rise.
        starts = [torch.full((emission.outputs,), one, dtype=torch.float64) for one in choices[0]]
        ordered = torch.tensor(sorted(choices[0]), dtype=torch.float64)
        starts.append(ordered[torch.linspace(0, len(ordered) - 1, emission.outputs).round().long()])
    with torch.no_grad():
        costs = [
            float((few.weight @ few.values(one.expand(len(few), -1).contiguous())).nan_to_num(torch.inf))
            for one in starts
        ]
    least = min(range(len(starts)), key=costs.__getitem__)
    return starts[least]


def _numbers(emission: Emission, rows: Rows, measured: bool) -> list[float]:
    """Numbers that a constant could be near."""
    if emission.form not in ("numbers", "log-numbers"):
        return [0.0]
    y, share = rows.target.double(), rows.weight / rows.weight.sum()
    middle = float(share @ y)
    ordered, order = y.sort()
    below = share[order].cumsum(0)
    places = torch.searchsorted(below, torch.tensor(_LEVELS, dtype=torch.float64) * float(below[-1]))
    plain = [middle, *ordered[places.clamp_max(len(y) - 1)].tolist(), 0.0]
    if measured:
        return plain
    if emission.form == "log-numbers" or emission.way == "exp above":
        floor = emission.floor if emission.way == "exp above" else 0.0
        above = [one - floor for one in plain if one > floor]
        return [math.log(one) for one in above] or [0.0]
    if emission.way == "sigmoid":
        inside = [min(max(one, 1e-6), 1 - 1e-6) for one in plain]
        return [math.log(one / (1 - one)) for one in inside]
    spread = float(share @ (y - middle).square())
    sizes = [math.log(abs(one)) for one in plain if one]
    return [*sizes, *([math.log(spread), 0.5 * math.log(spread)] if spread > 0 else []), 0.0]
