"""What an empty batch gives.

The last batch, a rank without data or a filter that kept nothing gives a batch of no examples. A mean of nothing
is 0 / 0, and its NaN then goes into running means and totals; the mathematics is right, the surprise is real.
A number that differs from call to call is memory that was never written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, regression, shown, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """A batch of no examples."""
    subject = measured.subject
    inputs = tuple(x[:0] for x in subject.inputs(2))
    try:
        value = subject.batch(*inputs).detach()
    except Exception as error:
        yield _finding("pass", f"it refuses an empty batch: {str(error).partition(chr(10))[0] or type(error).__name__}")
        return
    evidence = {"reproduce": shown(subject, inputs)}
    if value.numel() == 0 or bool((value == 0).all()):
        yield _finding("pass", f"an empty batch gives {'no values' if value.numel() == 0 else 'zero'}")
    elif bool(value.isnan().all()):
        yield _finding(
            "warn",
            "an empty batch gives NaN, which enters running means and totals",
            fix="Skip empty batches, or add up totals and counts and divide once; losses of wald give 0.",
            evidence=evidence,
        )
    else:
        yield _finding(
            # Where examples meet, a batch is what has a value, and an empty one may have one too.
            "warn" if subject.whole else "fail",
            f"an empty batch gives {value.flatten()[0]:.4g}, a number that no example stands for",
            fix="Return zero with a gradient, or raise.",
            evidence=evidence,
        )


def _finding(state: State, says: str, fix: str = "", evidence: Mapping[str, Any] | None = None) -> Finding:
    return Finding(
        code="W106",
        state=state,
        question="edge cases",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="a batch of no examples",
    )


def _total(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).square().sum() / max(len(prediction), 1)


RULE = Rule(
    codes={"W106": "what an empty batch gives"},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=lambda: regression(squared_error),
    clean=lambda: regression(_total),
)
