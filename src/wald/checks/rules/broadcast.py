"""What a prediction of shape (n, 1) against a target of shape (n,) gives.

The two broadcast to (n, n): every prediction is compared with every target. The number looks plausible, the
model learns the mean of the targets, and nothing says why. Raising is right. A loss that says so in a warning
leaves it to the reader of the log; one that is silent leaves it to luck.

It is a warning and not a failure, because every formula written in plain torch does so: it is a trap of the
call, not an error of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
import warnings

import torch
from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, literal, regression, reproduce, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Both ways round."""
    subject = measured.subject
    if not subject.scalar:
        yield _finding("not_applicable", "its inputs have axes of their own, and do not broadcast like numbers")
        return
    x, y = subject.inputs(5)
    aligned = subject.call(*((x.unsqueeze(-1), y.unsqueeze(-1)) if subject.column else (x, y))).detach()
    refusals = 0
    for a, b in ((x.unsqueeze(-1), y), (x, y.unsqueeze(-1))):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                value = subject.call(a, b).detach()
            except Exception:
                refusals += 1
                continue
        if value.numel() == aligned.numel() and torch.allclose(
            value.flatten(), aligned.flatten(), rtol=1e-5, equal_nan=True
        ):
            continue
        says = f"prediction {tuple(a.shape)} and target {tuple(b.shape)} broadcast to (5, 5)"
        told = "with no more than a warning" if heard else "without a word"
        yield _finding(
            "warn",
            f"{says} {told}: {value.mean():.4g} in place of {aligned.mean():.4g}",
            fix="Raise unless prediction.shape == target.shape; call it with prediction.squeeze(-1).",
            evidence={"reproduce": reproduce(subject, f"print(loss({literal(a)}, {literal(b)}))")},
        )
        return
    says = "it refuses shapes that differ" if refusals else "shapes (n,) and (n, 1) give the same"
    yield _finding("pass", says)


def _finding(state: State, says: str, fix: str = "", evidence: Mapping[str, Any] | None = None) -> Finding:
    return Finding(
        code="W401",
        state=state,
        question="call",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="(n, 1) against (n,), and the other way",
    )


def _strict(prediction: Tensor, target: Tensor) -> Tensor:
    if prediction.shape != target.shape:
        raise ValueError(f"{tuple(prediction.shape)} and {tuple(target.shape)} differ")
    return squared_error(prediction, target)


RULE = Rule(
    codes={"W401": "shapes broadcast"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(squared_error),
    clean=lambda: regression(_strict),
)
