"""What predictions of every magnitude do in each dtype, as rows of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import torch

from ..shape.magnitudes import Break, Range
from .clear import is_clear
from .judge import Grade, Row, gradient_of
from .outcome import Outcome
from .ran import Inputs, Ran

#: How far out a prediction may well be, for a fault to be one; in half precision less far.
_PLAUSIBLE, _PLAUSIBLE_HALF = 1e4, 1e2

_CODES: Final = {
    "overflow": ("W101", "its value is {value:.4g}{beside} where the true one is {truth:.4g}"),
    "broken": ("W102", "its gradient is not finite although its value is, {value:.4g}"),
    "dead": ("W103", "its gradient is zero where the true one is not, at a value of {value:.4g}"),
}


def dtype_rows(found: Range, run: Callable[[Inputs], Ran], shown: Callable[[Inputs, bool], str]) -> Iterator[Row]:
    """One row for each fault in this dtype, or one that says that there is none.

    Args:
        found: what was measured.
        run: what the loss does with an example.
        shown: two lines that print the value of an example, and its gradient where that is the point.
    """
    name = str(found.dtype).removeprefix("torch.")
    faults = 0
    for sign, (code, says) in _CODES.items():
        place: Break | None = getattr(found, sign)
        if place is None or place.magnitude > (_PLAUSIBLE_HALF if _half(found.dtype) else _PLAUSIBLE):
            continue
        faults += 1
        # A gradient that dies is a weakness, one that is NaN an error.
        grade: Grade = "warn" if _half(found.dtype) or sign == "dead" else "fail"
        gradient = gradient_of(run(place.inputs).slope) if sign == "overflow" else _GRADIENTS[sign]
        beside = " and its gradient NaN" if gradient == "nan" and sign == "overflow" else ""
        yield Row(
            code=code,
            cell=f"in {name}, large predictions",
            outcome=_outcome(sign, place),
            grade=grade,
            says=f"in {name}, {_where(place)}, {says.format(value=place.value, truth=place.truth, beside=beside)}",
            value=place.value,
            gradient=gradient,
            reproduce=shown(place.inputs, sign != "overflow"),
            magnitude=place.magnitude,
        )
    if not faults:
        yield _in_order(found, name)


_GRADIENTS: Final = {"broken": "nan", "dead": "zero"}


def _half(dtype: torch.dtype) -> bool:
    return dtype in (torch.float16, torch.bfloat16)


def _outcome(sign: str, place: Break) -> Outcome:
    if sign == "overflow":
        return "nan" if place.value != place.value else "inf"
    return "nan gradient" if sign == "broken" else "zero gradient"


def _where(place: Break) -> str:
    x = place.inputs[0]
    if x.numel() == 1:
        return f"at a prediction of {x.item():.6g}"
    return f"at predictions as large as {x.abs().max().item():.4g}"


def _in_order(found: Range, name: str) -> Row:
    outcome: Outcome = "value"
    if found.refused:
        outcome = "clear error" if is_clear(RuntimeError(found.refused)) else "unclear error"
        says = f"it refuses {name}: {found.refused}"
    elif found.intrinsic is not None:
        says = f"in {name} it overflows from a magnitude of {found.intrinsic.magnitude:.4g}, as the loss itself does"
    else:
        says = f"in {name} value and gradient are finite wherever the loss is"
    return Row(code="W101", cell=f"in {name}, large predictions", outcome=outcome, grade="pass", says=says)
