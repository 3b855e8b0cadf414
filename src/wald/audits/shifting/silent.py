"""What is said where there is nothing to measure."""

from __future__ import annotations

from ...findings import Finding, State
from ..probe import Outcome

QUESTION = "robustness"


def silent(code: str, what: str, why: str, *, fix: str = "", state: State = "not_applicable") -> Outcome:
    """One finding without a measurement."""
    return Outcome((Finding(code=code, state=state, question=QUESTION, says=f"{what}: {why}", fix=fix),))
