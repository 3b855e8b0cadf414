"""The same numbers in other shapes and places: columns against rows, strided and expanded tensors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..subjects.spelling import literal
from .bench import Bench
from .cell import Cell, Complaint, Kind, must_be, tried
from .ran import Inputs, Ran, run


def columns(bench: Bench) -> Iterator[Cell]:
    """One input as a column, or as a row of shape (1, n), while the others stay as they are.

    Where they broadcast, every prediction is compared with every target.
    """
    for place in range(len(bench.inputs)):
        name, domain = bench.domains[place]
        x = bench.inputs[place]
        if domain.axes or (x.ndim != 1 and not _is_column(x)):
            continue
        for changed in (x.unsqueeze(-1), x.unsqueeze(0)) if x.ndim == 1 else (x.squeeze(-1),):
            others = " and ".join(str(tuple(y.shape)) for k, y in enumerate(bench.inputs) if k != place)
            inputs = bench.put(place, changed)
            what = f"a {name} of shape {tuple(changed.shape)} against {others}"
            yield tried(bench, what, "misuse", inputs, _as_aligned(bench))


def layouts(bench: Bench) -> Iterator[Cell]:
    """Inputs that are not contiguous in memory, and rows that are one row expanded."""
    inputs = tuple(x.clone() for x in bench.inputs)
    strided = tuple(torch.stack([x, torch.full_like(x, 7)], -1)[..., 0] for x in inputs)
    yield _as_is(bench, "inputs that are not contiguous", strided, bench.inputs)
    count = len(bench.prediction)
    spread = tuple(x[:1].expand(count, *x.shape[1:]) for x in inputs)
    packed = tuple(x.contiguous() for x in spread)
    # Rows that are all the same may rightly have no value, as where a spread is divided by.
    yield _as_is(bench, "rows that are one row expanded", spread, packed, kind="broken")
    if bench.prediction.ndim > 1:
        turned = tuple(x.mT.clone(memory_format=torch.contiguous_format).mT if x.ndim > 1 else x for x in inputs)
        yield _as_is(bench, "inputs that are transposed in memory", turned, bench.inputs)


def _as_is(bench: Bench, name: str, inputs: Inputs, packed: Inputs, kind: Kind = "ordinary") -> Cell:
    def call() -> Ran:
        # Without a copy, which would undo the layout; a detached view keeps it.
        first = inputs[0].detach()
        first = first.requires_grad_() if first.is_floating_point() else first
        return run(bench.call, (first, *inputs[1:]), copy=False)

    return Cell(
        name=name,
        kind=kind,
        run=call,
        wrong=must_be(bench, packed),
        reproduce=lambda: _shown(bench, inputs),
    )


def _shown(bench: Bench, inputs: Inputs) -> str:
    """A tensor written out is contiguous, so its strides are made again from what lies under it."""
    parts: list[str] = []
    for x in inputs:
        if 0 in x.stride():
            parts.append(f"{literal(x[:1])}.expand{tuple(x.shape)}")
        elif x.ndim > 1 and x.stride()[-1] != 1 and x.mT.is_contiguous():
            parts.append(f"{literal(x.mT)}.mT")
        else:
            parts.append(f"{literal(torch.stack([x, x], -1))}[..., 0]")
    written = ", ".join(parts)
    return bench.two_lines(f"batch = ({written},); print(loss(*batch), loss(*(x.contiguous() for x in batch)))")


def _as_aligned(bench: Bench) -> Complaint:
    right = must_be(bench, bench.inputs)

    def wrong(ran: Ran) -> str:
        if not (why := right(ran)):
            return ""
        return f"{why}, {'with no more than a warning' if ran.warned else 'without a word'}"

    return wrong


def _is_column(x: Tensor) -> bool:
    return x.ndim == 2 and x.shape[1] == 1
