"""Values too large for what the loss does with them: an exponential, a square, a product.

float32 ends at 3.4e38, which is the exponential of 88.7 and the square of 1.8e19. Stable formulas (logsumexp, softplus)
never get there; a formula written as it stands in a book does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..batches import Run, Slot, by_row
from .cause import Cause, Suspect, called, listed, numbers, rows_of, run_of, share_broken, short

#: What is no larger does no harm in most losses; a loss with a small temperature needs less still.
_SMALL, _TINY = 8.0, 1e-2
_STEPS = 24
_FEW = 16


@dataclass(frozen=True)
class _Size:
    """Something that may be too large: its name, how large it is, and the batch with no more than so much of it."""

    name: str
    slot: Slot
    of: Callable[[Run], Tensor]
    within: Callable[[Run, float], Run]


def look(run: Run) -> Iterator[Suspect]:
    """The input, or the error, whose large values break the loss, and the size from which they do."""
    if run.outcome.kind == "error":
        return
    for size in _sizes(run):
        x = size.of(run)
        if not x.is_floating_point() or not x.numel() or not bool(x.isfinite().all()):
            continue
        peak = x.abs().max().item()
        small = min(_SMALL, 1e-3 * peak)
        if peak > _TINY and not size.within(run, small).outcome.broken and _by_its_size(run, size, x):
            yield _suspect(run, size, x, _limit(run, size, small, peak))
            return


def _sizes(run: Run) -> Iterator[_Size]:
    for slot in run.slots("prediction", "target", "reference", ""):
        name = slot.name
        yield _Size(called(slot), slot, _value_of(name), _clamped(name))
    if run.pair is None:
        return
    (first, second), x, y = run.pair, *(run.inputs[slot.name] for slot in run.pair)
    if x.shape == y.shape and x.is_floating_point():
        yield _Size(
            f"{called(first)} - {called(second)}",
            first,
            lambda part: part.inputs[first.name] - part.inputs[second.name],
            lambda part, limit: part.put(
                **{first.name: _near(part.inputs[first.name], part.inputs[second.name], limit)}
            ),
        )


def _by_its_size(run: Run, size: _Size, x: Tensor) -> bool:
    """Whether the largest row breaks the loss, or only many rows together; else it is something about other rows."""
    if run.axis(size.slot) != 0 or x.shape[0] != run.rows or run.rows == 1:
        return True
    largest = by_row(x.detach().abs()).amax(1).argmax().cpu()
    if run.take(largest.reshape(1)).outcome.broken:
        return True
    return share_broken(run, run.suspects) == 0


def _value_of(name: str) -> Callable[[Run], Tensor]:
    return lambda part: part.inputs[name]


def _clamped(name: str) -> Callable[[Run, float], Run]:
    return lambda part, limit: part.put(**{name: part.inputs[name].clamp(-limit, limit)})


def _near(x: Tensor, y: Tensor, limit: float) -> Tensor:
    return y + (x - y).clamp(-limit, limit)


def _suspect(run: Run, size: _Size, x: Tensor, limit: float) -> Suspect:
    large = x.abs() > limit
    rows = rows_of(run, size.slot, large)
    wide = run.cast(torch.float64).outcome if x.dtype is not torch.float64 else run.outcome
    where = int(torch.argmax(x.abs().flatten()))
    place = ", ".join(map(str, _index(where, x.shape)))
    exact = f"; in float64 the loss is {wide.total:.4g}" if not wide.broken else ""
    return Suspect(
        code="W914",
        says=(
            f"{int(large.sum())} of {x.numel()} values of {size.name} are too large for this formula in "
            f"{short(x.dtype)}: it is finite up to about {limit:.4g}, and at [{place}] is {x.flatten()[where]:.6g} "
            f"({listed(rows)}){exact}"
        ),
        fix="Use the stable form of the formula: logsumexp, log_softmax, softplus or logsigmoid for logarithms of "
        "exponentials; else clamp the exponent, and look at what made the value so large.",
        tried=f"values of at most {limit:.4g} in size",
        cure=lambda part: size.within(part, limit),
        rows=rows,
        facts={"slot": size.slot.name, "limit": limit, "largest": x.abs().max().item()},
    )


def _limit(run: Run, size: _Size, small: float, peak: float) -> float:
    low, high, part = small, peak, _largest_rows(run, size)
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5 if high / low > 4 else (low + high) / 2
        if size.within(part, middle).outcome.broken:
            high = middle
        else:
            low = middle
    return low


def _index(where: int, shape: tuple[int, ...]) -> list[int]:
    # torch.unravel_index loads a computer algebra system when it is first called.
    index: list[int] = []
    for size in reversed(shape):
        where, rest = divmod(where, size)
        index.insert(0, rest)
    return index


def _largest_rows(run: Run, size: _Size) -> Run:
    """The rows with the largest values, if they break the loss by themselves."""
    x = size.of(run)
    if run.axis(size.slot) != 0 or x.shape[0] != run.rows or run.rows <= _FEW:
        return run
    part = run.take(by_row(x.detach().abs()).amax(1).float().topk(_FEW).indices)
    return part if part.outcome.broken else run


def _exponential(x: Tensor, y: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(-x * y)).mean()


RULE = Cause(
    codes={"W914": "too large for the formula"},
    explains=__doc__ or "",
    look=look,
    when="broken",
    planted=lambda: run_of(_exponential, x=numbers(1, -120, 2), y=numbers(1, 1, -1)),
    clean=lambda: run_of(_exponential, x=numbers(1, -20, 2), y=numbers(1, 1, -1)),
)
