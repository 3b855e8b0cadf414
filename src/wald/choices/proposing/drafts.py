"""A candidate in the making, and the order of plainness in which equals are recommended."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ...core import Loss
from ..candidate import After, Candidate

#: Where the numbers in a loss come from: it is the usual loss, or another without numbers; or they follow from the
#: data or the costs, or are a habit.
Origin = Literal["usual", "none", "data", "habit"]

_ORIGINS: dict[Origin, int] = {"usual": 0, "none": 2, "data": 4, "habit": 6}

#: The plainness of a loss that somebody brought: its numbers have a reason, though it is not known here.
GIVEN = _ORIGINS["data"]

#: What a table calls what is done after training.
_AFTER: dict[After, str] = {
    "nothing": "",
    "threshold": ", threshold moved",
    "prior correction": ", prior corrected",
    "recalibration": ", recalibrated",
}


def draft(
    name: str, loss: Loss, why: str, *, after: After = "nothing", numbers: Origin = "none", baseline: bool = False
) -> Candidate:
    """A candidate without its estimate.

    Of equals the plainer one is recommended. The usual loss, or the metric's own, is plainest, and after it any loss
    without numbers of its own: there is nothing to explain, to maintain or to get wrong. Numbers that follow from the
    data or the costs come next, since anybody can work them out again. Numbers that are a habit, such as gamma = 2,
    come last, since nobody can say why they are not others. A step after training is one more thing that must be
    carried along with the model, and so is less plain than none; but it leaves the loss alone, and so is plainer than
    a number more in the loss.
    """
    return Candidate(
        name=name + _AFTER[after], loss=loss, after=after, why=why, baseline=baseline,
        plainness=_ORIGINS[numbers] + (after != "nothing"),
    )  # fmt: skip


def undressed(candidate: Candidate) -> Candidate:
    """The same without what is done after training, in name and in plainness."""
    if candidate.after == "nothing":
        return candidate
    return replace(
        candidate, name=candidate.name.removesuffix(_AFTER[candidate.after]), after="nothing",
        plainness=candidate.plainness - 1,
    )  # fmt: skip
