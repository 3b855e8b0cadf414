"""Weights of rows: zero, not a number, negative, and none that is not zero."""

from __future__ import annotations

from collections.abc import Iterator
import math

import torch

from .bench import Bench
from .cell import Cell, as_without, at, fine, must_show, tried
from .ran import Ran


def weights(bench: Bench) -> Iterator[Cell]:
    """A row of weight 0 must count as one that is not there, and a weight of NaN must show."""
    if not bench.weighs:
        return
    ones = torch.ones(bench.batch, dtype=bench.prediction.dtype)
    left = at(ones, 1, 0.0)
    hidden = (at(bench.prediction, 1, math.nan), *bench.inputs[1:])
    yield tried(bench, "a row of weight 0", "ordinary", bench.inputs, as_without(bench, 1), weight=left)
    yield tried(bench, "a row of weight 0 that holds NaN", "broken", hidden, fine, rows=(1,), slope=True, weight=left)
    yield tried(bench, "a weight of NaN", "broken", bench.inputs, must_show, weight=at(ones, 1, math.nan))
    yield tried(bench, "weights that are all 0", "edge", bench.inputs, _must_be_nothing, weight=torch.zeros_like(ones))
    yield tried(bench, "a negative weight", "blind", bench.inputs, _must_be_refused, weight=at(ones, 1, -1.0))


def _must_be_nothing(ran: Ran) -> str:
    return "" if ran.value is None or not bool(ran.value.any()) else f"{ran.number:.4g}, though no row counts"


def _must_be_refused(ran: Ran) -> str:
    return f"{ran.number:.4g} and no complaint"
