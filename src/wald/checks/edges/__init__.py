"""The edge battery: unusual inputs, and one of twelve words for what a loss does with each."""

from __future__ import annotations

from collections.abc import Callable

from ..behaviour.manners import Manners
from ..shape.magnitudes import DTYPES, Range
from ..subjects.subject import Subject
from .bench import Bench, bench_of
from .calls import call_rows
from .dtypes import dtype_rows
from .judge import Row
from .outcome import MEANS, OUTCOMES, Outcome
from .table import BATTERY, Edges, cells_of
from .telling import told

__all__ = ["BATTERY", "MEANS", "OUTCOMES", "Bench", "Edges", "Outcome", "Row", "cells_of", "measure_edges", "told"]


def measure_edges(
    subject: Subject, ranges: Callable[..., Range], manners: Manners, *, lost: frozenset[str] = frozenset()
) -> Edges:
    """The battery on a subject; nothing is tried before it is asked for.

    Args:
        subject: the loss.
        ranges: what is known of its magnitudes in a dtype.
        manners: what is known of how it behaves towards its caller.
        lost: codes that are not tried, as the loss broke the process at them.
    """
    bench = bench_of(subject, steady=not manners.cause)

    def elsewhere(code: str) -> tuple[Row, ...]:
        if code == "W101":
            return tuple(
                row
                for dtype in DTYPES
                for row in dtype_rows(
                    ranges(dtype),
                    lambda inputs: bench.run(subject.shaped(inputs)),
                    lambda inputs, slope: bench.shown(subject.shaped(inputs), slope=slope),
                )
            )
        return tuple(call_rows(bench, subject, manners))

    return Edges(bench, elsewhere, lost=lost)
