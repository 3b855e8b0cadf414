"""One row that makes the whole loss.

A missing value written as -999 or 1e6, a reading in another unit: the batch then teaches that row alone. Large values
in data with heavy tails are no such fault, so a row is accused only if the tail of the others makes it all but
impossible: Hill's estimate of the tail index, from the other rows, says how likely a value so far out is.

Hill 1975, doi:10.1214/aos/1176343247.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

import torch
from torch import Tensor

from ..batches import Run, Slot, by_row
from .cause import Cause, Suspect, called, drop, listed, run_of, spread

F = torch.nn.functional

_ROWS = 8
#: The chance below which it is no draw from the tail of the others, and the share of the loss that it must have.
_CHANCE, _CHANCE_OF_A_MARK, _SHARE = 1e-6, 1e-2, 0.9
#: How far above the largest of the others it must be, and how many of those tell what their tail is.
_ABOVE, _TAIL = 20.0, 200
#: Numbers that stand for a missing value.
_MARKS = (999.0, 9999.0, 99999.0, 999999.0, 9999999.0, 32767.0, 32768.0)


def look(run: Run) -> Iterator[Suspect]:
    """The row with nearly all of the loss, if a value of it is beyond the tail of the others."""
    values = run.values
    if run.rows < _ROWS or values is None or not bool(values.isfinite().all()):
        return
    size = values.abs()
    total = size.sum().item()
    if total <= 0:
        return
    for slot in run.slots("target", "prediction"):
        x = run.inputs[slot.name]
        domain = run.domain(slot)
        integer = not x.is_floating_point() or (domain is not None and (domain.integer or bool(domain.axes)))
        if integer or run.axis(slot) != 0 or x.shape[0] != run.rows:
            continue
        peaks = by_row(x.detach().double().abs()).amax(1)
        # A mark for a missing value may stand in several rows, as long as they are few.
        rows = (peaks >= peaks.max() * (1 - 1e-6)).nonzero().flatten()
        share = (size[rows.to(size.device)].sum() / total).item()
        if share < _SHARE or len(rows) > max(1, run.rows // 10) or run.rows - len(rows) < _ROWS - 1:
            continue
        if (found := _beyond(peaks, rows)) is not None:
            yield _suspect(run, slot, rows.cpu(), share, *found, peaks)
            return


def _suspect(run: Run, slot: Slot, rows: Tensor, share: float, ratio: float, chance: float, peaks: Tensor) -> Suspect:
    value = peaks[rows[0]].item()
    many = len(rows) > 1
    mark = value in _MARKS or (many and bool((peaks[rows] == value).all()))
    meaning = ", which looks like a mark for a missing value" if mark else ""
    return Suspect(
        code="W962",
        says=(
            f"{listed(rows)} {'make' if many else 'makes'} {share:.1%} of the loss: {called(slot)} is {value:.4g} in "
            f"size there{meaning}, {ratio:.3g} times the largest of the others (chance {chance:.0e} by their own tail)"
        ),
        fix=f"Leave such rows out ({called(slot)}.abs() < {value:.4g}), or mend them; if they are real, use a loss "
        "that bears them (wald.Huber, wald.Absolute) and log the share of the top row.",
        tried="leaving these rows out",
        cure=drop(lambda part: _again(part, slot, value)),
        rows=rows,
        facts={"share": share, "ratio": ratio, "chance": chance},
    )


def _again(run: Run, slot: Slot, value: float) -> Tensor:
    x = run.inputs[slot.name].double().abs()
    peaks = by_row(x).amax(1)
    return (peaks >= value * (1 - 1e-9)).nonzero().flatten().cpu()


def _beyond(peaks: Tensor, rows: Tensor) -> tuple[float, float] | None:
    """By how much the largest is above the others, and how likely that is by their own tail."""
    others = peaks.clone()
    others[rows] = 0
    k = min(max(3, (len(peaks) - len(rows)) // 5), _TAIL)
    rest = others.topk(k + 1).values
    if rest[-1] <= 0:
        return None
    index = 1 / max((rest[:k].log().mean() - rest[k].log()).item(), 0.05)
    # From the lower end of what the estimate may be, so that an accident of the estimate accuses nobody.
    low = index / (1 + 2 / math.sqrt(k))
    ratio = (peaks[rows[0]] / rest[0]).item()
    chance = math.exp(-low * math.log(ratio)) if ratio > 1 else 1.0
    # Exactly 9999 is no accident to begin with.
    enough = _CHANCE_OF_A_MARK if peaks[rows[0]].item() in _MARKS else _CHANCE
    return (ratio, chance) if chance <= enough and ratio >= _ABOVE else None


def _with(value: float) -> Run:
    y = spread(64)
    y[5] = value
    return run_of(F.mse_loss, input=spread(64).flip(0), target=y)


RULE = Cause(
    codes={"W962": "one row makes the whole loss"},
    explains=__doc__ or "",
    look=look,
    when="finite",
    planted=lambda: _with(99999.0),
    clean=lambda: _with(30.0),
)
