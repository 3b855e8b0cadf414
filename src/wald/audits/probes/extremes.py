"""The tail of what is lost over time."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "tail risk"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="X102", state="not_run", question=QUESTION, says="not built yet"),))


EXTREMES = Probe("extremes", QUESTION, "X102", "the tail of what is lost over time", measure)
