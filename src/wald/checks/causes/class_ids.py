"""Class ids that are no class: 1-based, or marks such as 255 and -1.

Ids run from 0 to C - 1. torch raises for others on the CPU and stops the whole process on a GPU; indexing by hand takes
-1 for the last class and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, called, drop, listed, mend, rows_of, run_of, spread

F = torch.nn.functional


def look(run: Run) -> Iterator[Suspect]:
    """Ids from 1 on; else the ids outside, if they have any effect."""
    found = _ids(run)
    if found is None or run.pair is None:
        return
    x, count = found
    slot = run.pair[1]
    bad = _outside(run, x, count)
    if not bool(bad.any()) or (not run.outcome.broken and not _felt(run, bad)):
        return
    name, rows = called(slot), rows_of(run, slot, bad)
    values = x[bad]
    low, high = int(x.min()), int(x.max())
    counted = x[x != run.call.ignored]
    if int(counted.min()) >= 1 and high == count:
        yield Suspect(
            code="W933",
            says=f"{name} runs from {int(counted.min())} to {count}, and the ids of {count} classes from 0 to "
            f"{count - 1}: they look 1-based",
            fix=f"Use {name} - 1.",
            tried="subtracting 1",
            cure=mend(slot.name, lambda t: torch.where(t == run.call.ignored, t, t - 1)),
            rows=rows,
            facts={"slot": slot.name, "low": low, "high": high},
        )
        return
    kinds = values.unique()
    mark = f"{int(kinds[0])} marks what to leave out" if len(kinds) == 1 else f"there are classes up to {high}"
    remedy = (
        f"If {mark}, say ignore_index={int(kinds[0])}, or mask={name} != {int(kinds[0])} to a loss of wald; else add "
        "output units."
        if len(kinds) == 1
        else f"If {mark}, the last layer needs {high + 1} outputs; else look where the ids are made."
    )
    silently = "" if run.outcome.broken else " It is taken for another class, and nothing says so"
    yield Suspect(
        code="W933",
        says=(
            f"{len(values)} of {x.numel()} values of {name} are no class: {_few(kinds)}, where ids run from 0 to "
            f"{count - 1}; {listed(rows)}.{silently}"
        ),
        fix=remedy,
        tried="leaving these rows out" if len(rows) < run.rows else "class 0 in their place",
        cure=drop(_bad_rows)
        if len(rows) < run.rows
        else mend(slot.name, lambda t: torch.where((t < 0) | (t >= count), torch.zeros_like(t), t)),
        rows=rows,
        facts={"slot": slot.name, "low": low, "high": high},
    )


def _ids(run: Run) -> tuple[Tensor, int] | None:
    """The targets, if they are ids of classes, and how many classes there are."""
    if run.pair is None:
        return None
    scores, target = (run.inputs[slot.name] for slot in run.pair)
    whole = not target.is_floating_point() and target.dtype != torch.bool
    if not whole or not scores.is_floating_point() or not target.numel() or target.ndim != scores.ndim - 1:
        return None
    domain = run.pair[1].domain
    if domain is not None and domain.integer and isfinite(domain.high):
        # A loss of ordered classes has one output fewer than classes, and says how many there are.
        return target, int(domain.high) + 1
    return target, scores.shape[run.call.class_axis(scores.ndim)]


def _outside(run: Run, x: Tensor, count: int) -> Tensor:
    domain = None if run.pair is None else run.pair[1].domain
    # Some losses have an id of their own for what is no class, below all others.
    least = int(domain.low) if domain is not None and domain.integer and isfinite(domain.low) else 0
    return ((x < least) | (x >= count)) & (x != run.call.ignored)


def _bad_rows(run: Run) -> Tensor:
    found = _ids(run)
    if found is None or run.pair is None:
        return torch.zeros(0).long()
    return rows_of(run, run.pair[1], _outside(run, *found))


def _felt(run: Run, bad: Tensor) -> bool:
    """Whether such rows pull at the prediction: what a loss leaves out does not."""
    slope = run.outcome.slopes.get(run.pair[0].name) if run.pair else None
    if slope is None or slope.ndim != bad.ndim + 1:
        return False
    return bool(slope.movedim(run.call.class_axis(slope.ndim), -1)[bad].any())


def _few(kinds: Tensor) -> str:
    return ", ".join(str(one) for one in kinds[:4].tolist()) + (", ..." if len(kinds) > 4 else "")


RULE = Cause(
    codes={"W933": "class ids out of range"},
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: run_of(F.cross_entropy, input=spread(4, 3), target=torch.tensor([1, 2, 3, 1])),
    clean=lambda: run_of(F.cross_entropy, input=spread(4, 3), target=torch.tensor([1, 2, -100, 1])),
)
