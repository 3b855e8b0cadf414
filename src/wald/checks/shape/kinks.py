"""How often a loss can be differentiated, and where it cannot: jumps that stay however near they are looked at.

Between two places of a grid a smooth function changes by less and less as they are brought together; one that
jumps does not. The intervals that change most beside their neighbours are cut into 32 parts again and again, and
the part that changes most is kept. Derivatives come from autograd, so they are first held against the values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from ..subjects.subject import Inputs
from .lines import Lines

_PARTS, _ROUNDS, _ROUNDS_SINGLE, _CANDIDATES = 32, 6, 4, 8
#: The largest change between neighbours on the grid that is noise, as a share of the size of the function.
_NOISE: Final = {torch.float64: 1e-6, torch.float32: 1e-3}
#: A change that is left to this share in one cut stays; a square root falls to 0.18.
_STAYS = 0.6
#: As near to an end of the domain nothing is said.
_END = 1e-4


@dataclass(frozen=True, kw_only=True)
class Kinks:
    """What was found.

    Attributes:
        smooth: how many derivatives are continuous: 0 (kinks), 1, 2, or 3 for smooth; None where not resolved.
        jumps: whether the value itself jumps.
        places: where the derivative that jumps first does so, as (place on the line, line).
        where: the same in words.
        why: what shows it, or why it could not be resolved.
        inputs: the example on both sides of the first such place.
    """

    smooth: int | None
    jumps: bool = False
    places: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    where: str = ""
    why: str = ""
    inputs: tuple[Inputs, ...] = ()


def measure_kinks(lines: Lines) -> Kinks:
    """How smooth the loss is along `lines`."""
    told = agrees(lines)
    for order in range(4):
        if order == 1 and told:
            return Kinks(smooth=None, why=told)
        if order == 2 and lines.subject.whole:
            return Kinks(smooth=None, why="its slope has no kink; its curvature is not looked at, as examples meet")
        found = _jumps(lines, order)
        if found is None:
            return Kinks(smooth=None, why=f"autograd gives no derivative of order {order}")
        if found:
            place, line = found[0][0], found[0][1]
            beside = 1e-6 * (1 + abs(place))
            name = ("value", "slope", "curvature", "third derivative")[order]
            where = _in_words(lines, found)
            return Kinks(
                smooth=max(order - 1, 0),
                jumps=order == 0,
                places=found,
                where=where,
                why=f"its {name} jumps{' where ' * bool(where)}{where}",
                inputs=(lines.point(place - beside, line), lines.point(place + beside, line)),
            )
    return Kinks(smooth=3, why="value, slope, curvature and third derivative change without a jump")


def agrees(lines: Lines) -> str:
    """Why derivatives are not to be trusted; empty where they are the slopes of the values."""
    t = lines.grid[5:-5:7] if lines.dense else lines.grid[2:-2:6]
    found = lines.derivatives(t, 1)
    if len(found) < 2:
        return "autograd gives no derivative"
    if lines.subject.dtype is not torch.float64:
        return ""
    step = 1e-6 * (1 + t.abs()) if lines.domain.bounded is False else 1e-6 * _room(lines, t)
    chord = (lines.values(t + step) - lines.values(t - step)) / (2 * step)
    size = found[1].abs() + chord.abs() + found[0].abs() * 1e-6 + 1e-4 * _typical(found[1])
    apart = (chord - found[1]).abs() / size.clamp(min=1e-12)
    known = apart.isfinite()
    if not bool(known.any()):
        return "it has no finite slopes"
    wrong = (apart > 1e-2) & known
    # A kink between both sides is no disagreement.
    if float(wrong.sum() / known.sum()) <= 0.05:
        return ""
    point = int(torch.where(known, apart, 0).amax(1).argmax())
    line = int(torch.where(known, apart, 0)[point].argmax())
    return f"autograd says {found[1][point, line]:.4g} where its values rise by {chord[point, line]:.4g}"


def _room(lines: Lines, t: Tensor) -> Tensor:
    """How far it is to the ends of the domain."""
    room = torch.full_like(t, torch.inf)
    if lines.domain.low > -torch.inf:
        room = torch.minimum(room, t - lines.domain.low)
    if lines.domain.high < torch.inf:
        room = torch.minimum(room, lines.domain.high - t)
    return room


def _typical(x: Tensor) -> float:
    finite = x[x.isfinite()].abs()
    return float(finite.median()) if finite.numel() else 0.0


def _jumps(lines: Lines, order: int) -> list[tuple[float, int]] | None:
    """Where the derivative of this order jumps; None where there is no such derivative."""
    t = lines.grid
    found = [lines.on_grid] if order == 0 else lines.slopes if order == 1 else lines.derivatives(t, order)
    if len(found) <= order:
        return None
    reading = found[order]
    change = reading.diff(dim=0).abs().nan_to_num(nan=0.0, posinf=0.0)
    beside = torch.maximum(_shifted(change, 1), _shifted(change, -1))
    noise = _NOISE[lines.subject.dtype] * _size(reading)
    score = torch.where(change > noise, change / (beside + noise), 0.0)
    # What ends there, as a logarithm does at zero, has no kink.
    ends = (~reading.isfinite()).double()
    ended = torch.nn.functional.max_pool1d(ends.T.unsqueeze(1), 7, 1, 3).squeeze(1).T > 0
    score = torch.where(ended[1:] | ended[:-1], 0.0, score)
    # Next to an end of the domain numbers lie too far apart to tell a jump from rounding.
    room = _room(lines, t)
    score = torch.where(torch.minimum(room[1:], room[:-1]) > _END, score, 0.0)
    top = score.topk(min(_CANDIDATES if lines.dense else 1, len(score)), dim=0)
    picked = [(int(i), j) for k, row in enumerate(top.indices) for j, i in enumerate(row) if top.values[k, j] > 0.5]
    picked += _peaks(reading, noise) if order and lines.dense else []
    places = [place for place in (_followed(lines, order, picked) if picked else []) if place is not None]
    return sorted({(round(t, 12), line) for t, line in places}, key=lambda place: (place[1], place[0]))


def _peaks(reading: Tensor, noise: Tensor) -> list[tuple[int, int]]:
    """The intervals around the highest point of each line, where a derivative may go to infinity and back."""
    size = reading.abs().nan_to_num(nan=0.0, posinf=torch.inf)
    size[0] = size[-1] = 0
    size[:, (~reading.isfinite()).sum(0) > 1] = 0
    top = size.argmax(0)
    high = size.amax(0) > 3 * size.quantile(0.8, dim=0) + noise
    lines = [line for line in range(len(top)) if bool(high[line])]
    return [(min(max(int(top[line]) + by, 0), len(reading) - 2), line) for line in lines for by in (-1, 0)]


def _size(reading: Tensor) -> Tensor:
    """How large the function is on each line; where it is all but zero, on the others."""
    size = reading.abs().nan_to_num(nan=0.0, posinf=0.0).quantile(0.8, dim=0)
    return torch.maximum(size, 1e-3 * size.amax()).clamp(min=1e-12)


def _shifted(change: Tensor, by: int) -> Tensor:
    moved = change.roll(by, 0)
    moved[0 if by > 0 else -1] = 0
    return moved


def _followed(lines: Lines, order: int, picked: list[tuple[int, int]]) -> list[tuple[float, int] | None]:
    """Where each picked interval (row, line) jumps; None where it does not."""
    columns = torch.tensor([line for _, line in picked])
    row = torch.tensor([at for at, _ in picked])
    some = lines.only(columns)
    low, high = lines.grid[row, columns], lines.grid[row + 1, columns]
    parts = _PARTS if lines.dense else 8
    share = torch.linspace(0, 1, parts + 1, dtype=torch.float64).unsqueeze(1)
    changes: list[Tensor] = []
    for _ in range(_ROUNDS if lines.subject.dtype is torch.float64 else _ROUNDS_SINGLE):
        t = low + share * (high - low)
        reading = _read(some, t, order)
        change = reading.diff(dim=0).abs().nan_to_num(nan=0.0, posinf=torch.inf)
        best = change.argmax(0, keepdim=True)
        changes.append(change.gather(0, best).squeeze(0))
        # With a part on both sides: a derivative that goes to infinity and back is the same left and right of it.
        low, high = (
            t.gather(0, (best - 1).clamp(min=0)).squeeze(0),
            t.gather(0, (best + 2).clamp(max=parts)).squeeze(0),
        )
    first, last = changes[-3], changes[-1]
    # What is left must be a good part of what there was, or it is rounding.
    stays = (last >= _STAYS**2 * first) & (last >= 0.02 * changes[0]) & last.isfinite() & (first > 0)
    middle = (low + high) / 2
    return [(float(middle[k]), int(columns[k])) if bool(stays[k]) else None for k in range(len(picked))]


def _read(lines: Lines, t: Tensor, order: int) -> Tensor:
    return lines.derivatives(t, order)[order] if order else lines.values(t)


def _in_words(lines: Lines, places: list[tuple[float, int]]) -> str:
    """Where the kinks of a loss of one number are: at a prediction, an error or a ratio that is the same for all."""
    subject = lines.subject
    if not (subject.scalar and not subject.whole and lines.base.ndim == 1):
        return ""
    target = lines.rest[0].double()
    t = torch.tensor([place for place, _ in places], dtype=torch.float64)
    y = target[torch.tensor([line for _, line in places])]
    if subject.labelled:
        by_label: dict[float, list[float]] = {}
        for place, label in zip(t.tolist(), y.tolist(), strict=True):
            by_label.setdefault(label, []).append(place)
        words = [f"{_near(at)} under the label {label:g}" for label, each in by_label.items() for at in each[:3]]
        return f"the prediction is {' and '.join(words[:4])}"
    found = [*_same("prediction", t, y, target), *_same("prediction - target", t - y, y, target)]
    found = found or _same("prediction / target", t / y, y, target)
    return " or ".join(found[:4])


def _same(what: str, of: Tensor, y: Tensor, target: Tensor) -> list[str]:
    """The values of this quantity at which there is a kink under every target."""
    found: list[str] = []
    for value in of.tolist():
        same = (of - value).abs() <= 1e-4 * (1 + abs(value))
        told = f"{what} = {_near(value)}"
        if len(set(y[same].tolist())) == len(target) > 1 and told not in found:
            found.append(told)
    return found


def _near(x: float) -> str:
    return f"{0.0 if abs(x) < 1e-5 else x:.4g}"
