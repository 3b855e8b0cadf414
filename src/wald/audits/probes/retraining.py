"""Training again with a loss that is consistent for the metric."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "alignment"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="A103", state="not_run", question=QUESTION, says="not built yet"),))


RETRAINING = Probe(
    "retraining",
    QUESTION,
    "A103",
    "training again with a loss that is consistent for the metric",
    measure,
    needs=("refit",),
    least="deep",
)
