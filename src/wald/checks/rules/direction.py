"""Whether minimising leads predictions towards the targets, or drives them away.

A sign that is wrong turns learning into unlearning: the loss falls and falls, and every prediction flees from
its target. It happens where a score to be maximised is minimised, where prediction and target change places in an
asymmetric loss, and where a minus is lost from a likelihood.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, regression, shown, squared_error

#: More than half of all places is no quirk of the shape.
_HALF = 0.5


def look(measured: Measured) -> Iterator[Finding]:
    """Compare the way downhill with the way to the target."""
    found = measured.direction
    if found.away is None:
        yield Finding(
            code="W501",
            state="not_applicable" if found.meaningless else "not_run",
            question="shape",
            says=f"the direction of learning: {found.why}",
        )
        return
    state: State = "pass"
    says, fix = "minimising it leads predictions to the targets", ""
    if found.wrong:
        state = "fail"
        falls = ", and it is unbounded below" if measured.bounded.word == "no" else ""
        says = f"minimising it drives predictions away from the targets{falls}: {found.why}"
        fix = "Turn its sign; where a score is to be maximised, minimise minus the score."
    yield Finding(
        code="W501",
        state=state,
        question="shape",
        says=says,
        fix=fix,
        effect=found.away,
        unit="of all steps lead away",
        threshold=_HALF if found.wrong else None,
        evidence={"reproduce": shown(measured.subject, *found.inputs)} if found.wrong else {},
        method="where its values fall, against where the targets are",
    )


def _flipped(prediction: Tensor, target: Tensor) -> Tensor:
    return -squared_error(prediction, target)


RULE = Rule(
    codes={"W501": "minimising drives predictions away from the targets"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_flipped),
    clean=lambda: regression(squared_error),
)
