"""How low the loss must be for how few errors."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "alignment"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="A104", state="not_run", question=QUESTION, says="not built yet"),))


GUARANTEE = Probe("guarantee", QUESTION, "A104", "how low the loss must be for how few errors", measure)
