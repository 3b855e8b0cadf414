"""The metric under noise, missing values and shifted rows."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "robustness"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="R205", state="not_run", question=QUESTION, says="not built yet"),))


SHIFT = Probe(
    "shift",
    QUESTION,
    "R205",
    "the metric under noise, missing values and shifted rows",
    measure,
    needs=("model",),
    least="standard",
)
