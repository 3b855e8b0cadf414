"""Whether a NaN in a prediction shows in the loss.

A loss that turns NaN into a finite number hides a model that has broken: comparisons with NaN are false, so a
torch.where or a maximum written by hand takes the other branch. The run goes on, the number looks healthy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, regression, shown, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """One NaN in a batch."""
    subject = measured.subject
    first, *rest = subject.inputs(4)
    broken = first.clone()
    broken[1] = torch.nan
    try:
        value = subject.batch(broken, *rest).detach()
    except (RuntimeError, ValueError, TypeError) as error:
        yield _finding("pass", f"it refuses NaN: {str(error).partition(chr(10))[0]}")
        return
    if bool(value.isnan().any()):
        yield _finding("pass", "a NaN in the prediction shows in its value")
        return
    yield _finding(
        "fail",
        f"a NaN in the prediction gives {value.mean():.4g}, as if nothing were wrong",
        fix="Use torch.clamp, torch.relu or torch.maximum, which pass NaN on, in place of comparisons.",
        evidence={"reproduce": shown(subject, (broken, *rest))},
    )


def _finding(state: State, says: str, fix: str = "", evidence: Mapping[str, Any] | None = None) -> Finding:
    return Finding(
        code="W105",
        state=state,
        question="edge cases",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="one NaN in a batch",
    )


def _by_hand(prediction: Tensor, target: Tensor) -> Tensor:
    error = prediction - target
    return torch.where(error.abs() > 0, error.abs(), 0.0).mean()


RULE = Rule(
    codes={"W105": "a NaN in the prediction is hidden"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_by_hand),
    clean=lambda: regression(squared_error),
)
