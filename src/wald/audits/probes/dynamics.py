"""First loss, one batch by heart, shuffled inputs and targets."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "training"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="T802", state="not_run", question=QUESTION, says="not built yet"),))


DYNAMICS = Probe(
    "dynamics",
    QUESTION,
    "T802",
    "first loss, one batch by heart, shuffled inputs and targets",
    measure,
    needs=("train",),
    least="standard",
)
