"""A loss that moves and a gradient that does not: the way from the value back to the prediction is cut.

`.item()`, `.detach()`, numpy and `torch.tensor(loss)` cut it off; rounding, comparing and argmax leave it in place
with a slope of zero everywhere. A margin that every example has reached has no gradient either, and that is success:
so it counts only where another prediction would be cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run, Slot
from .cause import Cause, Suspect, called, jitter, run_of, short, spread

F = torch.nn.functional

#: A batch of so many rows is stuck, and no row of it an accident, if so many of them could cost less.
_ROWS, _MOST = 4, 0.75
_ENOUGH = 4096


def look(run: Run) -> Iterator[Suspect]:
    """No graph; no slope anywhere; saturation."""
    kind = run.outcome.kind
    if kind == "no gradient":
        yield _cut(run)
        return
    if kind != "zero gradient" or not run.emitted or (run.rows == 1 and _four(run).outcome.kind != kind):
        return
    run = _few(run)
    slot = run.emitted[0]
    tries = [run.put(**{slot.name: moved}) for moved in _elsewhere(run, slot)]
    tries = [one for one in tries if not one.outcome.broken]
    cheaper = [one for one in tries if one.outcome.total < run.outcome.total - 1e-6 * abs(run.outcome.total)]
    flat = all(one.outcome.kind in ("zero gradient", "no gradient") for one in tries)
    moves = any(one.outcome.total != run.outcome.total for one in tries)
    if not tries or not flat:
        if cheaper and _most_are_cheaper(run, cheaper):
            yield _stuck(run, slot, cheaper[0])
        return
    if not moves and len(run.emitted) == 1:
        yield Suspect(
            code="W959",
            says=f"the loss is {run.outcome.total:.4g} whatever {called(slot)} is: its value does not depend on it",
            fix="Look where the prediction leaves the formula: multiplied by 0, clamped to one value, or detached.",
            tried="other predictions",
            cure=None,
        )
    elif cheaper:
        yield Suspect(
            code="W959",
            says=(
                f"the gradient is exactly 0 at these predictions and at {len(tries)} others, though the loss moves "
                f"({run.outcome.total:.4g} and {cheaper[0].outcome.total:.4g}): it has no slope anywhere, as with "
                "rounding, comparing or argmax"
            ),
            fix="Train on a smooth stand-in (cross-entropy for accuracy, a sigmoid for a step), and keep this as a "
            "metric.",
            tried="other predictions",
            cure=None,
        )


def _four(run: Run) -> Run:
    """Four rows near the only one: a contrast of one row has nothing to tell it from, and that is no fault."""
    more = run.take(torch.zeros(4, dtype=torch.long))
    moved = {slot.name: more.inputs[slot.name] for slot in more.emitted}
    return more.put(**{name: x + jitter(more, x) * (1 + place) for place, (name, x) in enumerate(moved.items())})


def _few(run: Run) -> Run:
    """Some of the rows, if they are without a gradient as all of them are: they tell the same in less time."""
    if run.rows <= _ENOUGH:
        return run
    part = run.take(torch.linspace(0, run.rows - 1, _ENOUGH).long())
    return part if part.outcome.kind == "zero gradient" else run


def _most_are_cheaper(run: Run, others: list[Run]) -> bool:
    """Whether most rows could cost less: a bounded loss gives up on a few, and that is what it is for."""
    here = run.values
    there = [one.values for one in others]
    if run.rows < _ROWS or here is None or any(x is None for x in there):
        return False
    least = torch.stack([x for x in there if x is not None]).amin(0)
    return bool((least < here - 1e-6 * here.abs()).double().mean() >= _MOST)


def _cut(run: Run) -> Suspect:
    slot = run.call.slots[0]
    x = run.inputs[slot.name]
    if not run.emitted:
        return Suspect(
            code="W958",
            says=f"{called(slot)} is {short(x.dtype)}, and whole numbers have no gradient",
            fix="Pass the scores themselves, not their argmax or rounding.",
            tried=f"{called(slot)}.float()",
            cure=lambda part: part.put(**{slot.name: part.inputs[slot.name].float()}),
        )
    return Suspect(
        code="W958",
        says=f"the loss is {run.outcome.total:.4g} and has no gradient: its value is cut off from {called(slot)}",
        fix="Look for .item(), .detach(), .data, numpy, torch.tensor(...), argmax or torch.no_grad() inside the loss.",
        tried="asking for the gradient of other predictions",
        cure=None,
    )


def _stuck(run: Run, slot: Slot, better: Run) -> Suspect:
    # What is masked may be anything, NaN among it.
    peak = run.inputs[slot.name].double().nan_to_num(0, 0, 0).abs().max().item()
    return Suspect(
        code="W960",
        says=(
            f"the gradient is exactly 0, though other predictions are cheaper ({better.outcome.total:.4g} against "
            f"{run.outcome.total:.4g}): {called(slot)} (up to {peak:.4g} in size) is where the loss is flat, as a "
            "sigmoid, softmax or clamp that is saturated"
        ),
        fix="Use the loss of logits (binary_cross_entropy_with_logits, cross_entropy), which has a gradient wherever "
        "it is wrong; else lower the learning rate or the scale of the last layer.",
        tried="smaller predictions",
        cure=lambda part: (
            part.put(**{slot.name: better.inputs[slot.name]}) if part.rows == better.rows else _small(part, slot)
        ),
    )


def _small(run: Run, slot: Slot) -> Run:
    x = run.inputs[slot.name]
    return run.put(**{slot.name: x / (1 + x.abs())})


def _elsewhere(run: Run, slot: Slot) -> Iterator[Tensor]:
    x = run.inputs[slot.name]
    domain = run.domain(slot)
    if domain is not None and (domain.low, domain.high) == (0.0, 1.0):
        noise = jitter(run, x)
        yield torch.sigmoid(noise)
        yield torch.sigmoid(-2 * noise)
        yield 1 - x
        return
    spread = 1 + (x.double().abs().median().item() if x.numel() else 0)
    yield x / (1 + x.abs())
    yield 0.5 * jitter(run, x)
    yield spread * jitter(run, x) + x
    yield -x
    y = run.target
    if y is not None and y.shape == x.shape:
        yield y.to(x) + 0.3 * jitter(run, x)


def _rounded(x: Tensor, y: Tensor) -> Tensor:
    return (x.round() - y).abs().mean()


RULE = Cause(
    codes={
        "W958": "a loss without a graph",
        "W959": "a loss without a slope",
        "W960": "stuck where the loss is flat",
    },
    explains=__doc__ or "",
    look=look,
    when="finite",
    planted=lambda: run_of(_rounded, x=3 * spread(5), y=spread(5).flip(0)),
    clean=lambda: run_of(F.hinge_embedding_loss, input=5 + spread(5).abs(), target=-torch.ones(5)),
)
