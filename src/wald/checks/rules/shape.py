"""The shape of the loss: how it bends, where it has kinks, how it and its gradient grow.

An optimiser meets nothing but the shape. A gradient that grows with the error lets one outlier decide a step; one
that vanishes lets go of what is far off; a kink has no second derivative for boosting or Newton. And a loss that
rises, falls and rises again along a line holds predictions in a valley that is not the best one: training depends
on where it starts.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from ..shape.overall import Shape
from .rule import Rule, regression, shown, squared_error

_SMOOTH = ("has kinks", "can be differentiated once", "can be differentiated twice", "is smooth")


def look(measured: Measured) -> Iterator[Finding]:
    """The shape in one sentence, then its valleys."""
    shape = measured.shape
    yield Finding(code="W314", state="pass", question="shape", says=_told(measured, shape), method="lines and rays")
    yield _valleys(measured, shape)


def _told(measured: Measured, shape: Shape) -> str:
    curvature, growth, kinks = shape.curvature, shape.growth, shape.kinks
    bends = {
        "yes": "it is convex",
        "no": "it is not convex",
        "unresolved": "whether it is convex is not resolved",
    }[measured.convex.word or "unresolved"]
    if measured.convex.word == "yes":
        bends += {"yes": ", strictly", "no": ", not strictly", "unresolved": ""}[curvature.strict.word or "unresolved"]
    parts = [bends]
    if kinks.smooth is not None:
        parts.append(_SMOOTH[kinks.smooth] + f" ({kinks.where})" * bool(kinks.where))
    if growth.value is not None:
        parts.append("rises towards no end" if growth.value == "none" else f"grows {_how(growth.value)}")
    if growth.slope is not None:
        parts.append(f"its gradient is {growth.slope}")
    if growth.constant is not None:
        parts.append(f"it is Lipschitz ({growth.lipschitz.why})")
    return ", ".join(parts)


def _how(value: str) -> str:
    words = {"bounded": "no further than a bound", "unbounded": "without limit at an end of its domain"}
    return words.get(value, f"like a {value}" if value.startswith("power") else f"{value}ly".replace("cly", "cally"))


def _valleys(measured: Measured, shape: Shape) -> Finding:
    subject, found = measured.subject, shape.curvature.quasi
    state: State = "pass"
    says, fix = "along no line is there a valley beside the best one", ""
    single = subject.scalar and not subject.whole
    if found.word == "unresolved":
        state, says = "inconclusive", f"whether there are false valleys is not resolved: {found.why}"
    elif found.word == "no" and single and not measured.direction.wrong and measured.bounded.word == "yes":
        state, says = "warn", f"predictions can be caught in a valley that is not the best: {found.why}"
        fix = "Start near the targets, or use a loss that falls all the way to them."
    elif found.word == "no":
        says = f"it has hills between valleys, as losses of several outputs often have: {found.why}"
    return Finding(
        code="W315",
        state=state,
        question="shape",
        says=says,
        fix=fix,
        evidence={"reproduce": shown(subject, *found.inputs)} if found.inputs else {},
        method="values along lines, near each other and decades apart",
    )


def _periodic(prediction: Tensor, target: Tensor) -> Tensor:
    return (1 - torch.cos(prediction - target)).mean()


RULE = Rule(
    codes={"W314": "the shape", "W315": "valleys that are not the best"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_periodic),
    clean=lambda: regression(squared_error),
)
