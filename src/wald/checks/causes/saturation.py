"""Rows that are wrong for sure and have no way back.

A sigmoid of 20 is 1 in float32 (of 8.4 in float16), and its gradient is 0. If such a row is wrong it costs the most and
moves nothing; torch's binary_cross_entropy then stops at 100. Computed from logits the same row has a gradient of 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run, by_row
from .cause import Cause, Suspect, called, listed, numbers, run_of

F = torch.nn.functional

#: Where sigmoid is 1 to the last digit, by dtype.
_DEAD = {torch.float16: 7.6, torch.bfloat16: 6.2, torch.float32: 16.6, torch.float64: 36.7}
#: What torch's binary_cross_entropy gives for a label of probability 0.
_CLAMP = 100.0


def look(run: Run) -> Iterator[Suspect]:
    """Probabilities of exactly 0 or 1 that are wrong; logits beyond the sigmoid's last digit whose slope is 0."""
    pair = run.pair
    if pair is None:
        return
    x, y = (run.inputs[slot.name] for slot in pair)
    domain = run.domain(pair[0])
    if domain is None or x.shape != y.shape or not x.is_floating_point() or not x.numel():
        return
    if (domain.low, domain.high) == (0.0, 1.0) and not domain.axes:
        wrong = ((x == 0) & (y == 1)) | ((x == 1) & (y == 0))
        what = "exactly 0 or 1, and wrong"
    elif domain.logits and not domain.axes:
        slope = run.outcome.slopes.get(pair[0].name)
        no = run.call.meant.labels[0] if run.call.meant is not None else 0.0
        if run.call.known == "soft_margin_loss":
            no = -1.0
        beyond = x.abs() > _DEAD.get(x.dtype, 16.6)
        wrong = beyond & (((x > 0) & (y == no)) | ((x < 0) & (y == 1)))
        if slope is None or not bool(wrong.any()) or bool(slope[wrong].any()) or not _costly(run, wrong):
            return
        what = f"so large (up to {x.abs().max():.4g}) that their sigmoid is 0 or 1 to the last digit, and wrong"
    else:
        return
    if not bool(wrong.any()):
        return
    rows = by_row(wrong).any(1).nonzero().flatten().cpu()
    clamped = (run.values is not None) and bool((run.values[rows] == _CLAMP).any()) if x.ndim == 1 else False
    yield Suspect(
        code="W957",
        says=(
            f"{int(wrong.sum())} of {x.numel()} values of {called(pair[0])} are {what} ({listed(rows)}): the sigmoid "
            f"is saturated, and such a row {'costs 100, where torch stops counting, and ' * clamped}has no gradient "
            "back to its logit"
        ),
        fix="Use the loss of logits (binary_cross_entropy_with_logits, wald.BinaryCrossEntropy()) on what is before "
        "the sigmoid.",
        tried="values that are not saturated",
        cure=lambda part: part.put(**{pair[0].name: _freed(part.inputs[pair[0].name], domain.high == 1)}),
        rows=rows,
    )


def _costly(run: Run, wrong: Tensor) -> bool:
    """Whether torch's clamp is met, or most rows are lost: a bounded loss gives up on a few by design."""
    rows = by_row(wrong).any(1)
    clamped = run.values is not None and bool((run.values[rows] == _CLAMP).any())
    return clamped or (run.rows >= 4 and bool(rows.double().mean() >= 0.5))


def _freed(x: Tensor, probability: bool) -> Tensor:
    return x.clamp(0.01, 0.99) if probability else x.clamp(-4, 4)


RULE = Cause(
    codes={"W957": "a saturated prediction"},
    explains=__doc__ or "",
    look=look,
    when="finite",
    planted=lambda: run_of(F.binary_cross_entropy, input=numbers(0.3, 1, 0.8), target=numbers(0, 0, 1)),
    clean=lambda: run_of(F.binary_cross_entropy, input=numbers(0.3, 1, 0.8), target=numbers(0, 1, 1)),
)
