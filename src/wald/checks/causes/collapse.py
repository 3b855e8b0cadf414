"""Predictions that are all the same: the model says one thing whatever it is shown.

The loss then sits at what a constant costs: ln 2 for two classes, ln C for C, ln N for a contrast of N, the margin for
triplets. Start near that value is no fault; equality to the last digit is. Usual causes are a dead ReLU before the
last layer, a last layer of zeros, a learning rate that threw the weights away, inputs that are all padding, and, for
embeddings, a contrast that found the easy way out.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run, Slot, by_row
from ..batches.plateau import told
from .cause import Cause, Suspect, called, jitter, run_of, spread

F = torch.nn.functional

#: Relative spread below which rows are the same number written differently, and vectors the same vector.
_SAME, _NEAR = 1e-6, 1e-2
#: What is only close together is equal in these, which have three digits.
_COARSE = (torch.float16, torch.bfloat16)
#: So many rows are looked at before all of them are.
_SOME = 64
#: So few equal numbers may be an accident.
_FEW = 8


def look(run: Run) -> Iterator[Suspect]:
    """Vectors in one point; one number everywhere; one row everywhere."""
    if run.rows == 0:
        return
    vectors = [slot for slot in run.emitted if (d := run.domain(slot)) is not None and d.axes == ("features",)]
    if vectors:
        yield from _of_vectors(run, vectors)
        return
    slots = [slot for slot in run.emitted if slot.role == "prediction" and slot.name not in ("var", "log_probs")]
    if len(slots) == 1:
        yield from _of_numbers(run, slots[0])


def _of_numbers(run: Run, slot: Slot) -> Iterator[Suspect]:
    x = run.inputs[slot.name].detach()
    if run.axis(slot) is None or x.shape[0] != run.rows:
        return
    rows = counted(run)
    x = x[rows.to(x.device)] if len(rows) < run.rows else x
    first = x.flatten()[0] if x.numel() else None
    if first is None or _fits(run, x, rows) or (x.dtype in _COARSE and first != 0):
        return
    one_number = bool((x == first).all())
    n, classes = len(x), x[0].numel()
    if one_number and (x.numel() >= _FEW or (n >= 4 and first != 0)):
        what = f"all {x.numel()} values of {called(slot)} are {first.item():g}"
        zero = bool(first == 0)
        code, fix = ("W953", _DEAD) if zero else ("W951", _CONSTANT)
    elif n >= 4 and classes > 1 and _rows_alike(x):
        what = f"all {n} rows of {called(slot)} are the same"
        code, fix = "W952", _CONSTANT
    elif n >= 4 and classes == 1 and _rows_alike(x):
        what = f"all {n} values of {called(slot)} are {first.item():g} to six digits"
        code, fix = "W951", _CONSTANT
    else:
        return
    yield Suspect(
        code=code,
        says=(
            f"{what}: the model says the same whatever it is shown, and the loss sits at {told(run.outcome.total, run)}"
        ),
        fix=fix,
        tried="predictions that differ",
        cure=lambda part, name=slot.name: part.put(**{name: _loosened(part, part.inputs[name])}),
        rows=rows if len(rows) < run.rows else None,
    )


_DEAD = (
    "Look for a dead ReLU or a zeroed layer before the output, for inputs that are all padding, and for an output that "
    "passes through ReLU; a last layer that starts at zero is right at step 0 only."
)
_CONSTANT = (
    "Look at the spread of the activations layer by layer, from the input on: the first that is constant is the one. "
    "Lower the learning rate if it was not so from the start."
)


def _fits(run: Run, x: Tensor, rows: Tensor) -> bool:
    """Whether the targets are just as constant, so that nothing is missing."""
    y = run.target
    if y is None or y.shape[:1] != (run.rows,):
        return False
    y = y[rows.to(y.device)]
    return y.shape == x.shape and bool((x == y).all())


def _rows_alike(x: Tensor) -> bool:
    if len(x) > _SOME and not _rows_alike(x[:_SOME]):
        return False  # most batches are told apart by their first rows
    x = by_row(x.double())
    finite = x.isfinite()
    if not bool((finite == finite[:1]).all()):
        return False  # rows whose masked classes differ are no copies
    x = x[:, finite[0]]
    return bool((x - x[:1]).abs().max() <= _SAME * x.abs().max()) if x.numel() else False


def _loosened(run: Run, x: Tensor) -> Tensor:
    domain = run.domain(run.pair[0]) if run.pair else None
    size = 0.3 * (1 + x.abs())
    moved = x + size * jitter(run, x)
    if domain is not None and domain.normalised == "log":
        return moved.log_softmax(-1)
    if domain is not None and (domain.bounded or domain.open_low):
        low, high = max(domain.low, -1e6), min(domain.high, 1e6)
        return moved.abs().clamp(low + 1e-3 if domain.low > -1e6 else low, high - 1e-3 if domain.high < 1e6 else high)
    return moved


def counted(run: Run) -> Tensor:
    """The rows of which at least one entry is neither masked, weighed with 0, nor ignored."""
    keep = torch.ones(run.rows, dtype=torch.bool)
    for slot in run.slots("mask", "weight"):
        x = run.inputs[slot.name]
        if run.axis(slot) == 0 and x.shape[0] == run.rows:
            keep &= by_row(x != 0).any(1).cpu()
    y = run.target
    if y is not None and y.ndim and y.shape[0] == run.rows and not y.is_floating_point() and y.dtype != torch.bool:
        counts = y != run.call.ignored
        keep &= by_row(counts).any(1).cpu()
    return keep.nonzero().flatten()


def _of_vectors(run: Run, slots: list[Slot]) -> Iterator[Suspect]:
    rows = counted(run)
    x = [run.inputs[slot.name].detach() for slot in slots]
    if any(t.shape[0] != run.rows for t in x) or not len(rows):
        return
    all_of_them = torch.cat([t[rows.to(t.device)].double().flatten(0, -2) for t in x])
    if len(all_of_them) < 3:
        return
    size = all_of_them.norm(dim=-1).mean()
    apart = (all_of_them - all_of_them.mean(0)).norm(dim=-1).mean()
    if not apart <= _NEAR * size:
        return
    names = ", ".join(called(slot) for slot in slots)
    yield Suspect(
        code="W954",
        says=(
            f"all vectors of {names} are the same point (mean distance {apart:.2g} at a length of {size:.3g}): the "
            f"embeddings collapsed, and the loss sits at {told(run.outcome.total, run)}"
        ),
        fix="Go back to a checkpoint; lower the learning rate, start with easier negatives (semi-hard in place of the "
        "hardest), normalise the embeddings, or use InfoNCE, whose gradient does not vanish there.",
        tried="vectors that differ",
        cure=lambda part: part.put(
            **{s.name: part.inputs[s.name] + (0.1 + size.item()) * _noise(part, s, i) for i, s in enumerate(slots)}
        ),
    )


def _noise(run: Run, slot: Slot, place: int) -> Tensor:
    x = run.inputs[slot.name]
    generator = torch.Generator().manual_seed(place)
    return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)


RULE = Cause(
    codes={
        "W951": "predictions that are all one number",
        "W952": "the same prediction in every row",
        "W953": "predictions that are all zero",
        "W954": "collapsed embeddings",
    },
    explains=__doc__ or "",
    look=look,
    when="finite",
    planted=lambda: run_of(F.cross_entropy, input=torch.ones(6, 4), target=torch.arange(6) % 4),
    clean=lambda: run_of(F.cross_entropy, input=1 + 1e-3 * spread(6, 4), target=torch.arange(6) % 4),
)
