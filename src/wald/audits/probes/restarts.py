"""How far other seeds end from here."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "training"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="T803", state="not_run", question=QUESTION, says="not built yet"),))


RESTARTS = Probe(
    "restarts", QUESTION, "T803", "how far other seeds end from here", measure, needs=("refit",), least="deep"
)
