"""What half precision cannot hold.

float16 ends at 65504: the square of 300, the exponential of 12, a sum over a large batch. Below 6e-8 it has nothing:
1e-8 beside a probability is 0, and so is the gradient of a mean over a million entries. bfloat16 reaches as far as
float32, with three digits. The remedy is the same: the loss in float32, and scaled gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, called, listed, run_of, short, spread

_HALF = (torch.float16, torch.bfloat16)

#: This share of the gradient must be lost before it is said to vanish.
_LOST = 0.5
#: What is no larger overflows in nothing, so that a constant beside it must have been lost.
_SMALL = 2.0


def look(run: Run) -> Iterator[Suspect]:
    """What is not finite in half precision, and finite in float32; a gradient that rounds to zero."""
    narrow = [slot for slot in run.call.slots if run.inputs[slot.name].dtype in _HALF]
    if not narrow:
        return
    wide = Run.cast
    dtype = short(run.inputs[narrow[0].name].dtype)
    if run.outcome.broken:
        larger = run.cast(torch.float32)
        if larger.outcome.broken:
            return
        rows = run.suspects
        peak = _largest(run, rows, [slot.name for slot in narrow])
        if peak > _SMALL:
            says = (
                f"in {dtype} the loss leaves the range of numbers (float16 ends at 65504), in float32 it is "
                f"{larger.outcome.total:.4g}; the largest input is {peak:.4g}"
            )
            code = "W911"
        else:
            says = (
                f"in {dtype} a small constant such as an eps rounds away (float16 has nothing below 6e-8, and nothing "
                f"between 1 and 1.001), in float32 the loss is {larger.outcome.total:.4g}"
            )
            code = "W912"
        where = f"; {listed(rows)}" if 0 < len(rows) < run.rows else ""
        yield Suspect(
            code=code,
            says=says + where,
            fix=f"Compute the loss in float32: loss({called(narrow[0])}.float(), ...). The losses of wald do so by "
            "themselves.",
            tried="computing in float32",
            cure=partial(wide, dtype=torch.float32),
            rows=rows if len(rows) else None,
            facts={"dtype": dtype},
        )
    elif run.inputs[narrow[0].name].dtype is torch.float16:
        yield from _underflow(run)


def _underflow(run: Run) -> Iterator[Suspect]:
    wide = run.cast(torch.float32).outcome
    if wide.broken:
        return
    lost = total = 0.0
    for name, slope in run.outcome.slopes.items():
        exact = wide.slopes[name].double().abs()
        total += exact.sum().item()
        lost += exact[slope == 0].sum().item()
    if total > 0 and lost >= _LOST * total:
        yield Suspect(
            code="W913",
            says=(
                f"{lost / total:.0%} of the gradient rounds to zero in float16, which has nothing below 6e-8; in "
                f"float32 its norm is {wide.steepness:.3g}"
            ),
            fix="Scale the loss before backward (torch.amp.GradScaler), or keep this part in float32 or bfloat16.",
            tried="computing in float32",
            cure=partial(Run.cast, dtype=torch.float32),
        )


def _largest(run: Run, rows: Tensor, names: list[str]) -> float:
    part = run.take(rows) if 0 < len(rows) < run.rows else run
    return max(
        (part.inputs[name].double().abs().max().item() for name in names if part.inputs[name].numel()), default=0
    )


def _squared(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean()


def _apart(by: float) -> Run:
    return run_of(_squared, x=spread(4).half() + by, y=spread(4).half())


RULE = Cause(
    codes={
        "W911": "too large for half precision",
        "W912": "too small for half precision",
        "W913": "a gradient that rounds to zero in half precision",
    },
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: _apart(400),
    clean=lambda: _apart(2),
)
