"""Predictions that are exactly right, exactly undecided, or as wrong as can be."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ..subjects.grids import inside
from .bench import Bench
from .cell import Cell, fine, tried
from .ran import Inputs

#: Logits that leave no doubt, and, for what is wrong, ones whose sigmoid is 0 or 1 in every dtype.
_RIGHT, _WRONG = 60.0, 1000.0


def hits(bench: Bench) -> Iterator[Cell]:
    """Predictions of zero, predictions that are their targets, and both at once."""
    domain = bench.domains[0][1]
    x = bench.prediction
    if domain.normalised or not x.is_floating_point():
        return
    zero_belongs = (domain.low < 0 or (domain.low == 0 and not domain.open_low)) and domain.high >= 0
    if zero_belongs:
        inputs = bench.put(0, torch.zeros_like(x))
        yield tried(bench, "predictions of zero", "edge", inputs, fine, slope=True)
    if (right := _sure(bench)) is not None:
        yield tried(bench, "predictions that are right and sure", "edge", right, fine, slope=True)
        return
    like = [k for k, y in enumerate(bench.inputs) if k and y.shape == x.shape and y.dtype == x.dtype]
    if not like or bench.task in ("binary", "multiclass", "multilabel"):
        return
    target = bench.inputs[like[0]].clamp(min=domain.low + 1e-3 if domain.open_low else domain.low, max=domain.high)
    hit = tuple(target.clone() if k == 0 or k in like else y for k, y in enumerate(bench.inputs))
    yield tried(bench, "predictions that hit their targets", "edge", hit, fine, slope=True)
    if zero_belongs and not any(bench.domains[k][1].open_low for k in like):
        zero = tuple(torch.zeros_like(y) if k == 0 or k in like else y for k, y in enumerate(bench.inputs))
        yield tried(bench, "predictions and targets of zero", "edge", zero, fine, slope=True)


def misses(bench: Bench) -> Iterator[Cell]:
    """Predictions of classes that are sure and wrong, where a gradient of zero means that they are never learnt."""
    if (wrong := _sure(bench, right=False)) is not None:
        rows = tuple(range(len(bench.prediction)))
        name = "predictions that are wrong and sure"
        yield tried(bench, name, "blind", wrong, fine, rows=rows, slope=True, learns=True)


def _sure(bench: Bench, *, right: bool = True) -> Inputs | None:
    """Predictions that leave no doubt about a class, in the form that the loss takes; None for other problems."""
    target, domain, x = bench.target, bench.domains[0][1], bench.prediction
    if target is None or domain.normalised:
        return None
    size = _RIGHT if right else _WRONG
    if bench.task == "binary" and target.shape == x.shape:
        yes = target > sum(bench.labels) / 2
        score = torch.where(yes == right, size, -size).to(x.dtype)
        return bench.put(0, torch.sigmoid(score) if domain.high == 1 else score)
    if bench.classes is None or not domain.logits:
        return None
    ids = target if target.ndim == x.ndim - 1 else target.argmax(-1)
    if bool((ids < 0).any()):
        return None
    ids = ids if right else (ids + 1) % bench.classes
    score = 2 * size * torch.nn.functional.one_hot(ids.long(), bench.classes).to(x.dtype)
    return bench.put(0, inside(domain, score))


def far_off(bench: Bench) -> Iterator[Cell]:
    """Every prediction far out on one side, in units that matter."""
    x, domain = bench.prediction, bench.domains[0][1]
    if domain.normalised or not x.is_floating_point():
        return
    for size in (10.0, 100.0, 1e4):
        for far in (size * bench.unit, -size * bench.unit):
            moved = x.clone()
            moved.view(len(x), -1)[:, 0] = far
            if domain.high == 1:
                moved = torch.sigmoid(moved)
            yield tried(
                bench, f"predictions of {far:.3g}", "edge", bench.put(0, inside(domain, moved)), fine, slope=True
            )
