"""Loss and metric within a training."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "metric correlation"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="M403", state="not_run", question=QUESTION, says="not built yet"),))


HISTORY = Probe("history", QUESTION, "M403", "loss and metric within a training", measure, needs=("history",))
