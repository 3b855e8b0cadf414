"""Parts of the data that the model serves worse."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "groups"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="F704", state="not_run", question=QUESTION, says="not built yet"),))


SLICES = Probe("slices", QUESTION, "F704", "parts of the data that the model serves worse", measure)
