"""Arithmetic in whole numbers that are too small for it.

In eight bits 200 + 100 is 44, and 3 - 5 is 254. Images and masks come in uint8, and a loss that subtracts or scales
its target before it meets a float goes round without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, called, mend, run_of, short, spread

_SMALL = (torch.uint8, torch.int8, torch.int16, torch.int32)


def look(run: Run) -> Iterator[Suspect]:
    """Whether the loss changes when its whole numbers get 64 bits."""
    for slot in run.call.slots:
        x = run.inputs[slot.name]
        if x.dtype not in _SMALL:
            continue
        before, after = run.outcome, run.put(**{slot.name: x.long()}).outcome
        if after.broken or not (abs(after.total - before.total) > 1e-5 * (1e-9 + abs(after.total)) or before.broken):
            continue
        yield Suspect(
            code="W948",
            says=(
                f"{called(slot)} is {short(x.dtype)}, and the loss computes with it in so few bits that it goes round: "
                f"{before.total:.4g}, where it should be {after.total:.4g}"
            ),
            fix=f"Use {called(slot)}.float() (or .long() for class ids) before the loss.",
            tried=f"{called(slot)}.long()",
            cure=mend(slot.name, lambda t: t.long()),
        )


def _twice(x: Tensor, y: Tensor) -> Tensor:
    return (x - (y + y)).square().mean()


def _bytes(most: int) -> Run:
    return run_of(_twice, x=spread(3), y=torch.tensor([1, 2, most], dtype=torch.uint8))


RULE = Cause(
    codes={"W948": "whole numbers that go round"},
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: _bytes(200),
    clean=lambda: _bytes(3),
)
