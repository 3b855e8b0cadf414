"""Whether there is a least value.

A loss that falls without end has no best prediction, so training cannot arrive: predictions grow until something
overflows. The usual cause is a missing absolute value or square, or a sign. Some losses of scores are meant so,
and need scores that are bounded by other means.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, regression, shown, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Follow it outwards."""
    subject, found = measured.subject, measured.bounded
    state: State = "pass"
    says, fix = f"it has a least value: {found.why}", ""
    if found.word == "unresolved":
        state, says = "inconclusive", f"whether it has a least value is not resolved: {found.why}"
    elif found.word == "no" and subject.claims.get("bounded_below") == "no":
        says = f"it has no least value, as its card says: {found.why}"
    elif found.word == "no":
        # Of numbers it is an error; scores of labels may be held by other means, as with an unhinged loss.
        state = "fail" if subject.task == "regression" and subject.scalar else "warn"
        says = f"it is unbounded below, so it has no best prediction: {found.why}"
        fix = "Look for a missing abs, square or sign; where it is meant, bound the predictions."
    yield Finding(
        code="W502",
        state=state,
        question="shape",
        says=says,
        fix=fix,
        evidence={"reproduce": shown(subject, *found.inputs)} if found.inputs else {},
        method="values along rays over seven decades",
    )


def _signed(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).mean()


RULE = Rule(
    codes={"W502": "unbounded below"},
    explains=__doc__ or "",
    look=look,
    aimed=True,
    planted=lambda: regression(_signed),
    clean=lambda: regression(squared_error),
)
