"""Targets that are out of range, of another type, or in another form.

A mask of 255 under a logistic loss gives a large negative number, and training "improves" without end; labels of -1
and 1 under a loss for 0 and 1 give a plausible one. The number that was meant is right, as where labels come as
integers, and so is a refusal. Anything else is a trap of the call rather than an error of the loss, since plain
formulas have it, and is warned of.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, binary, logistic


def look(measured: Measured) -> Iterator[Finding]:
    """Labels and ids beyond the last one, every width of integers, and one-hot rows for ids."""
    yield from told(
        measured.edges.of("W120"),
        "W120",
        fix="Check the range of the targets once, where the data are read, or use a loss that does, as wald's do.",
        method="one target out of its range at a time",
    )
    yield from told(
        measured.edges.of("W121"),
        "W121",
        fix="Convert the targets to the dtype of the prediction, or ids to int64, before the formula.",
        method="the same targets in every type that holds them",
    )
    yield from told(
        measured.edges.of("W122"),
        "W122",
        fix="Compare the shape of the targets with the one that the loss is for, and raise.",
        method="one-hot rows of integers in place of class ids",
    )


def _checked(prediction: Tensor, target: Tensor) -> Tensor:
    if bool(((target < 0) | (target > 1)).any()):
        raise ValueError("targets lie between 0 and 1")
    return logistic(prediction, target)


RULE = Rule(
    codes={
        "W120": "targets out of range give a plausible number",
        "W121": "targets of another type give another number",
        "W122": "targets in another form give another number",
    },
    explains=__doc__ or "",
    look=look,
    planted=lambda: binary(logistic),
    clean=lambda: binary(_checked),
)
