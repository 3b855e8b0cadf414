"""Question 2: how does the model hold when rows are not quite those that it was tested on?"""

from __future__ import annotations

from ..case import Case
from ..evidence import Budget, Evidence
from ..probe import Outcome, Probe, Work
from ..shifting import alike, classes, noise, splits, times
from ..shifting.changes import COLUMNS, NOISE, ROWS
from ..shifting.silent import QUESTION


def measure(evidence: Evidence) -> Outcome:
    """Other rows, other inputs, other classes, and other times."""
    parts = [part(evidence) for part in (splits, alike, classes, noise, times)]
    return Outcome(
        tuple(finding for part in parts for finding in part.findings),
        tuple(figure for part in parts for figure in part.figures),
        "; ".join(part.answer for part in parts if part.answer),
    )


def _work(case: Case, budget: Budget) -> Work:
    rows = min(len(case.test[1]), budget.rows)
    columns = min(COLUMNS, case.test[0].shape[1]) if case.test[0].ndim == 2 else 0
    others = sum(len(targets) for _, targets in case.shifted.values())
    return Work(passes=len(NOISE) + 1 + (2 * columns * min(ROWS, rows) + others) / rows)


SHIFT = Probe(
    "shift",
    QUESTION,
    "R205",
    "the metric under noise, missing values and shifted rows",
    measure,
    least="standard",
    work=_work,
)
