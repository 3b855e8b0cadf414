"""The balance of the terms of an objective."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "alignment"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="A105", state="not_run", question=QUESTION, says="not built yet"),))


TERMS = Probe(
    "terms",
    QUESTION,
    "A105",
    "the balance of the terms of an objective",
    measure,
    needs=("module", "train"),
    least="standard",
)
