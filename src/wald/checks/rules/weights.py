"""What weights of zero, of NaN, and of nothing but zero do, for a loss that takes a weight for each row.

A row of weight 0 must be as one that is not there, and a weight of NaN must show. Where no row has any weight, the
weighted mean is 0 / 0: a rank, or a batch, whose rows are all padding gives NaN.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression


def look(measured: Measured) -> Iterator[Finding]:
    """Weights of 0, NaN and -1 in one row, and 0 in all."""
    yield from told(
        measured.edges.of("W116"),
        "W116",
        fix="Multiply by the weights before the sum, divide by their sum, and return zero where that is zero.",
        method="weights of 0, NaN and -1 in one row, and 0 in all",
    )


def _weighted(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    error = (prediction - target).square()
    return error.mean() if weight is None else (error * weight).sum() / weight.sum()


def _guarded(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    error = (prediction - target).square()
    return error.mean() if weight is None else (error * weight).sum() / weight.sum().clamp(min=1e-12)


RULE = Rule(
    codes={"W116": "weights of rows go wrong"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_weighted),
    clean=lambda: regression(_guarded),
)
