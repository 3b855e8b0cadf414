"""Whether a loss has a least value, or keeps falling as a prediction goes to an end of its domain.

Rays are followed over seven decades. A loss that falls by as much in a step as in the one before has no least
value; one that has a limit falls less and less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..subjects.grids import extremes, inside
from ..subjects.subject import BATCH, Inputs, Subject
from ..verdict import Verdict, no, unresolved, yes

#: Three steps a decade: arithmetic may fail after the second.
_DISTANCES = torch.logspace(0, 7, 22, dtype=torch.float64)
_ROWS = 12
#: As many steps as these must lead down, one after the other.
_STEPS = 4


def measure_bounded(subject: Subject) -> Verdict:
    """Whether `subject` has a finite infimum over the prediction."""
    if subject.whole:
        rays = _of_batches(subject)
    elif subject.prediction.axes:
        rays = _of_vectors(subject)
    else:
        rays = _of_numbers(subject)
    return _judged(rays)


@dataclass(frozen=True)
class _Rays:
    """Values along rays (rows are rays, columns distances), and the inputs at each distance."""

    values: Tensor
    inputs: list[Inputs]
    whole: bool = False


def _judged(rays: _Rays) -> Verdict:
    values = rays.values
    if not bool(values.isfinite().any()):
        return unresolved("it has no finite values far out")
    steps = values.diff(dim=1)
    undiminished = (steps[:, 1:] < 0) & (steps[:, 1:] <= 0.9 * steps[:, :-1])
    undiminished &= steps[:, 1:].abs() > 1e-6 * (1 + values[:, :1].abs())
    # A loss that goes up and down falls now and then; one without a least value falls every time.
    falls = undiminished.unfold(1, _STEPS, 1).all(2) | (values[:, _STEPS + 1 :] == -torch.inf)
    reached = values[:, _STEPS + 1 :]
    known = (reached.isfinite() | (reached == -torch.inf)).double()
    # Farther out its arithmetic may fail, so the last step that has a value decides.
    end = (known * torch.arange(1, known.shape[1] + 1)).argmax(1, keepdim=True)
    falling = falls.gather(1, end).squeeze(1) & (known.sum(1) > 0)
    if not bool(falling.any()):
        return yes("it does not go on falling in any direction that was followed")
    reached = reached.gather(1, end).squeeze(1)
    worst = int(torch.where(falling, reached, torch.inf).argmin())
    column = int(end[worst]) + _STEPS + 1
    row = slice(None) if rays.whole else slice(worst, worst + 1)
    told = f"along one direction it costs {values[worst, column - 2]:.4g}, then {values[worst, column - 1]:.4g}"
    return no(
        f"{told}, then {values[worst, column]:.4g}, and falls on",
        *(tuple(x[row] for x in rays.inputs[i]) for i in (column - 1, column)),
    )


def _of_numbers(subject: Subject) -> _Rays:
    rest = subject.inputs(_ROWS)[1:]
    rest = tuple(torch.cat([x, x]) for x in rest)
    inputs: list[Inputs] = []
    for distance in _DISTANCES:
        ends = extremes(subject.prediction, distance.unsqueeze(0)).to(subject.dtype)
        inputs.append((ends.repeat_interleave(_ROWS), *rest))
    return _Rays(torch.stack([subject.values(*x).detach().double() for x in inputs], 1), inputs)


def _of_vectors(subject: Subject) -> _Rays:
    """Rays in random directions, down the slope, and along each entry while the others are on the target."""
    generator = subject.generator()
    start, *rest = subject.inputs(2 * _ROWS, generator)
    random = torch.randn(start.shape, generator=generator, dtype=torch.float64).to(start)
    down = -_unit(subject, start, rest)
    on_target = len(rest) == 1 and rest[0].is_floating_point() and rest[0].ndim == start.ndim - 1
    inputs: list[Inputs] = []
    for distance in _DISTANCES:
        points = [start + distance * move for move in (random, -random, down)]
        points += _beside(rest[0], start.shape[-1], float(distance)) if on_target else []
        placed = inside(subject.prediction, torch.cat(points)).to(start)
        inputs.append((placed, *(x.repeat(len(points), *[1] * (x.ndim - 1)) for x in rest)))
    return _Rays(torch.stack([subject.values(*x).detach().double() for x in inputs], 1), inputs)


def _beside(target: Tensor, entries: int, distance: float) -> Iterator[Tensor]:
    """Every entry on the target but one, which is far above, far below, or near zero, as a variance may be."""
    for entry in range(entries):
        for value in (distance, -distance, 1 / distance):
            point = target.unsqueeze(-1).repeat(*[1] * target.ndim, entries)
            point[..., entry] = value
            yield point


def _unit(subject: Subject, start: Tensor, rest: list[Tensor]) -> Tensor:
    """The direction of the slope; none where it has none."""
    slope = subject.slopes(start, *rest).nan_to_num()
    return slope / slope.norm(dim=-1, keepdim=True).clamp(min=1e-30)


def _of_batches(subject: Subject) -> _Rays:
    generator = subject.generator()
    start, *rest = subject.inputs(BATCH, generator)
    moves = torch.randn((8, *start.shape), generator=generator, dtype=torch.float64).to(start)
    rays = [[(inside(subject.prediction, start + d * move), *rest) for d in _DISTANCES] for move in moves]
    values = torch.stack([torch.stack([_value(subject, x) for x in points]) for points in rays])
    # The ray that ends lowest is the one to show.
    lowest = int(values[:, -1].nan_to_num(nan=torch.inf).argmin())
    return _Rays(values[lowest : lowest + 1], rays[lowest], whole=True)


def _value(subject: Subject, inputs: Inputs) -> Tensor:
    try:
        return subject.batch(*inputs).detach().double().mean()
    except (RuntimeError, ValueError):
        return torch.tensor(torch.nan, dtype=torch.float64)
