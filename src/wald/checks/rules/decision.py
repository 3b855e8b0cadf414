"""The chance at which the decision flips, for binary losses.

Whoever cuts a probability at one half, or a score at zero, means to say yes where yes is likelier than no. Weights,
alpha and margins move that point: under a focal loss with alpha = 0.25 a score of zero stands for a chance of 75 %.
That is right only if it was meant, as where a false yes costs as much as three missed ones.

A loss that flips at one half promises more: errors beyond the unavoidable are bounded by how far the expected loss is
from its least value. The excess that keeps them within 5 % is told.

Elkan 2001, The Foundations of Cost-Sensitive Learning, IJCAI; Bartlett, Jordan & McAuliffe 2006,
doi:10.1198/016214505000000907 (calibration).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from ..probabilities.binary import Margins
from .rule import Rule, binary, logistic, reproduce

#: A threshold this far from one half is no rounding.
_PRACTICAL = 0.01


def look(measured: Measured) -> Iterator[Finding]:
    """State it, and warn where it is not one half and nothing says that it is meant."""
    subject, margins = measured.subject, measured.probabilities
    if not isinstance(margins, Margins):
        if subject.task in ("binary", "multilabel"):
            yield _finding(
                measured, "not_run", "the decision is measured for one score or probability against one label"
            )
        return
    if measured.direction.wrong:
        yield _finding(measured, "not_applicable", "no decision: minimising drives predictions away from the targets")
        return
    claimed = subject.claims.get("threshold")
    if margins.threshold is None:
        says = f"its best prediction never tells which label is likelier: {margins.calibrated.why}"
        said = subject.claims.get("calibrated") == "no"
        yield _finding(measured, "pass" if said else "warn", says, fix="Use a loss such as wald.BinaryCrossEntropy().")
        return
    effect = abs(margins.threshold - 0.5)
    unit = "probability" if subject.prediction.high == 1 else "score"
    cut = f"a {unit} of {0.5 if unit == 'probability' else 0:g}"
    if effect <= _PRACTICAL:
        yield _finding(measured, "pass", f"{cut} stands for a chance of one half{_bound(margins)}", effect)
        return
    says = f"{cut} stands for a chance of {margins.threshold:.4g}, not of one half"
    fix = "Cut where the costs of both errors say"
    fix += f"; a chance of one half is a {unit} of {margins.cut:.4g}." if margins.cut is not None else "."
    if margins.link.inverse:
        fix += f" The true probability of a prediction x is {margins.link.inverse}."
    meant = claimed is not None
    yield _finding(measured, "pass" if meant else "warn", f"{says}{', as its card says' * meant}", effect, fix)


def _bound(margins: Margins) -> str:
    if margins.guarantee is None:
        return ""
    return f"; to be within 5 % of the fewest errors its excess must be below {margins.guarantee:.3g}"


def _finding(measured: Measured, state: State, says: str, effect: float | None = None, fix: str = "") -> Finding:
    return Finding(
        code="W202",
        state=state,
        question="what it elicits",
        says=says,
        fix=fix,
        effect=effect,
        unit="probability",
        interval=None if effect is None else (effect, effect),
        threshold=None if effect is None else _PRACTICAL,
        evidence={
            "reproduce": reproduce(measured.subject, 'import wald; print(wald.check(loss).card["threshold"])'),
            **_numbers(measured),
        },
        method="the chance at which the expected cost of both sides is the same, by bisection",
        source="Elkan 2001, IJCAI",
    )


def _numbers(measured: Measured) -> dict[str, Any]:
    margins = measured.probabilities
    return {"cut": margins.cut, "guarantee": margins.guarantee} if isinstance(margins, Margins) else {}


def _weighted(prediction: Tensor, target: Tensor) -> Tensor:
    weight = torch.tensor(3.0, dtype=prediction.dtype)
    return torch.nn.functional.binary_cross_entropy_with_logits(prediction, target, pos_weight=weight)


RULE = Rule(
    codes={"W202": "the chance at which the decision flips"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: binary(_weighted),
    clean=lambda: binary(logistic),
)
