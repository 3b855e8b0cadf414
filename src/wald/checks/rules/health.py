"""Where the gradient stays usable: a map over magnitudes, sides, targets and dtypes.

Half precision ends early: a cross-entropy after a sigmoid learns nothing from a prediction of 6.3 in bfloat16, of 17
in single precision. The map says from where on the gradient is zero, NaN or infinite, so that it can be held
against the predictions that a model makes. A gradient of the wrong sign is an error wherever it is: the step leads
away from the target. Zeros and overflows that are faults of the formula have findings of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from ..shape.health import Health, Strip
from .rule import Rule, regression, sloped, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """One finding with the map in words, one for each dtype in which a sign is wrong."""
    health = measured.health
    if health is None:
        yield Finding(
            code="W107",
            state="not_applicable",
            question="edge cases",
            says="the map of the gradient is drawn for one number against one number",
        )
        return
    wrong = [strip for strip in health.strips if strip.wrong]
    for strip in wrong:
        yield _wrong(measured, strip)
    if not wrong:
        yield Finding(
            code="W107",
            state="pass",
            question="edge cases",
            says=_told(health),
            evidence={strip.name: {"dies": strip.dies, "overflows": strip.overflows} for strip in health.strips},
            method="gradients over six decades of the prediction, then bisection, against double precision",
        )


def _told(health: Health) -> str:
    ends = [
        f"{'dies' if strip.dies is not None else 'overflows'} at {end:.3g} in {strip.name}"
        for strip in health.strips
        if (end := strip.dies if strip.dies is not None else strip.overflows) is not None
    ]
    return f"its gradient {', '.join(ends)}" if ends else "its gradient is in order up to 10 000 in every dtype"


def _wrong(measured: Measured, strip: Strip) -> Finding:
    found, true = strip.wrong_slopes
    state: State = "warn" if strip.dtype in (torch.float16, torch.bfloat16) else "fail"
    return Finding(
        code="W107",
        state=state,
        question="edge cases",
        says=f"in {strip.name}, at a prediction of {strip.wrong[0].item():.4g} and a target of "
        f"{strip.wrong[1].item():.4g}, its gradient is {found:.4g} and should be {true:.4g}: the wrong sign",
        fix="Reorder the formula so that large numbers do not cancel, or compute it in single precision.",
        evidence={"reproduce": sloped(measured.subject, strip.wrong), "dtype": strip.name},
        method="gradients over six decades of the prediction, against double precision",
    )


def _cancelled(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction + 1e4 - 1e4 - target).square().mean()


RULE = Rule(
    codes={"W107": "the health of the gradient"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_cancelled),
    clean=lambda: regression(squared_error),
)
