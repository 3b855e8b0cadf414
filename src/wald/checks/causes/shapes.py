"""Inputs that do not fit each other: shapes, dtypes and order.

Shapes that do not line up raise, which is the good case. (n, 1) against (n,) does not: it is stretched to (n, n), every
prediction is compared with every target, and the model learns the mean. torch warns of it in four of its losses only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..batches import Run, Slot
from .cause import Cause, Suspect, called, mend, run_of, short, spread

F = torch.nn.functional


@dataclass(frozen=True)
class _Mend:
    """One way in which prediction and target may not fit, and what makes them."""

    code: str
    seen: str
    fix: str
    change: Callable[[Run], Run]


def look(run: Run) -> Iterator[Suspect]:
    """What makes a refused call accepted; else what makes a stretched one a call of pairs."""
    if run.outcome.kind == "error":
        for one in _mends(run):
            try:
                accepted = one.change(run).outcome.kind != "error"
            except (RuntimeError, IndexError, ValueError):
                continue
            if not accepted:
                continue
            yield Suspect(
                code=one.code,
                says=one.seen,
                fix=one.fix,
                tried=one.fix.removeprefix("Use ").rstrip("."),
                cure=one.change,
            )
    else:
        yield from _stretched(run)


def _stretched(run: Run) -> Iterator[Suspect]:
    first = run.emitted[0] if run.emitted else None
    if first is None:
        return
    x = run.inputs[first.name]
    for slot in run.call.slots:
        y = run.inputs[slot.name]
        other = y.numel() == x.numel() > 1 and y.shape != x.shape and slot.role not in ("mask", "class weight")
        if not other or y.ndim > x.ndim + 1 or x.ndim > y.ndim + 1:
            continue
        mended = run.put(**{slot.name: y.reshape(x.shape)})
        after, before = mended.outcome, run.outcome
        if after.kind == "error" or abs(after.total - before.total) <= 1e-5 * (1e-9 + abs(after.total)):
            continue  # the loss lines them up itself
        big = torch.broadcast_tensors(x, y)[0].shape
        yield Suspect(
            code="W936",
            says=(
                f"{called(first)} {tuple(x.shape)} and {called(slot)} {tuple(y.shape)} are stretched to {tuple(big)}: "
                f"every prediction is compared with every value of {called(slot)}, and the loss is {before.total:.4g} "
                f"where it should be {after.total:.4g}"
            ),
            fix=f"Use {called(slot)}.reshape({called(first)}.shape), or squeeze(-1) the one that is wider.",
            tried=f"giving {called(slot)} the shape of {called(first)}",
            cure=lambda part, name=slot.name: part.put(**{name: part.inputs[name].reshape(part.prediction.shape)}),
        )
        return


def _mends(run: Run) -> Iterator[_Mend]:
    if run.pair is None:
        return
    (first, second), x, y = run.pair, *(run.inputs[slot.name] for slot in run.pair)
    a, b = called(first), called(second)
    shapes = f"{a} is {short(x.dtype)} {tuple(x.shape)} and {b} {short(y.dtype)} {tuple(y.shape)}"
    whole = not y.is_floating_point()
    axis = run.call.class_axis(x.ndim)
    if not x.is_floating_point() and y.is_floating_point():
        yield _Mend("W937", f"{shapes}: they look swapped", f"Call loss({b}, {a}): the prediction comes first.", _swap)
    if whole and x.shape == y.shape and x.ndim > 1 and set(y.unique()[:3].tolist()) <= {0, 1}:
        one_hot = f"{shapes}: {b} looks one-hot"
        yield _Mend("W934", one_hot, f"Use {b}.argmax({axis}) for class ids.", _of(second, lambda t: t.argmax(axis)))
        yield _Mend("W934", one_hot, f"Use {b}.float().", _of(second, lambda t: t.to(x.dtype)))
    if not whole and y.numel() < x.numel() and bool((y == y.round()).all()):
        yield _Mend(
            "W935",
            f"{shapes}: {b} holds class ids, written as {short(y.dtype)}",
            f"Use {b}.long(): class ids are whole numbers.",
            _of(second, lambda t: t.reshape(t.shape[:-1] if t.ndim == x.ndim else t.shape).long()),
        )
    if whole and y.ndim == x.ndim and y.shape[-1:] == (1,) and x.shape[-1] != 1:
        yield _Mend("W936", f"{shapes}: {b} has an axis too many", f"Use {b}.squeeze(-1).", _of(second, _narrow))
    if whole and y.ndim == x.ndim >= 3 and y.shape[axis] == 1 != x.shape[axis]:
        yield _Mend(
            "W936",
            f"{shapes}: {b} has an axis too many",
            f"Use {b}.squeeze({axis}).",
            _of(second, lambda t: t.squeeze(axis)),
        )
    if whole and x.ndim >= 3 and y.shape == x.shape[:-1]:
        yield _Mend(
            "W936",
            f"{shapes}: the classes are on the last axis, and this loss wants them on axis 1",
            f"Use {a}.movedim(-1, 1).",
            _of(first, lambda t: t.movedim(-1, 1)),
        )
    if whole and x.ndim >= 3 and y.shape == x.shape[:1] + x.shape[2:]:
        yield _Mend(
            "W936",
            f"{shapes}: the classes are on axis 1, and this loss wants them last",
            f"Use {a}.movedim(1, -1).",
            _of(first, lambda t: t.movedim(1, -1)),
        )
    if x.numel() == y.numel() and x.shape != y.shape:
        yield _Mend(
            "W936", f"{shapes}, which do not line up", f"Use {b}.reshape({a}.shape).",
            lambda part: part.put(**{second.name: part.inputs[second.name].reshape(part.inputs[first.name].shape)}),
        )  # fmt: skip
    if whole and x.is_floating_point():
        yield _Mend("W935", f"{shapes}: this loss computes with {b}, which is of whole numbers", f"Use {b}.float().",
                    _of(second, lambda t: t.to(x.dtype)))  # fmt: skip
    if not whole and x.is_floating_point() and x.dtype != y.dtype:
        yield _Mend("W935", f"{shapes}, and this loss wants one dtype", f"Use {b}.to({a}.dtype).",
                    _of(second, lambda t: t.to(x.dtype)))  # fmt: skip
    if not x.is_floating_point():
        yield _Mend("W935", f"{shapes}: a model's output is a floating-point tensor", f"Use {a}.float().",
                    _of(first, lambda t: t.float()))  # fmt: skip
    if x.ndim and y.ndim and x.shape[0] != y.shape[0]:
        n = min(x.shape[0], y.shape[0])
        yield _Mend(
            "W938",
            f"{shapes}: {x.shape[0]} predictions against {y.shape[0]} targets",
            "Take both from the same batch; look for a target that was shifted, padded or gathered from all ranks.",
            lambda part: part.put(**{first.name: x[:n], second.name: y[:n]}),
        )


def _swap(run: Run) -> Run:
    first, second = [slot.name for slot in run.pair or ()]
    return run.put(**{first: run.inputs[second], second: run.inputs[first]})


def _of(slot: Slot, change: Callable[[Tensor], Tensor]) -> Callable[[Run], Run]:
    return mend(slot.name, change)


def _narrow(x: Tensor) -> Tensor:
    return x.squeeze(-1)


RULE = Cause(
    codes={
        "W934": "a one-hot target of whole numbers",
        "W935": "a dtype that the loss does not take",
        "W936": "shapes that do not line up, or are stretched",
        "W937": "prediction and target swapped",
        "W938": "predictions and targets of different number",
    },
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: run_of(F.mse_loss, input=spread(5, 1), target=spread(5)),
    clean=lambda: run_of(F.mse_loss, input=spread(5, 1), target=spread(5, 1)),
)
