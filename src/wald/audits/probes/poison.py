"""A backdoor in the training rows."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "data"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="D902", state="not_run", question=QUESTION, says="not built yet"),))


POISON = Probe(
    "poison", QUESTION, "D902", "a backdoor in the training rows", measure, needs=("module", "train"), least="standard"
)
