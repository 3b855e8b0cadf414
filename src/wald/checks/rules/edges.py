"""The whole battery of unusual inputs, in one sentence and one table.

Each input is tried, and what comes of it is one of twelve words, from "value" to "silently wrong". What is worth a
warning or a failure has a rule of its own; here is the account of all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...findings import Finding
from ..edges import OUTCOMES, cells_of
from ..measured import Measured
from .rule import Rule


def look(measured: Measured) -> Iterator[Finding]:
    """The table."""
    rows = measured.edges.rows
    good = sum(row.grade == "pass" and row.outcome != "unclear error" for row in rows)
    counts = Counter(row.outcome for row in rows)
    which = "all" if good == len(rows) else f"{good} of"
    yield Finding(
        code="W130",
        state="pass",
        question="edge cases",
        says=f"{which} {len(rows)} unusual inputs give a right value, a NaN that shows, or a clear error",
        evidence={
            "cells": cells_of(rows),
            "outcomes": {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]},
        },
        method="a few rows, changed in one way at a time",
    )


RULE = Rule(
    codes={"W130": "what unusual inputs do, all together"},
    explains=__doc__ or "",
    look=look,
)
