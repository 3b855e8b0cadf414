"""Whether its errors say what was wrong.

An error is the best answer to an input that cannot be meant, if it names the input, its shape, dtype or range. A bare
assertion, or an AttributeError from deep inside, sends its reader to the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

from ...findings import Finding
from ..edges import BATTERY
from ..measured import Measured
from .rule import Rule, regression, squared_error

#: What the caller did; what torch refuses for its own reasons, as under vmap, is no error of the loss.
_OWN: Final = [code for code in BATTERY if code not in ("W123", "W124", "W125", "W126", "W127")]


def look(measured: Measured) -> Iterator[Finding]:
    """Every cell in which it raised."""
    rows = [row for code in _OWN for row in measured.edges.of(code)]
    unclear = [row for row in rows if row.outcome == "unclear error"]
    if not unclear:
        return
    first, *others = unclear
    yield Finding(
        code="W128",
        state="warn",
        question="call",
        says=f"{first.says}, which does not say what was wrong{f' (and {len(others)} more)' if others else ''}",
        fix="Raise ValueError, TypeError or IndexError, and name the argument, what it was and what it should be.",
        evidence={"reproduce": first.reproduce, "cells": {row.cell: row.says for row in unclear}},
        method="the type and the words of each error that unusual inputs raise",
    )


def _asserts(prediction: Tensor, target: Tensor) -> Tensor:
    assert prediction.shape == target.shape  # noqa: S101  (what is planted)
    return squared_error(prediction, target)


def _says(prediction: Tensor, target: Tensor) -> Tensor:
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")
    return squared_error(prediction, target)


RULE = Rule(
    codes={"W128": "an error does not say what was wrong"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_asserts),
    clean=lambda: regression(_says),
)
