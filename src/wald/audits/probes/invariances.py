"""Predictions scaled, shifted and turned without end."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "gaming"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="G306", state="not_run", question=QUESTION, says="not built yet"),))


INVARIANCES = Probe("invariances", QUESTION, "G306", "predictions scaled, shifted and turned without end", measure)
