"""Declared shocks."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "tail risk"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="X101", state="not_run", question=QUESTION, says="not built yet"),))


SCENARIOS = Probe("scenarios", QUESTION, "X101", "declared shocks", measure)
