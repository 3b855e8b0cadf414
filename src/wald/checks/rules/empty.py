"""What a batch gives in which nothing counts: no rows, or every row masked or ignored.

The last batch, a rank without data or a filter that kept nothing gives a batch of no examples. A mean of nothing
is 0 / 0, and its NaN then goes into running means and totals; the mathematics is right, the surprise is real.
A number that differs from call to call is memory that was never written.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """A batch of no rows, then one in which every row is left out, and one left-out row that holds NaN."""
    yield from told(
        measured.edges.of("W106"),
        "W106",
        fix="Return zero with a gradient, or raise; until then skip empty batches. Losses of wald give 0.",
        method="a batch of no rows, again and again with other numbers left in memory",
        quiet="an empty batch gives zero or no values, or is refused",
    )
    # What gives another answer each time can only be asked for nothing.
    if measured.steady:
        yield from told(
            measured.edges.of("W115"),
            "W115",
            fix="Replace what is left out before the formula, and return zero where nothing is left.",
            method="every row masked or ignored, and one such row that holds NaN",
        )


def _total(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).square().sum() / max(len(prediction), 1)


RULE = Rule(
    codes={"W106": "what an empty batch gives", "W115": "what a batch gives in which every row is left out"},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=lambda: regression(squared_error),
    clean=lambda: regression(_total),
)
