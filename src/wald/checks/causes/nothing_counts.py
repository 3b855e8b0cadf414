"""A batch in which nothing counts: it is empty, or every target is ignored, every row masked, every weight zero.

The mean of nothing is 0 / 0. torch gives NaN, many hand-written masked means a NaN gradient too, other code 0.0, which
a log shows as a tidy number. The usual cause is a truncation that cut the answer off, or a mask the wrong way round.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ..batches import Run
from .cause import Cause, Suspect, called, mend, numbers, run_of

F = torch.nn.functional


def look(run: Run) -> Iterator[Suspect]:
    """Empty, ignored, masked, weighed with zero."""
    if run.rows == 0 or run.prediction.numel() == 0:
        yield Suspect(
            code="W905",
            says=f"the batch is empty ({called(run.call.slots[0])} {tuple(run.prediction.shape)}): the mean of "
            "nothing is 0 / 0",
            fix="Skip empty batches (drop_last=True, or `if len(target)`); wald's losses give 0 for them.",
            tried="adding a row",
            cure=_with_a_row,
        )
        return
    yield from _ignored(run)
    for slot in run.slots("mask"):
        if not bool(run.inputs[slot.name].any()):
            yield Suspect(
                code="W907",
                says=f"{called(slot)} is False in all {run.inputs[slot.name].numel()} places, so nothing counts",
                fix="True keeps a row. If it marks what to leave out, pass its opposite: mask=~mask.",
                tried="turning it round",
                cure=mend(slot.name, lambda x: ~x if x.dtype == torch.bool else 1 - x),
            )
    for slot in run.slots("weight", "class weight"):
        x = run.inputs[slot.name]
        if slot.name != "pos_weight" and x.numel() and _sums_to_nothing(x):
            yield Suspect(
                code="W908",
                says=f"the {x.numel()} values of {called(slot)} add up to 0, and the weighted mean divides by that sum",
                fix="Give at least one row a weight above 0, or skip such a batch.",
                tried="weights of 1",
                cure=mend(slot.name, torch.ones_like),
            )


def _sums_to_nothing(x: torch.Tensor) -> bool:
    size = x.double().abs().sum()
    return bool(x.double().sum().abs() <= 1e-12 * size) if bool(size.isfinite()) else False


def _ignored(run: Run) -> Iterator[Suspect]:
    target = run.target
    if target is None or target.is_floating_point() or target.dtype == torch.bool or target.ndim == 0:
        return
    # The first token has none before it to be predicted from, so that its label never counts.
    seen = target[..., 1:] if type(run.call.function).__name__ == "NextToken" else target
    mark = run.call.ignored
    if seen.numel() and bool((seen == mark).all()):
        yield Suspect(
            code="W906",
            says=f"all {seen.numel()} targets equal {mark}, the mark of what to leave out, so that nothing is averaged",
            fix="Usually truncation removed the answer, or the template masked it: raise max_length, look at one "
            "example's labels, and skip such batches.",
            tried="class 0 in their place",
            cure=mend(run.slots("target")[0].name, torch.zeros_like),
        )


def _with_a_row(run: Run) -> Run:
    def one(name: str) -> torch.Tensor:
        x = run.inputs[name]
        shape = [max(1, size) for size in x.shape]
        return torch.full(shape, 0.5 if x.is_floating_point() else 0, dtype=x.dtype, device=x.device)

    listed = [slot.name for slot in run.call.slots if run.axis(slot) is not None]
    return run.put(**{name: one(name) for name in listed})


RULE = Cause(
    codes={
        "W905": "the batch is empty",
        "W906": "every target is ignored",
        "W907": "every row is masked",
        "W908": "the weights add up to zero",
    },
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: run_of(F.cross_entropy, input=numbers(0, 1).expand(2, 2), target=torch.tensor([-100, -100])),
    clean=lambda: run_of(F.cross_entropy, input=numbers(0, 1).expand(2, 2), target=torch.tensor([-100, 1])),
)
