"""Whether a record of returns can be believed."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "tail risk"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="X103", state="not_run", question=QUESTION, says="not built yet"),))


PERFORMANCE = Probe("performance", QUESTION, "X103", "whether a record of returns can be believed", measure)
