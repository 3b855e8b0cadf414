"""Whether every consistent metric would agree."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "metric correlation"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="M405", state="not_run", question=QUESTION, says="not built yet"),))


DOMINANCE = Probe("dominance", QUESTION, "M405", "whether every consistent metric would agree", measure)
