"""Targets that are not what the loss is for: out of its range, of another type, in another form.

The number that was meant is right, as where labels come as integers, and so is a refusal. Any other number is a
trap: a mask of 255 under a logistic loss gives a large negative one, and training "improves" without end.
"""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ...cards import Domain
from .bench import Bench
from .cell import Cell, must_be, tried, widened
from .ran import Ran

_WIDTHS: Final = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)
_ROW: Final = 1
#: Whole numbers meet single precision on the way, whatever the prediction is in.
_CLOSE: Final = 1e-4


def out_of_range(bench: Bench) -> Iterator[Cell]:
    """Targets beyond the ends of their domain, one row at a time."""
    for place in range(1, len(bench.inputs)):
        name, domain = bench.domains[place]
        x = bench.inputs[place]
        if domain.axes:
            if domain.normalised == "linear":
                yield tried(bench, f"a {name} that adds to 2", "misuse", bench.put(place, 2 * x), _must_be_refused)
            continue
        for value in _outside(bench, domain, x):
            changed = (x if float(value).is_integer() else widened(x)).clone()
            changed[_ROW] = value
            inputs = bench.put(place, changed)
            # Where a loss is only known by what it takes, the ends of its numbers are a guess; those of labels are not.
            kind = "misuse" if bench.known or domain.integer or bench.labelled(place) else "blind"
            yield tried(bench, f"a {name} of {value:g}", kind, inputs, _must_be_refused, memory=True)


def of_another_type(bench: Bench) -> Iterator[Cell]:
    """The same targets as whole numbers of every width, as booleans, and as floats where ids belong."""
    target = bench.target
    if target is None:
        return
    ids = not target.is_floating_point()
    whole = target if ids else target.round()
    if not ids and not bench.labelled(1):
        # A target of zero has troubles of its own, such as a division.
        whole = torch.where(whole == 0, 1, whole)
    if not bench.domains[1][1].axes and not ids:
        yield from _widths(bench, whole)
    if ids:
        yield from _widths(bench, whole.clamp(min=0))
        yield _typed(bench, whole, whole.to(bench.prediction.dtype), "ids as floats")
    else:
        wide = torch.float32 if target.dtype is torch.float64 else torch.float64
        yield _typed(bench, target, target.to(wide), f"targets of {_short(wide)}")


def in_another_form(bench: Bench) -> Iterator[Cell]:
    """One-hot rows for class ids, ids for one-hot rows, and probabilities for logits."""
    target, domain = bench.target, bench.domains[0][1]
    if target is not None and bench.classes is not None:
        soft = bench.domains[1][1].soft
        if target.ndim == bench.prediction.ndim - 1 and not target.is_floating_point() and bool((target >= 0).all()):
            rows = one_hot(target.clamp(max=bench.classes - 1), bench.classes)
            right = must_be(bench, bench.inputs)
            yield tried(bench, "one-hot targets of integers", "misuse", bench.put(1, rows), right)
            if not soft:
                floats = rows.to(bench.prediction.dtype)
                # Some take them, and then divide by other weights.
                yield tried(bench, "one-hot targets of floats", "blind", bench.put(1, floats), right)
    if domain.logits and bench.task in ("binary", "multiclass"):
        chances = bench.prediction.softmax(-1) if domain.axes else torch.sigmoid(bench.prediction)
        yield tried(bench, "probabilities in place of logits", "blind", (chances, *bench.inputs[1:]), _must_be_refused)


def _outside(bench: Bench, domain: Domain, x: Tensor) -> list[float]:
    if domain.integer:
        count = bench.classes if domain.high == math.inf or bench.classes is not None else int(domain.high) + 1
        below = int(domain.low) - 1
        if count is None:
            return [below]
        found = [count, 255, below, 1.5] if bench.task == "multiclass" else [255, below]
        return [value for value in found if value != bench.ignores]
    if bench.labels == (domain.low, domain.high):
        no, _ = bench.labels
        # A label of the other convention is the likeliest of all.
        return [-1, 255, 1.5] if no == 0 else [0, 255]
    if not domain.bounded:
        return []
    below = [domain.low - 1] if domain.low > -math.inf else []
    below += [domain.low] if domain.open_low else []
    return below + ([255] if domain.high < 255 else [])


def _widths(bench: Bench, whole: Tensor) -> Iterator[Cell]:
    least, most = float(whole.min()), float(whole.max())
    for dtype in _WIDTHS:
        if dtype is torch.bool:
            fits = least >= 0 and most <= 1
        else:
            fits = torch.iinfo(dtype).min <= least and most <= torch.iinfo(dtype).max
        if fits and whole.dtype is not dtype:
            yield _typed(bench, whole, whole.to(dtype), f"targets of {_short(dtype)}")


def _typed(bench: Bench, right: Tensor, cast: Tensor, name: str) -> Cell:
    return tried(bench, name, "misuse", bench.put(1, cast), must_be(bench, bench.put(1, right), close=_CLOSE))


def _must_be_refused(ran: Ran) -> str:
    return f"{ran.number:.4g} and no complaint"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
