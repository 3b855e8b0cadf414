"""Batches of one row, of rows that repeat, and of one class.

The last batch of an epoch is often of one row, and a batch of a rare class of one label. A variance that divides by
one row less, a ratio to the spread of the targets or a count of pairs has no value there. Where rows do not meet, a
row must cost alone what it costs among its own copies.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """One row, every row twice, and every target the same."""
    yield from told(
        measured.edges.of("W113"),
        "W113",
        fix="Divide by the number of rows, not by one less, or refuse batches that are too small.",
        method="one row, and a batch joined with its own copy",
    )
    yield from told(
        measured.edges.of("W114"),
        "W114",
        fix="Guard the division by the spread, or by the count of pairs, or refuse such a batch in words.",
        method="the same batch with one target for all rows",
    )


def _unbiased(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).square().sum() / (len(prediction) - 1)


RULE = Rule(
    codes={"W113": "one row, or copies of rows, break the loss", "W114": "a batch of one class breaks the loss"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_unbiased),
    clean=lambda: regression(squared_error),
)
