"""Wrong labels."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "data"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="D901", state="not_run", question=QUESTION, says="not built yet"),))


LABELS = Probe("labels", QUESTION, "D901", "wrong labels", measure, needs=("train",), least="standard")
