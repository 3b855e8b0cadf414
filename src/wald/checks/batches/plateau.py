"""Where a loss comes to rest without having learned: its value at constant, equal and collapsed predictions.

The points are computed from the loss and the batch at hand, not looked up: what a loss costs where all predictions
are one number depends on its fields and on the mix of labels. A number that people know (ln 2, ln C) is named.
"""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Final

import torch
from torch import Tensor

from .run import Run

#: So many rows tell what a constant prediction costs.
_ROWS: Final = 2048
_GRID: Final = 17


def chance(run: Run) -> tuple[float, str] | None:
    """What the best constant prediction costs on this batch, and what it is; None where that has no meaning."""
    found = [point for point in _points(_few(run)) if math.isfinite(point[0])]
    return min(found, key=lambda point: point[0]) if found else None


def named(value: float, run: Run) -> str:
    """The name of a number that people know a plateau by; empty for any other."""
    known: list[tuple[float, str]] = [(math.log(2), "ln 2"), (2 * math.log(2), "2 ln 2"), (0.25, "1/4")]
    found = run.classes
    if found is not None:
        count = found[0].shape[-1]
        known.insert(0, (math.log(count), f"ln {count}"))
        known.append((math.log(math.e + count - 1) - 1, f"log(e + {count - 1}) - 1, softmax applied twice"))
    elif run.rows > 1:
        known.append((math.log(run.rows), f"ln {run.rows}, the number of rows"))
    margin = getattr(run.call.function, "margin", None)
    if isinstance(margin, (int, float)):
        known.insert(0, (float(margin), "the margin"))
        known.insert(1, (float(margin) ** 2, "the squared margin"))
    elif run.call.known.startswith("triplet"):
        known.insert(0, (1.0, "the margin"))
    return next((name for number, name in known if number and abs(value - number) <= 2e-3 * abs(number)), "")


def told(value: float, run: Run) -> str:
    """A value, with the name of the number that it is."""
    name = named(value, run)
    return f"{value:.4g} = {name}" if name else f"{value:.4g}"


def _few(run: Run) -> Run:
    if run.rows <= _ROWS:
        return run
    return run.take(torch.linspace(0, run.rows - 1, _ROWS).long())


def _points(run: Run) -> Iterator[tuple[float, str]]:
    if run.pair is None or not run.prediction.is_floating_point() or run.prediction.numel() > 1 << 18:
        return
    name, x, y = run.pair[0].name, run.prediction.detach(), run.inputs[run.pair[1].name]

    def cost(constant: Tensor) -> float:
        with torch.no_grad():
            try:
                return run.call(run.inputs | {name: constant}).double().mean().item()
            except Exception:
                return math.nan

    found = run.classes
    if found is not None:
        yield cost(torch.zeros_like(x)), "all classes alike"
        scores, target, axis = found
        if not target.is_floating_point():
            counts = torch.bincount(target[(target >= 0) & (target < scores.shape[-1])].flatten().long(),
                                    minlength=scores.shape[-1]).double()  # fmt: skip
            logs = ((counts + 0.5) / (counts + 0.5).sum()).log().to(x)
            shape = [1] * x.ndim
            shape[axis] = len(counts)
            yield cost(logs.reshape(shape).expand(x.shape).contiguous()), "the frequencies of the classes"
        return
    domain = run.domain(run.pair[0])
    low = domain.low if domain is not None else -math.inf
    high = domain.high if domain is not None else math.inf
    for point in _grid(x, y, low, high):
        yield cost(torch.full_like(x, point)), f"the constant {point:.4g}"


def _grid(x: Tensor, y: Tensor, low: float, high: float) -> list[float]:
    """Constants worth trying: where predictions are, where targets are, and their logarithms."""
    seen = torch.cat([t.detach().flatten()[:4096].double() for t in (x, y) if t.numel()])
    seen = seen[seen.isfinite()]
    if not len(seen):
        return []
    points = torch.quantile(seen, torch.linspace(0, 1, _GRID, dtype=torch.float64)).tolist()
    points += [seen.mean().item(), y.double().mean().item(), 0.0, 0.5]
    if y.double().mean() > 0:
        points.append(math.log(y.double().mean().item()))
    share = y.double().mean().item()
    if 0 < share < 1:
        points.append(math.log(share / (1 - share)))
    return [point for point in dict.fromkeys(points) if low < point < high]
