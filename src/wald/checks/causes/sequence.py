"""Sequences that CTC cannot align: more symbols than frames, or no room for the blanks between repeats.

Each symbol needs a frame, and between two equal symbols stands a blank. An example with fewer frames has no alignment,
so its probability is 0 and its loss infinite; `zero_infinity=True` hides that, and the example with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, drop, listed, run_of, spread

F = torch.nn.functional
_NAMES = ("targets", "input_lengths", "target_lengths")


def look(run: Run) -> Iterator[Suspect]:
    """Examples that need more frames than they have."""
    if not all(name in run.inputs for name in _NAMES) or run.inputs["targets"].ndim != 2:
        return
    needed, frames = _needed(run), run.inputs["input_lengths"].cpu()
    rows = (needed > frames).nonzero().flatten()
    if not len(rows):
        return
    some = ", ".join(f"row {i}: {needed[i]} > {frames[i]}" for i in rows[:3].tolist())
    yield Suspect(
        code="W945",
        says=(
            f"{len(rows)} of {run.rows} examples need more frames (symbols and blanks between repeats) than they "
            f"have, so they cannot be aligned: {some}"
        ),
        fix="Leave such examples out, or take less stride in the encoder; zero_infinity=True only hides them.",
        tried=f"leaving out {listed(rows)}",
        cure=drop(_infeasible),
        rows=rows,
    )


def _infeasible(run: Run) -> Tensor:
    return (_needed(run) > run.inputs["input_lengths"].cpu()).nonzero().flatten()


def _needed(run: Run) -> Tensor:
    targets, lengths = run.inputs["targets"].cpu(), run.inputs["target_lengths"].cpu()
    inside = torch.arange(1, targets.shape[1]).unsqueeze(0) < lengths.unsqueeze(1)
    repeats = (targets[:, 1:] == targets[:, :-1]) & inside
    return lengths + repeats.sum(1)


def _aligned(frames: int) -> Run:
    return run_of(
        F.ctc_loss,
        log_probs=spread(6, 2, 4).log_softmax(-1),
        targets=torch.tensor([[1, 2, 3], [1, 1, 2]]),
        input_lengths=torch.tensor([6, frames]),
        target_lengths=torch.tensor([3, 3]),
    )


RULE = Cause(
    codes={"W945": "more symbols than frames"},
    explains=__doc__ or "",
    look=look,
    when="broken",
    planted=lambda: _aligned(3),
    clean=lambda: _aligned(5),
)
