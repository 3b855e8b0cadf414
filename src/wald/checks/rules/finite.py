"""Whether value and gradient stay finite wherever the loss itself is.

Predictions over all magnitudes are tried in every dtype and held against double precision. A value may overflow
only where the true one does: exp(1000) has no place in single precision, softplus(1000) has. A gradient that is
NaN beside a finite loss ruins every weight in one step while the log looks healthy; one that is zero where the
true one is not stops learning just where the error is largest. The usual causes are log(1 + exp(x)) written out,
a sigmoid before a log, a square before a root, and torch.where around an operation that is not defined.

In half precision the same faults are only warned of, since most losses are computed in single precision.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding
from ..magnitudes import DTYPES, Break, Range
from ..measured import Measured
from ..subject import Subject
from .rule import Rule, binary, called, logistic, reproduce, sloped

#: How far out a prediction may well be, for a fault to be one; in half precision less far.
_PLAUSIBLE, _PLAUSIBLE_HALF = 1e4, 1e2

_CODES = {
    "overflow": ("W101", "its value is {value:.4g} where the true one is {truth:.4g}"),
    "broken": ("W102", "its gradient is not finite although its value is, {value:.4g}"),
    "dead": ("W103", "its gradient is zero where the true one is not, at a value of {value:.4g}"),
}
_FIXES = {
    "overflow": "Write it in a form that does not overflow: softplus, logsumexp, log1p, expm1, hypot.",
    "broken": "Make the input of the critical operation safe, not its result: softplus, logsumexp, hypot, or a mask.",
    "dead": "Fuse the steps: logits with softplus or log_softmax in place of a sigmoid or softmax and a log.",
}


def look(measured: Measured) -> Iterator[Finding]:
    """One finding for each dtype that is in order, one for each fault else."""
    for dtype in DTYPES:
        found = measured.range(dtype)
        name = str(dtype).removeprefix("torch.")
        faults = list(_faults(measured.subject, found, name))
        yield from faults or [_in_order(found, name)]


def _faults(subject: Subject, found: Range, name: str) -> Iterator[Finding]:
    half = found.dtype in (torch.float16, torch.bfloat16)
    for sign, (code, says) in _CODES.items():
        place: Break | None = getattr(found, sign)
        if place is None or place.magnitude > (_PLAUSIBLE_HALF if half else _PLAUSIBLE):
            continue
        # A gradient that dies is a weakness, one that is NaN an error.
        state = "warn" if half or sign == "dead" else "fail"
        yield Finding(
            code=code,
            state=state,
            question="edge cases",
            says=f"in {name}, {_where(place)}, {says.format(value=place.value, truth=place.truth)}",
            fix=_FIXES[sign],
            evidence={
                "reproduce": _shown(subject, place, gradient=sign != "overflow"),
                "dtype": name,
                "magnitude": place.magnitude,
            },
            method="a logarithmic grid of magnitudes, then bisection, against double precision",
        )


def _where(place: Break) -> str:
    x = place.inputs[0]
    if x.numel() == 1:
        return f"at a prediction of {x.item():.6g}"
    return f"at predictions as large as {x.abs().max().item():.4g}"


def _shown(subject: Subject, place: Break, *, gradient: bool) -> str:
    if not gradient:
        return reproduce(subject, f"print({called(subject, place.inputs)})")
    return sloped(subject, place.inputs)


def _in_order(found: Range, name: str) -> Finding:
    if found.refused:
        says = f"it refuses {name}: {found.refused}"
    elif found.intrinsic is not None:
        says = f"in {name} it overflows from a magnitude of {found.intrinsic.magnitude:.4g}, as the loss itself does"
    else:
        says = f"in {name} value and gradient are finite wherever the loss is"
    return Finding(
        code="W101",
        state="pass",
        question="edge cases",
        says=says,
        method="a logarithmic grid of magnitudes, against double precision",
    )


def _written_out(prediction: Tensor, target: Tensor) -> Tensor:
    return (torch.log(1 + torch.exp(prediction)) - target * prediction).mean()


RULE = Rule(
    codes={
        "W101": "the value overflows where the loss itself does not",
        "W102": "the gradient is not finite although the value is",
        "W103": "the gradient is zero where it should not be",
    },
    explains=__doc__ or "",
    look=look,
    planted=lambda: binary(_written_out),
    clean=lambda: binary(logistic),
)
