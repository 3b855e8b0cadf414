"""Move predictions to what a yardstick wants, learnt on some rows and applied to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..costing.space import Regression, Space
from ..costing.yardstick import Yardstick
from ..statistics import Sample, percentiles, whole_sample
from .search import compass_search

Move = Callable[[Tensor], Tensor]

#: How far predictions are scaled (the logarithm of the factor) and shifted (in units of the task), at most.
_FARTHEST = (6.0, 15.0)

#: Rows that the moves of several classes are learnt from, at most twice as many.
_LEARNT = 1_000

#: Rows in a bin of predictions, at least: fewer make the shift of a bin noise.
_IN_BIN = 25
_BINS = 10


def affine(space: Space, score: Tensor, target: Tensor) -> Callable[[Tensor], Callable[[Tensor], Tensor]]:
    """Make moves from parameters: scores scaled about their centre by exp(first), then shifted by the rest."""
    centre, unit = space.centre(score), space.unit(target)
    ways = space.directions(score)

    def made(parameters: Tensor) -> Move:
        scale, shifts = parameters[0].exp().to(score.dtype), parameters[1:].to(score.dtype)
        shift = unit * torch.tensordot(shifts, ways, 1)
        return lambda given: (given - centre) * scale + centre + shift

    return made


def retarget(space: Space, stick: Yardstick, score: Tensor, target: Tensor, rows: Tensor) -> Move:
    """The move of predictions that costs least by `stick` on these rows; the identity unless another is better."""
    if isinstance(space, Regression) and stick.decomposable:
        return _shifted_bins(stick, score, rows, space.unit(target))
    return recalibrate(space, stick, score, target, rows)


def recalibrate(
    space: Space, stick: Yardstick, score: Tensor, target: Tensor, rows: Tensor, *, flat: bool = False
) -> Move:
    """The best scale and shift of predictions by `stick` on these rows.

    Args:
        space: the kind of the task.
        stick: what scores cost.
        score: all scores.
        target: all targets.
        rows: the rows to learn from.
        flat: also try predictions that are scaled to almost nothing, which know almost nothing of their row.
    """
    made, centre = affine(space, score, target), space.centre(score)
    directions, unit = space.directions(score), space.unit(target)
    ways = len(directions)
    if ways > 1 and stick.decomposable:
        # Many classes make a search long; a move of so few parameters is learnt as well from some of the rows.
        rows = rows[:: max(1, len(rows) // _LEARNT)]
    given = score[rows]
    shape = (-1,) + (1,) * given.ndim

    def costs(parameters: Tensor) -> Tensor:
        scale, shifts = parameters[:, 0].exp().to(score.dtype), parameters[:, 1:].to(score.dtype)
        shift = unit * torch.tensordot(shifts, directions, 1).unsqueeze(1)
        found = stick.means((given - centre) * scale.reshape(shape) + centre + shift, rows)
        # Some losses fall without end; how far they are followed is no property of the predictions.
        beyond = (parameters[:, 0].abs() > _FARTHEST[0]) | (parameters[:, 1:].abs() > _FARTHEST[1]).any(-1)
        return torch.where(beyond, torch.inf, found)

    starts = [torch.zeros(1 + ways, dtype=torch.float64)]
    grid = torch.arange(-8, 8.01, 0.5) if ways == 1 else torch.tensor([-2.0, -1.0, 1.0, 2.0])
    for way in range(ways):
        starts += [_axis(1 + ways, 1 + way, size) for size in grid.tolist()]
    if flat:
        starts += [_axis(1 + ways, 0, size) for size in (-5.0, -2.0, 2.0, 4.0)]
    steps = torch.full((1 + ways,), 0.5, dtype=torch.float64)
    best, _ = compass_search(costs, torch.stack(starts), steps)
    return made(best)


def _axis(size: int, at: int, value: float) -> Tensor:
    point = torch.zeros(size, dtype=torch.float64)
    point[at] = value
    return point


def _shifted_bins(stick: Yardstick, score: Tensor, rows: Tensor, unit: float) -> Move:
    """A shift for each bin of predictions, in steps of the target's standard deviation."""
    given = score[rows]
    bins = max(1, min(_BINS, len(rows) // _IN_BIN))
    edges = _quantiles(given, torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1], stick.weight, rows)
    place = torch.bucketize(given, edges)
    shifts = torch.zeros(bins, dtype=score.dtype)
    for index in range(bins):
        own = rows[place == index]
        if len(own) < 2:
            continue
        base = score[own]

        def costs(parameters: Tensor, base: Tensor = base, own: Tensor = own) -> Tensor:
            moved = base + unit * parameters[:, :1].to(base.dtype)
            return stick.means(moved, own)

        starts = torch.cat([torch.zeros(1, 1), torch.linspace(-4, 4, 33)[:, None]]).double()
        best, _ = compass_search(costs, starts, torch.tensor([0.25], dtype=torch.float64), finest=1 / 64)
        shifts[index] = unit * float(best[0])
    return lambda x: x + shifts[torch.bucketize(x, edges)]


def _quantiles(values: Tensor, shares: Tensor, weight: Tensor | None, rows: Tensor) -> Tensor:
    """Quantiles of these rows, where each counts for its weight."""
    if weight is None:
        return torch.quantile(values.double(), shares).to(values.dtype)
    ordered, order = values.sort()
    reached = weight[rows][order].double().cumsum(0)
    return ordered[torch.searchsorted(reached, shares * reached[-1]).clamp_max(len(values) - 1)]


def worsened(space: Space, stick: Yardstick, score: Tensor, target: Tensor, *, share: float = 0.15) -> Tensor | None:
    """The scores with the smallest shift that costs this share by `stick`; None where it feels no shift."""
    least = stick.mean(score)
    made = affine(space, score, target)
    for size in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
        for sign in (1, -1):
            shifted = made(_axis(1 + len(space.directions(score)), 1, sign * size))(score)
            if stick.mean(shifted) > least + share * abs(least):
                return shifted
    return None


@dataclass(frozen=True)
class Price:
    """What predictions cost beyond what the same predictions, moved, would cost.

    Attributes:
        effect: the share of the cost that moving them saves; below 0 where moving costs.
        interval: its 95 % interval.
        error: its standard error.
        before: the cost as it is.
        after: the cost when moved.
    """

    effect: float
    interval: tuple[float, float]
    error: float
    before: float
    after: float


def price(
    space: Space, stick: Yardstick, score: Tensor, target: Tensor, sample: Sample, *, draws: int, splits: int = 3
) -> Price:
    """What moving the predictions saves, learnt on one half of the rows and measured on the other, and vice versa."""
    if stick.decomposable:
        return _price_by_rows(space, stick, score, target, sample, draws=draws, splits=splits)
    halves = sample.halves()
    before: list[Tensor] = []
    after: list[Tensor] = []
    for rows, others in (halves, halves[::-1]):
        moved = retarget(space, stick, score, target, others)(score)
        whole = sample.part(rows).bootstrap(draws)
        for kept, given in ((before, score), (after, moved)):

            def cost(drawn: Tensor, given: Tensor = given, rows: Tensor = rows) -> float:
                return stick.mean(given[rows[drawn]], rows[drawn])

            point = torch.tensor([stick.mean(given[rows], rows)], dtype=torch.float64)
            kept.append(torch.cat([point, whole_sample(cost, whole)]))
    costs, moved_costs = torch.stack(before).mean(0), torch.stack(after).mean(0)
    return _priced(costs, moved_costs)


def _price_by_rows(
    space: Space, stick: Yardstick, score: Tensor, target: Tensor, sample: Sample, *, draws: int, splits: int
) -> Price:
    before = stick.values(score)
    after = torch.zeros_like(before)
    # Several ways to halve the rows, so that the price does not hang on one.
    for split in range(splits):
        halves = sample.halves(split)
        for rows, others in (halves, halves[::-1]):
            moved = retarget(space, stick, score, target, others)(score[rows])
            after[rows] += stick.values(moved, rows) / splits
    drawn = sample.bootstrap(draws).means(torch.stack([before, after]))
    points = torch.tensor([[sample.mean(before)], [sample.mean(after)]], dtype=torch.float64)
    both = torch.cat([points, drawn], 1)
    return _priced(both[0], both[1])


def _priced(before: Tensor, after: Tensor) -> Price:
    """The price from costs of which the first is the point and the rest are draws."""
    share = (before - after) / before.abs().clamp_min(1e-300)
    drawn = share[1:]
    return Price(
        effect=float(share[0]),
        interval=percentiles(drawn),
        error=float(drawn[drawn.isfinite()].std()) if len(drawn) > 1 else float("nan"),
        before=float(before[0]),
        after=float(after[0]),
    )
