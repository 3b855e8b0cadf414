"""Input that is broken: NaN and infinities in every slot, and classes that are masked with minus infinity.

What goes in as NaN must come out as NaN, or be refused. At infinity the value must be the one that finite inputs
approach: a finite number where they approach none means that the infinity was swallowed.
"""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Final

import torch
from torch import Tensor

from .bench import Bench
from .cell import Cell, Complaint, at, fine, must_show, tried
from .ran import Inputs, Ran

_ROW: Final = 1
#: Far out, and farther: where both give the same, so does infinity.
_FAR: Final = (1e4, 1e6)


def nan_predictions(bench: Bench) -> Iterator[Cell]:
    """NaN in a prediction: the whole row, then the one entry that the loss minds most."""
    yield from _nans(bench, 0)


def nan_targets(bench: Bench) -> Iterator[Cell]:
    """NaN in each other input, and infinities in those that are not bounded."""
    for place in range(1, len(bench.inputs)):
        yield from _nans(bench, place)
        name, domain = bench.domains[place]
        if not bench.inputs[place].is_floating_point() or domain.normalised or domain.axes:
            continue
        for value in (math.inf, -math.inf):
            if domain.low < value < domain.high or value in (domain.low, domain.high):
                yield _far(bench, place, f"a {name} of {value:g}", _all(bench, place), value)


def infinite(bench: Bench) -> Iterator[Cell]:
    """Predictions of plus and minus infinity, on the right side and on the wrong one, and whole rows of them."""
    domain = bench.domains[0][1]
    if domain.normalised or not bench.prediction.is_floating_point():
        return
    for value in (math.inf, -math.inf):
        if not (domain.low <= value <= domain.high):
            continue
        if domain.axes:
            yield _far(bench, 0, f"a row of predictions of {value:g}", _all(bench, 0), value)
            if bench.classes is None:
                yield _far(bench, 0, f"one entry of {value:g} in a prediction", _entry(bench, 0), value)
            elif value > 0:
                for where, mask in _classes(bench):
                    yield _far(bench, 0, f"a score of inf {where}", mask, value)
            continue
        target = bench.target
        if bench.task == "binary" and target is not None and target.shape == bench.prediction.shape:
            for label in bench.labels:
                row = (target == label).flatten().nonzero().flatten()[:1]
                if len(row):
                    mask = torch.zeros_like(bench.prediction, dtype=torch.bool)
                    mask[row] = True
                    yield _far(bench, 0, f"a prediction of {value:g} for a target of {label:g}", mask, value)
        else:
            yield _far(bench, 0, f"a prediction of {value:g}", _all(bench, 0), value)


def masked_classes(bench: Bench) -> Iterator[Cell]:
    """Minus infinity as the score of a class, which is how classes are taken out of the race."""
    if bench.classes is None or bench.domains[0][1].normalised == "linear" or bench.domains[0][1].low > -math.inf:
        return
    for where, mask in _classes(bench):
        yield _far(bench, 0, f"a score of -inf {where}", mask, -math.inf, masked="not" in where)


def _nans(bench: Bench, place: int) -> Iterator[Cell]:
    x, name = bench.inputs[place], bench.domains[place][0]
    if not x.is_floating_point():
        return
    rows = at(x, _ROW, math.nan)
    # Leaving out what is missing is one reading of a target of NaN; for a label, NaN is one more that is unknown.
    lenient = place > 0 and (bench.labelled(place) or (not bench.whole and _leaves_out(bench, place, rows)))
    what = f"a NaN in the {name}" if x[_ROW].numel() == 1 else f"a row of NaN in the {name}"
    yield tried(bench, what, "broken", bench.put(place, rows), must_show, rows=(_ROW,), memory=True, mild=lenient)
    if x[_ROW].numel() > 1:
        entry = x.masked_fill(_entry(bench, place), math.nan)
        yield tried(
            bench, f"one NaN in a row of the {name}", "broken", bench.put(place, entry), must_show, rows=(_ROW,)
        )


def _leaves_out(bench: Bench, place: int, x: Tensor) -> bool:
    found = bench.run(bench.put(place, x)).value
    without = bench.run(bench.rows(*(row for row in range(len(x)) if row != _ROW))).value
    return found is not None and without is not None and bench.alike(found, without)


def _all(bench: Bench, place: int) -> Tensor:
    mask = torch.zeros_like(bench.inputs[place], dtype=torch.bool)
    mask[_ROW] = True
    return mask


def _entry(bench: Bench, place: int) -> Tensor:
    """The entry of the row that the loss minds most, or the first."""
    mask = torch.zeros_like(bench.inputs[place], dtype=torch.bool)
    slope = bench.plain.slope if place == 0 else None
    k = 0 if slope is None else int(slope[_ROW].abs().flatten().nan_to_num().argmax())
    mask[_ROW].view(-1)[k] = True
    return mask


def _classes(bench: Bench) -> Iterator[tuple[str, Tensor]]:
    """The score of the target's class, and of another one."""
    target = bench.target
    count = bench.prediction.shape[-1]
    # A soft target gives every class some of its mass, so none of them can be taken out.
    if target is None or target.is_floating_point():
        return
    truth = int(target[_ROW].flatten()[0])
    if not 0 <= truth < count:
        return
    for where, k in (
        ("of the class that is the target", truth),
        ("of a class that is not the target", (truth + 1) % count),
    ):
        mask = torch.zeros_like(bench.prediction, dtype=torch.bool)
        mask[_ROW, ..., k] = True
        yield where, mask


def _far(bench: Bench, place: int, name: str, mask: Tensor, value: float, *, masked: bool = False) -> Cell:
    def put(number: float) -> Inputs:
        return bench.put(place, bench.inputs[place].masked_fill(mask, number))

    return tried(
        bench,
        name,
        "edge" if masked else "blind" if _of_vectors(bench, place) else "broken",
        put(value),
        # What a class that is masked leaves behind is any finite number: smoothing may well skip it.
        fine if masked else _as_far_out(bench, *(put(math.copysign(far, value)) for far in _FAR)),
        rows=(_ROW,) if bool(mask[_ROW].any()) else (),
        slope=True,
    )


def _of_vectors(bench: Bench, place: int) -> bool:
    """Whether an example is a vector, such as an embedding: at infinity its distances have no gradient at all."""
    return bool(bench.domains[place][1].axes) and bench.classes is None


def _as_far_out(bench: Bench, near: Inputs, far: Inputs) -> Complaint:
    """At infinity only the number that finite inputs approach will do."""

    def wrong(ran: Ran) -> str:
        one, other = bench.run(near), bench.run(far)
        if not (one.finite and other.finite) or one.value is None or other.value is None or ran.value is None:
            return ""
        here = ran.value.double().mean()
        limit, before = other.value.double().mean(), one.value.double().mean()
        settled = torch.isclose(limit, before, rtol=1e-2, atol=1e-6)
        if bool(settled):
            right = torch.isclose(here, limit, rtol=2e-2, atol=1e-3)
            return "" if bool(right) else f"{float(here):.4g}, where finite ones approach {float(limit):.4g}"
        beyond = bool(here.abs() >= limit.abs())
        return "" if beyond else f"{float(here):.4g}, and {float(limit):.4g} is what a million gives"

    return wrong
