"""Best of n by the proxy, judged by the gold score."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "gaming"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="G305", state="not_run", question=QUESTION, says="not built yet"),))


OVEROPTIMISATION = Probe(
    "over-optimisation",
    QUESTION,
    "G305",
    "best of n by the proxy, judged by the gold score",
    measure,
    needs=("candidates",),
)
