"""A batch without spread, where the loss divides by one.

Correlations, normalised errors and contrasts divide by a standard deviation, or by the number of pairs of unlike
labels. With one row, one class, or equal values there is none.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run, Slot
from .cause import Cause, Suspect, called, jitter, numbers, run_of

F = torch.nn.functional


def look(run: Run) -> Iterator[Suspect]:
    """One row; targets that are all the same; predictions that are."""
    if run.outcome.kind == "error" or run.rows == 0:
        return
    if run.rows == 1:
        yield Suspect(
            code="W927",
            says="the batch has one row, and the loss compares rows: a spread or a contrast of one row does not exist",
            fix="Use drop_last=True or larger batches, or give 0 for a single row.",
            tried="four rows that differ",
            cure=_several,
        )
        return
    for slot in run.slots("target", "prediction"):
        x = run.inputs[slot.name]
        if run.axis(slot) is None or x.shape[0] != run.rows or not bool((x == x[:1]).all()):
            continue
        constant = slot.role == "target"
        yield Suspect(
            code="W928" if constant else "W929",
            says=(
                f"{called(slot)} is the same in all {run.rows} rows{_value(x)}, and the loss divides by its spread, or "
                "by the number of rows that differ"
            ),
            fix="Draw batches that hold both classes (a stratified sampler), or skip such a batch."
            if constant
            else "Look for a dead layer; add an eps inside the root of the variance, not after it.",
            tried="rows that differ",
            cure=lambda part, slot=slot: _varied(part, slot),
        )


def _value(x: Tensor) -> str:
    return f" ({x.flatten()[0].item():g})" if x.ndim == 1 else ""


def _varied(run: Run, slot: Slot) -> Run:
    x = run.inputs[slot.name]
    if slot.role == "target" and bool(((x == 0) | (x == 1)).all()):
        flipped = x.clone()
        flipped[::2] = 1 - flipped[::2] if x.dtype != torch.bool else ~flipped[::2]
        return run.put(**{slot.name: flipped})
    if slot.role == "target" and bool(((x == -1) | (x == 1)).all()):
        flipped = x.clone()
        flipped[::2] = -flipped[::2]
        return run.put(**{slot.name: flipped})
    if not x.is_floating_point():
        return run.put(**{slot.name: (x + torch.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) % 2).to(x.dtype)})
    return run.put(**{slot.name: x + jitter(run, x, 0.1) * (1 + x.abs())})


def _several(run: Run) -> Run:
    more = run.take(torch.zeros(4, dtype=torch.long))
    changed: dict[str, Tensor] = {}
    for slot in more.call.slots:
        if slot.role in ("prediction", "target", "") and run.axis(slot) is not None:
            changed[slot.name] = _varied(more, slot).inputs[slot.name]
    return more.put(**changed)


def _correlated(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - x.mean(), y - y.mean()
    return 1 - (x * y).sum() / (x.norm() * y.norm())


RULE = Cause(
    codes={
        "W927": "a batch of one row",
        "W928": "targets that are all the same",
        "W929": "predictions that are all the same, where the loss divides by their spread",
    },
    explains=__doc__ or "",
    look=look,
    when="broken",
    planted=lambda: run_of(_correlated, x=numbers(1, 2, 4), y=numbers(3, 3, 3)),
    clean=lambda: run_of(_correlated, x=numbers(1, 2, 4), y=numbers(3, 1, 3)),
)
