"""What a prediction of shape (n, 1) against a target of shape (n,) gives.

The two broadcast to (n, n): every prediction is compared with every target. The number looks plausible, the
model learns the mean of the targets, and nothing says why. Raising is right. A loss that says so in a warning
leaves it to the reader of the log; one that is silent leaves it to luck.

It is a warning and not a failure, because every formula written in plain torch does so: it is a trap of the
call, not an error of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error

_METHOD: Final = "each input as a column, then as a row, against the others"


def look(measured: Measured) -> Iterator[Finding]:
    """Each input as a column, and as a row."""
    rows = measured.edges.of("W401")
    if not rows:
        says = "its inputs have axes of their own, and do not broadcast like numbers"
        yield Finding(code="W401", state="not_applicable", question="call", says=says, method=_METHOD)
        return
    refused = all(row.outcome == "clear error" for row in rows)
    yield from told(
        rows,
        "W401",
        question="call",
        fix="Raise unless prediction.shape == target.shape; call it with prediction.squeeze(-1).",
        method=_METHOD,
        quiet="it refuses shapes that differ" if refused else "shapes that differ are refused, or mean the same",
    )


def _strict(prediction: Tensor, target: Tensor) -> Tensor:
    if prediction.shape != target.shape:
        raise ValueError(f"{tuple(prediction.shape)} and {tuple(target.shape)} differ")
    return squared_error(prediction, target)


RULE = Rule(
    codes={"W401": "shapes broadcast"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(squared_error),
    clean=lambda: regression(_strict),
)
