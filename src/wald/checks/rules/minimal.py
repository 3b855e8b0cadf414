"""Whether a perfect prediction costs least.

Where something else costs less than the target itself, a model is trained away from being right, however much data
there is. The usual causes are a term that pulls predictions towards zero, a target in another unit or scale than the
prediction, and a sign. With labels it can be meant: label smoothing asks for less than certainty.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, regression, shown, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Hold the exact prediction against many others."""
    subject, found = measured.subject, measured.perfect
    state: State = "pass"
    says, fix = found.why, ""
    if found.word is None:
        state, says = "not_applicable", "there is no prediction that is the target itself"
    elif found.word == "unresolved":
        state, says = "inconclusive", f"whether a perfect prediction costs least is not resolved: {found.why}"
    elif found.word == "no" and subject.task == "regression" and subject.claims.get("perfect_is_minimal") != "no":
        state, says = "warn", f"a perfect prediction does not cost least: {found.why}"
        fix = "Look for a penalty on the prediction, a target in another scale, or a sign; else say what is meant."
    elif found.word == "no":
        says = f"a sure prediction does not cost least, as is meant where certainty is not wanted: {found.why}"
    yield Finding(
        code="W604",
        state=state,
        question="gaming",
        says=says,
        fix=fix,
        evidence={"reproduce": shown(subject, *found.inputs)} if found.inputs else {},
        method="the target as prediction, against a grid of others",
    )


def _shrunk(prediction: Tensor, target: Tensor) -> Tensor:
    return ((prediction - target).square() + 0.5 * prediction.square()).mean()


RULE = Rule(
    codes={"W604": "a perfect prediction does not cost least"},
    explains=__doc__ or "",
    look=look,
    aimed=True,
    planted=lambda: regression(_shrunk),
    clean=lambda: regression(squared_error),
)
