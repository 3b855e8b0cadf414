"""Strictly convex, strongly convex, quasi-convex: what the bend of a loss says beyond its being convex.

Double precision shows no curvature below 1e-16 of the slope. Where a bend fades through all magnitudes until it
cannot be seen, as that of a logistic loss does beyond 36, it may still be there, and "strictly convex" is not
resolved; where it ends at once, as that of Huber's does, what follows is straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..subjects.subject import Inputs
from ..verdict import Verdict, no, unresolved, yes
from .lines import Lines

#: A bend that falls below this share of the usual one is none that an optimiser could use.
_NONE = 1e-7
#: A bend that is this large beside the usual one where it ends has not faded.
_AT_ONCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Curvature:
    """What was found.

    Attributes:
        strict: whether every chord lies above the loss, and never on it.
        strong: whether the second derivative stays above some number above zero.
        quasi: whether it falls, then rises, and never again, along every line.
    """

    strict: Verdict
    strong: Verdict
    quasi: Verdict


def measure_curvature(lines: Lines, convex: Verdict, trusted: str) -> Curvature:
    """How the loss bends along `lines`; `trusted` says why derivatives are not to be, where they are not."""
    quasi = _quasi(lines)
    if convex.word != "yes":
        same = no("it is not convex", *convex.inputs) if convex.word == "no" else unresolved(convex.why)
        return Curvature(strict=same, strong=same, quasi=quasi)
    found = [] if trusted else lines.derivatives(lines.grid, 2)
    if len(found) < 3 or lines.subject.dtype is not torch.float64:
        why = trusted or "its second derivative cannot be seen in its precision"
        return Curvature(strict=unresolved(why), strong=unresolved(why), quasi=quasi)
    strict = _strict(lines, *found)
    return Curvature(strict=strict, strong=_strong(lines, strict, found[2]), quasi=quasi)


def _quasi(lines: Lines) -> Verdict:
    """Whether no point on a line lies above points on both sides of it."""
    t, values = lines.grid, lines.on_grid
    known = values.nan_to_num(nan=torch.inf)
    left, right = known.cummin(0).values, known.flip(0).cummin(0).values.flip(0)
    lower = torch.maximum(left, right)
    size = values.abs().nan_to_num(posinf=0.0, neginf=0.0)
    loose = 10 * lines.subject.close * (size + size.median()) + 1e-12
    above = torch.where(values.isfinite() & lower.isfinite(), values - lower - loose, -torch.inf)
    if not bool(above.isfinite().any()):
        return unresolved("it has no finite values to compare")
    if bool((above <= 0).all()):
        return yes("it falls, then rises, along every line that was followed")
    point, line = divmod(int(above.argmax()), lines.count)
    first, last = int(known[: point + 1, line].argmin()), point + int(known[point:, line].argmin())
    told = ", then ".join(f"{float(values[i, line]):.4g}" for i in (first, point, last))
    return no(
        f"along a line it costs {told}: there is a hill between two valleys",
        *(lines.point(float(t[i, line]), line) for i in (first, point, last)),
    )


def _strict(lines: Lines, value: Tensor, slope: Tensor, bend: Tensor) -> Verdict:
    t = lines.grid
    known = slope.isfinite() & bend.isfinite() & value.isfinite()
    flat = slope.diff(dim=0).abs() <= 8 * torch.finfo(torch.float64).eps * slope.abs()[1:]
    flat &= (bend[1:] == 0) & (bend[:-1] == 0) & known[1:] & known[:-1]
    flat &= t.diff(dim=0) > 1e-9 * (1 + t[1:].abs())
    usual = _usual(bend)
    if (line := _straight(slope, bend)) is not None:
        points = [lines.point(float(t[row, line]), line) for row in (0, len(t) // 2, len(t) - 1)]
        return no("in one direction it is straight all the way", *points)
    if not bool(flat.any()):
        return yes("its slope rises between any two points of a line")
    faded: list[float] = []
    for line in flat.any(0).nonzero().squeeze(1).tolist():
        rows = flat[:, line].nonzero().squeeze(1)
        ends = _edges(lines, line, bend[:, line], rows)
        if not ends or any(size > _AT_ONCE * max(usual, float(bend[:, line].max())) for _, size in ends):
            row = int(rows[len(rows) // 2])
            low, high = float(t[row, line]), float(t[row + 1, line])
            points = [lines.point(place, line) for place in (low, (low + high) / 2, high)]
            told = f"a slope of {float(slope[row, line]):.4g} all the way"
            return no(f"between two predictions it is straight, with {told}", *points)
        faded += [place for place, _ in ends]
    where = min(abs(place) for place in faded)
    return unresolved(f"beyond {where:.3g} its bend is too slight for double precision to show")


def _straight(slope: Tensor, bend: Tensor) -> int | None:
    """A line on which the slope stays the same, but for rounding."""
    known = slope.isfinite() & bend.isfinite()
    slope, bend = torch.where(known, slope, 0.0), torch.where(known, bend, 0.0)
    same = (slope.amax(0) - slope.amin(0) <= 1e-10 * slope.abs().max()) & (
        bend.abs().amax(0) <= 1e-10 * bend.abs().max()
    )
    return int(same.double().argmax()) if bool(same.any()) else None


def _usual(bend: Tensor) -> float:
    near = bend[bend.isfinite()]
    return float(near.abs().quantile(0.5)) if near.numel() else 0.0


def _edges(lines: Lines, line: int, bend: Tensor, rows: Tensor) -> list[tuple[float, float]]:
    """Where the straight parts of a line begin and end, and how large its bend is just before."""
    t = lines.grid[:, line]
    straight = bend == 0
    change = (straight[1:] != straight[:-1]).nonzero().squeeze(1).tolist()
    if not change:
        return []
    low, high = t[change].clone(), t[[i + 1 for i in change]].clone()
    left_is_straight = straight[change]
    share = torch.linspace(0, 1, 33, dtype=torch.float64).unsqueeze(1)
    for _ in range(6):
        places = low + share * (high - low)
        read = _bends(lines, line, places)
        # The first place from the side with a bend at which there is none.
        gone = torch.where(left_is_straight, read.flip(0), read) == 0
        first = gone.double().argmax(0).clamp(min=1)
        width = (high - low) / 32
        low, high = (
            torch.where(left_is_straight, high - first * width, low + (first - 1) * width),
            torch.where(left_is_straight, high - (first - 1) * width, low + first * width),
        )
    inside = _bends(lines, line, torch.stack([low, high])).abs().amax(0)
    return list(zip(((low + high) / 2).tolist(), inside.tolist(), strict=True))


def _bends(lines: Lines, line: int, places: Tensor) -> Tensor:
    """The second derivative at some places of one line."""
    one = lines.only(torch.full((places.shape[1],), line))
    return one.derivatives(places, 2)[2]


def _strong(lines: Lines, strict: Verdict, bend: Tensor) -> Verdict:
    if strict.word == "no":
        return no("it is straight somewhere", *strict.inputs)
    usual = _usual(bend)
    places = torch.cat([lines.grid, _beside_least(lines)])
    least = _least_of(lines, places)
    if usual == 0 or least is None:
        return unresolved("it has no finite second derivative")
    for far in _outwards(lines):
        out = _least_of(lines, far[-1:])
        before = _least_of(lines, far[-2:-1])
        if out is None or before is None:
            continue
        # What falls in every decade falls to zero.
        if out[0] <= _NONE * usual or out[0] < min(0.9 * before[0], usual):
            return no(f"far out its second derivative falls towards zero, {out[0]:.3g} here", out[1])
    if least[0] <= _NONE * usual:
        return no(f"its second derivative falls to {least[0]:.3g}, from {usual:.3g} elsewhere", least[1])
    if least[0] >= 1e-3 * usual:
        return yes(f"its second derivative stays above {least[0]:.4g}", constant=least[0])
    return unresolved(f"its second derivative falls to {least[0]:.3g}, from {usual:.3g} elsewhere")


def _least_of(lines: Lines, places: Tensor) -> tuple[float, Inputs] | None:
    """The least second derivative at these places, and where it is."""
    read = lines.derivatives(places, 2)[2]
    known = read.isfinite()
    if not bool(known.any()):
        return None
    least, place = torch.where(known, read, torch.inf).flatten().min(0)
    point, line = divmod(int(place), lines.count)
    return float(least), lines.point(float(places[point, line]), line)


def _outwards(lines: Lines) -> list[Tensor]:
    """Places towards each infinite end, decade by decade."""
    far = torch.logspace(3, 6, 4, dtype=torch.float64).unsqueeze(1).expand(-1, lines.count)
    ends = [far] if lines.domain.high == torch.inf else []
    return [*ends, -far] if lines.domain.low == -torch.inf else ends


def _beside_least(lines: Lines) -> Tensor:
    """Places next to where each line is least, where a bend may vanish as that of a fourth power does."""
    if lines.domain.bounded:
        return lines.grid[:0]
    near = torch.logspace(-9, -3, 7, dtype=torch.float64).unsqueeze(1)
    least = _least(lines)
    return torch.cat([least + near, least - near])


def _least(lines: Lines) -> Tensor:
    """Where each line is flat: its least place, refined by bisection of the slope."""
    slope = lines.slopes[1]
    t = lines.grid
    row = (slope > 0).double().argmax(0).clamp(min=1)
    column = torch.arange(lines.count)
    low, high = t[row - 1, column], t[row, column]
    for _ in range(48 if lines.dense else 12):
        middle = (low + high) / 2
        up = lines.derivatives(middle.unsqueeze(0), 1)[1].squeeze(0) > 0
        low, high = torch.where(up, low, middle), torch.where(up, middle, high)
    return ((low + high) / 2).unsqueeze(0)
