"""Predictions that hardly vary."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "gaming"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="G307", state="not_run", question=QUESTION, says="not built yet"),))


COLLAPSE = Probe("collapse", QUESTION, "G307", "predictions that hardly vary", measure)
