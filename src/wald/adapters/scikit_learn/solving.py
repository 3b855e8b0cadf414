"""Which search fits a linear model, and when it counts as done."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from .kinks import Windowed
from .linear import Linear
from .newton import Found, newton, quasi_newton
from .rows import Rows

#: The most coefficients of which the curvature is worked out in full, and the most work a row that it may cost.
_CURVED, _WORK = 400, 240

#: By how much each window is narrower than the one before, how many there are at most, and when one is done.
_NARROWER, _WINDOWS, _DONE = 0.25, 12, 1e-4

#: A loss with kinks is fitted when its windows hide no more than this share of the cost.
HIDDEN = 5e-5


def solve(
    problem: Linear, theta: Tensor, kinks: Tensor, *, tolerance: float, steps: int, hidden: float = HIDDEN
) -> Found:
    """A minimum near `theta`.

    Args:
        problem: what is minimised.
        theta: where to start.
        kinks: for each output whether the loss has kinks there, (outputs,).
        tolerance: the largest slope that counts as none, where the loss is smooth.
        steps: the most steps.
        hidden: what windows may hide, as a share of the cost, where the loss has kinks.
    """
    columns, outputs = problem.shape
    few = columns * outputs <= _CURVED and columns * (outputs + 1) / 2 <= _WORK
    search = newton if few else quasi_newton
    if not bool(kinks.any()):
        return search(problem, theta, tolerance=tolerance, steps=steps)
    return _through_windows(problem, theta, kinks, steps, hidden, curved=few)


def _through_windows(
    problem: Linear, theta: Tensor, kinks: Tensor, steps: int, allowed: float, *, curved: bool
) -> Found:
    rows = problem.rows
    assert isinstance(rows, Rows)  # noqa: S101  (kinks are those of a loss as it is)
    half = torch.where(kinks, problem.unit, 0.0)
    best, least = theta, problem.objective(theta)
    curve: list[float] = [least]
    hidden, steep, settled = torch.inf, torch.inf, False
    usual = float(problem.scale.sum())
    for _ in range(_WINDOWS):
        window = Windowed(rows, half)
        seen = problem.judged_by(window)
        left = max(1, steps - len(curve))
        search = newton if curved else quasi_newton
        found = search(seen, theta, tolerance=_DONE, steps=min(40 if curved else 400, left))
        theta = found.theta
        value = problem.objective(theta)
        curve.extend(found.curve[1:])
        if value <= least:
            best, least = theta, value
        hidden, steep = window.excess(problem.score(theta)), found.steepness
        if hidden <= allowed * min(usual, abs(value)) or hidden <= 1e-6 * usual:
            settled = found.settled
            if settled:
                break
        if len(curve) > steps:
            break
        half = half * _NARROWER
    return replace(Found(best, tuple(curve), steep, settled), curve=(*curve, least))
