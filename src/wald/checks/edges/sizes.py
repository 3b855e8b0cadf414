"""Batches of an unusual size or make-up: none, one, the same twice, one class only, nothing that counts."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .bench import Bench
from .cell import Cell, Complaint, as_without, at, fine, tried, widened
from .ran import Inputs, Ran


def empty(bench: Bench) -> Iterator[Cell]:
    """A batch of no rows."""
    none = tuple(x[:0] for x in bench.inputs)
    yield tried(bench, "an empty batch", "edge", none, _is_nothing, memory=True, mild=bench.whole)


def few(bench: Bench) -> Iterator[Cell]:
    """One row, and every row twice."""
    one = bench.rows(0)
    yield tried(
        bench, "a batch of one row", "ordinary", one, _as_among(bench, bench.rows(0, 0)), memory=True, mild=bench.whole
    )
    twice = tuple(torch.cat([x, x]) for x in bench.inputs)
    yield tried(bench, "every row twice", "ordinary", twice, _as_among(bench, bench.inputs), mild=bench.whole)


def one_class(bench: Bench) -> Iterator[Cell]:
    """Targets that are all the same."""
    target = bench.target
    if target is None or target.ndim != (2 if _column(target) else 1):
        return
    if target.is_floating_point() and bench.task not in ("binary", "multilabel"):
        same = [("a batch with one target for all", target[:1].expand_as(target).clone())]
    else:
        kinds = bench.labels if target.is_floating_point() else (0, 1)
        same = [(f"a batch in which all targets are {kind:g}", torch.full_like(target, kind)) for kind in kinds]
        same = [(name, x) for name, x in same if bench.ignores is None or bool((x != bench.ignores).any())]
    for name, targets in same:
        yield tried(bench, name, "ordinary", bench.put(1, targets), fine, memory=True, mild=bench.whole)
    if bench.whole and bench.task == "binary" and bench.domains[0][1].high == 1 and bench.labels[0] == 0:
        # An image without an object, told rightly: overlaps divide nothing by nothing here.
        nothing = (torch.zeros_like(bench.prediction), torch.zeros_like(target), *bench.inputs[2:])
        yield tried(bench, "a batch in which all targets and predictions are 0", "ordinary", nothing, fine)


def nothing_counts(bench: Bench) -> Iterator[Cell]:
    """Every row masked or ignored, and ignored rows that hold NaN."""
    target = bench.target
    hidden = at(widened(bench.prediction), 1, torch.nan)
    if target is not None and bench.ignores is not None and not target.is_floating_point():
        name = f"a batch in which every target is ignored ({bench.ignores})"
        ignored = bench.put(1, torch.full_like(target, bench.ignores))
        yield tried(bench, name, "edge", ignored, _is_nothing, memory=True)
        inputs = (hidden, at(target, 1, bench.ignores))
        yield tried(
            bench, "an ignored row that holds NaN", "broken", inputs, as_without(bench, 1), rows=(1,), slope=True
        )
    if bench.masks:
        mask = torch.zeros(bench.batch, dtype=torch.bool)
        yield tried(bench, "a batch in which every row is masked", "edge", bench.inputs, _is_nothing, mask=mask)
        mask = torch.ones_like(mask)
        mask[1] = False
        name, inputs = "a masked row that holds NaN", (hidden, *bench.inputs[1:])
        yield tried(bench, name, "ordinary", inputs, as_without(bench, 1), rows=(1,), slope=True, mask=mask)


def _is_nothing(ran: Ran) -> str:
    if ran.value is None or ran.value.numel() == 0 or bool((ran.value == 0).all()):
        return ""
    return f"{ran.number:.4g}, a number that no example stands for"


def _as_among(bench: Bench, copies: Inputs) -> Complaint:
    """A batch must cost what it costs, as a mean or a sum, among its own copies."""

    def wrong(ran: Ran) -> str:
        other = bench.run(copies)
        if bench.whole or ran.value is None or other.value is None or not other.finite:
            return ""
        here, there = ran.value.double().mean(), other.value.double().mean()
        if any(bench.alike(here, there * factor) for factor in (1.0, 2.0, 0.5)):
            return ""
        return f"{float(here):.4g}, and {float(there):.4g} beside its own copy"

    return wrong


def _column(x: Tensor) -> bool:
    return x.ndim == 2 and x.shape[1] == 1
