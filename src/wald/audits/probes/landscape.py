"""Curvature and convergence where training ended."""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "training"


def measure(evidence: Evidence) -> Outcome:
    """Not built yet."""
    return Outcome((Finding(code="T801", state="not_run", question=QUESTION, says="not built yet"),))


LANDSCAPE = Probe(
    "landscape",
    QUESTION,
    "T801",
    "curvature and convergence where training ended",
    measure,
    needs=("module", "train"),
    least="standard",
)
