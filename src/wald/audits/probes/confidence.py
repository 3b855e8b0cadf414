"""Calibration of each class, and of regressions."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "calibration"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="C603", state="not_run", question=QUESTION, says="not built yet"),))


CONFIDENCE = Probe("confidence", QUESTION, "C603", "calibration of each class, and of regressions", measure)
