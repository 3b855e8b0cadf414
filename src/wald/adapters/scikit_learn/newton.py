"""Newton's method with a step that always goes down, and a quasi-Newton one where there are many coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .linear import Linear

#: The share of the largest curvature that every direction is taken to have: enough to divide by; and through windows,
#: where a direction in which no row is near its kink has none, enough for a step that a search along it can mend.
_LEAST, _WINDOWED = 1e-11, 1e-4


@dataclass(frozen=True, eq=False)
class Found:
    """Where a search ended.

    Attributes:
        theta: the coefficients.
        curve: what is minimised, before each step and at the end.
        steepness: the largest slope at the end; see `Linear.steepness`.
        settled: whether it is as small as was asked, or as small as float64 can tell.
    """

    theta: Tensor
    curve: tuple[float, ...]
    steepness: float
    settled: bool


def newton(problem: Linear, theta: Tensor, *, tolerance: float, steps: int) -> Found:
    """A minimum near `theta`, by second derivatives; where the cost curves down, it is walked down."""
    curve: list[float] = []
    value, gradient, hessian = problem.curved(theta)
    steep, settled = problem.steepness(gradient), False
    for _ in range(steps):
        curve.append(value)
        if steep <= tolerance:
            settled = True
            break
        step = downhill(gradient, hessian, _LEAST if problem.exact else _WINDOWED)
        slope = float((gradient * step).sum())
        # Below this no float64 can tell one value from the next.
        if -slope <= 1e-15 * max(1.0, abs(value)):
            settled = steep <= 1e3 * tolerance
            break
        moved = (_shorter if problem.exact else _levelled)(problem, theta, step, value, slope)
        if moved is None:
            settled = -slope <= 1e-11 * max(1.0, abs(value))
            break
        theta = moved
        value, gradient, hessian = problem.curved(theta)
        steep = problem.steepness(gradient)
    else:
        settled = steep <= tolerance
    return Found(theta, (*curve, value), steep, settled)


def downhill(gradient: Tensor, hessian: Tensor, least: float) -> Tensor:
    """Minus the gradient over the size of the curvature, direction by direction: (columns, outputs).

    Args:
        gradient: (columns, outputs).
        hessian: by (output, column) twice.
        least: the share of the largest curvature that every direction is taken to have.
    """
    columns, outputs = gradient.shape
    bends, ways = torch.linalg.eigh(hessian)
    size = bends.abs()
    pull = ways.T @ gradient.T.reshape(-1)
    most = float(size.max()) or 1.0
    # Where nothing changes at all, such as along a shift of all logits, rounding must not decide how far to go.
    still = (size <= _LEAST * most) if least == _LEAST else torch.zeros_like(size, dtype=torch.bool)
    step = -(ways @ torch.where(still, 0.0, pull / size.clamp_min(least * most)))
    return step.reshape(outputs, columns).T


def _shorter(problem: Linear, theta: Tensor, step: Tensor, value: float, slope: float) -> Tensor | None:
    share = 1.0
    for _ in range(40):
        moved = theta + share * step
        if problem.objective(moved) <= value + 1e-4 * share * slope:
            return moved
        share *= 0.5
    return None


def _levelled(problem: Linear, theta: Tensor, step: Tensor, value: float, slope: float) -> Tensor | None:
    """Along the step to where the slope has become small: for windows, which know slopes and no values."""
    low, high, share = 0.0, torch.inf, 1.0
    for _ in range(40):
        moved = theta + share * step
        here = float((problem.sloped(moved)[1] * step).sum())
        if here != here or here > -0.5 * slope:
            high = share
        elif here < 0.5 * slope and share < 1e6:
            low = share
        else:
            return moved
        share = 2 * share if high == torch.inf else 0.5 * (low + high)
    return None


def quasi_newton(problem: Linear, theta: Tensor, *, tolerance: float, steps: int) -> Found:
    """A minimum near `theta` by gradients alone (L-BFGS), for many coefficients."""
    optimize: Any = import_module("scipy.optimize")
    curve: list[float] = []
    # Slopes of all outputs are brought to one size, so that one tolerance fits them.
    size = problem.scale.sqrt()

    def of(flat: Any) -> tuple[float, Any]:
        at = torch.from_numpy(np.array(flat)).reshape(theta.shape) / size
        value, gradient = problem.sloped(at)
        curve.append(value)
        return value, (gradient / size).numpy().ravel()

    first = (theta * size).numpy().ravel()

    def _steepness(slopes: Any) -> float:
        return problem.steepness(torch.from_numpy(np.array(slopes)).reshape(theta.shape) * size)

    limits = {"maxiter": steps, "maxfun": 2 * steps + 20, "ftol": 0.0, "maxcor": 20}
    limits["gtol"] = tolerance * float(size.min())
    done = optimize.minimize(of, first, jac=True, method="L-BFGS-B", options=limits)
    steep = _steepness(done.jac)
    found = torch.from_numpy(np.array(done.x)).reshape(theta.shape) / size
    # A line search that finds nothing lower has come as near as float64 lets it.
    settled = steep <= tolerance or (done.status == 2 and steep <= 1e3 * tolerance)
    return Found(found, (*_falling(curve), float(done.fun)), steep, settled)


def _falling(values: list[float]) -> list[float]:
    """Of all values that a line search tried, those that were the least so far."""
    kept: list[float] = []
    for value in values:
        if not kept or value < kept[-1]:
            kept.append(value)
    return kept
