"""Two predictors: one with the better loss, the other with the better metric."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "gaming"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="G308", state="not_run", question=QUESTION, says="not built yet"),))


GOODHART = Probe(
    "goodhart",
    QUESTION,
    "G308",
    "two predictors: one with the better loss, the other with the better metric",
    measure,
    least="standard",
)
