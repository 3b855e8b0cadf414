"""Loss and metric across trainings."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "metric correlation"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="M404", state="not_run", question=QUESTION, says="not built yet"),))


RUNS = Probe("runs", QUESTION, "M404", "loss and metric across trainings", measure, needs=("runs",))
