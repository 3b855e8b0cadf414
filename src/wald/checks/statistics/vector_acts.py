"""The best predictions of a loss of several outputs against one number, by values alone.

One entry after another is searched on a grid that is narrowed, over many laws at once, until none of them moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from ..subjects.grids import spread
from ..subjects.subject import Subject
from .derivatives import slopes_at

#: How many atoms the laws have, and how many laws there are of each size.
_ATOMS: Final = (5, 9, 17, 40)
_LAWS: Final = 3
#: Places of a narrowing grid, and how often it is narrowed.
_PLACES, _NARROWED = 25, 4
#: Half the width of the first grid of a round: wide ones to find the valley, narrow ones to settle in it.
_ROUNDS: Final = (6.0, 3.0, 1.0, 0.3, 0.1, 0.03)
_STARTS: Final = 160
#: One start of so many, and one law, is enough where every value takes a call of its own.
_SPARING: Final = 4
#: Fewer entries than these are settled in all rounds, and more than those in few.
_FEW, _MANY = 4, 8
#: Beyond this a prediction runs away.
_FAR: Final = 25.0


@dataclass(frozen=True, kw_only=True)
class VectorActs:
    """Finite laws and the best predictions for them.

    Attributes:
        laws: equally likely atoms, one row a law; what a law has fewer is NaN.
        acts: the best prediction for each law.
        costs: what they cost.
        typical: what a middling prediction costs, to measure differences by.
    """

    laws: Tensor
    acts: Tensor
    costs: Tensor
    typical: Tensor

    def excess(self, subject: Subject, predictions: Tensor) -> Tensor:
        """What these predictions cost more than the best, as a share of what middling ones do."""
        given = risk(subject, predictions.unsqueeze(1), self.laws).squeeze(1)
        rounding = 8 * torch.finfo(subject.dtype).eps * self.costs.abs()
        return (given - self.costs - rounding) / (self.typical - self.costs).clamp(min=1e-12)


def vector_acts(subject: Subject, laws: Tensor) -> VectorActs | None:
    """The best predictions for `laws`, those left out that have none; None where few have one."""
    tried = starts(subject)[:: _SPARING if by_batch(subject) else 1]
    table = risk(subject, tried.expand(len(laws), *tried.shape), laws).nan_to_num(nan=torch.inf)
    least, place = table.min(1)
    acts, costs = _settled(subject, laws, tried[place], least)
    typical = torch.where(table.isfinite(), table, torch.nan).nanquantile(0.25, dim=1)
    good = costs.isfinite() & (_free(subject, acts).abs() < _FAR).all(1) & ~_fleeing(subject, laws, acts, costs)
    if int(good.sum()) < max(3, len(laws) // 2):
        return None
    return VectorActs(laws=laws[good], acts=acts[good], costs=costs[good], typical=typical[good])


def finite_laws(subject: Subject) -> Tensor:
    """A dozen random laws with few atoms and with many, padded with NaN."""
    generator = subject.generator()
    # What is predicted positive has positive targets, or some laws would have no best prediction.
    home = subject.target if subject.prediction.low < 0 else replace(subject.target, low=max(0.0, subject.target.low))
    pool = spread(home, 128, generator, wide=False)[8:120]
    rows: list[Tensor] = []
    for atoms in _ATOMS:
        for _ in range(_LAWS):
            # Squares of ranks crowd at one end, so that no law is even.
            ranks = torch.rand(atoms, generator=generator, dtype=torch.float64).square()
            picks = pool[(ranks * (len(pool) - 1)).long()]
            rows.append(torch.nn.functional.pad(picks, (0, _ATOMS[-1] - atoms), value=torch.nan))
    return torch.stack(rows)[:: _SPARING if by_batch(subject) else 1].to(subject.dtype)


def by_batch(subject: Subject) -> bool:
    """Whether whole batches are what has a value, or what is had at the price of one example."""
    return subject.whole or not subject.together


def slopes_of(subject: Subject, x: Tensor, y: Tensor) -> Tensor:
    """The derivatives in every entry; up to one factor, where they are taken from one batch."""
    return slopes_at(subject, x, y, by_batch=by_batch(subject))


def risk(subject: Subject, predictions: Tensor, laws: Tensor) -> Tensor:
    """The expected cost of predictions (laws, places, entries) under each law (laws, atoms)."""
    many, places = predictions.shape[:2]
    there = laws.isfinite()
    if by_batch(subject):
        rows = [
            torch.stack([subject.batch(u.expand(int(on.sum()), -1), y[on]).detach().double().mean() for u in us])
            for us, y, on in zip(predictions, laws, there, strict=True)
        ]
        return torch.stack(rows)
    law = there.nonzero()[:, 0]
    x = predictions[law].transpose(0, 1).reshape(-1, predictions.shape[-1])
    found = subject.values(x, laws[there].repeat(places)).detach().double().reshape(places, -1)
    total = torch.zeros(places, many, dtype=torch.float64).index_add(1, law, found)
    return (total / there.sum(1)).T


def starts(subject: Subject, *, scale: float = 1.0) -> Tensor:
    """Predictions of every kind, times `scale`: wild, rising, alike in all entries, of one sign."""
    generator = subject.generator()
    entries = subject.inputs(1)[0].shape[-1]
    wild = torch.randn(_STARTS, entries, generator=generator, dtype=torch.float64)
    level = 2 * torch.randn(_STARTS, 1, generator=generator, dtype=torch.float64)
    rising = level + (2 * wild).sort(dim=1).values
    alike = level + 0.1 * wild
    kinds = torch.cat([1.5 * wild, rising, alike, wild.abs(), -wild.abs()])
    return _bound(subject, scale * kinds).to(subject.dtype)


def _free(subject: Subject, x: Tensor) -> Tensor:
    """Predictions on a scale that has no end: the log of what is positive."""
    low = subject.prediction.low
    return x if low == -torch.inf else (x - low).log()


def _bound(subject: Subject, z: Tensor) -> Tensor:
    low = subject.prediction.low
    return z if low == -torch.inf else low + z.exp()


def _fleeing(subject: Subject, laws: Tensor, acts: Tensor, costs: Tensor) -> Tensor:
    """For which laws one more wide round still carries the best prediction far off, and lowers its cost."""
    further, less = _settled(subject, laws, acts, costs, rounds=_ROUNDS[:1])
    moved = (_free(subject, further) - _free(subject, acts)).abs().amax(1)
    return (moved > 1) & (costs - less > 1e-6 * (1 + costs.abs()))


def _settled(
    subject: Subject, laws: Tensor, acts: Tensor, costs: Tensor, rounds: tuple[float, ...] = _ROUNDS
) -> tuple[Tensor, Tensor]:
    free = _free(subject, acts.double())
    steps = torch.linspace(-1, 1, _PLACES, dtype=torch.float64)
    entries = free.shape[1]
    settled = entries < _FEW and not by_batch(subject)
    for width in rounds[:: 1 if settled else 2 if entries < _MANY else 3]:
        for entry in range(entries):
            half = torch.full((len(free),), width, dtype=torch.float64)
            for _ in range(_NARROWED if entries < _MANY else _NARROWED + 2):
                grid = free.unsqueeze(1).repeat(1, _PLACES, 1)
                grid[:, :, entry] += half.unsqueeze(1) * steps
                table = risk(subject, _bound(subject, grid).to(subject.dtype), laws).nan_to_num(nan=torch.inf)
                least, place = table.min(1)
                better = least < costs
                moved = grid[torch.arange(len(grid)), place]
                free, costs = torch.where(better.unsqueeze(1), moved, free), torch.minimum(costs, least)
                half = half * 3 / _PLACES
    return _bound(subject, free).to(subject.dtype), costs


def alone(subject: Subject) -> Subject:
    """The same subject with one entry of its prediction, for what only needs to know where numbers live."""
    (name, prediction), *rest = subject.domains
    return replace(subject, domains=((name, replace(prediction, axes=(), size=None)), *rest))


def is_slope_of_values(subject: Subject) -> bool:
    """Whether the gradient that autograd gives is the slope of the values, at most of some typical places."""
    if subject.whole:
        return True  # the values of its examples alone are not what it adds up
    generator = subject.generator()
    x = starts(subject)[::12]
    y = spread(subject.target, len(x), generator, wide=False)[torch.randperm(len(x), generator=generator)]
    y = y.to(subject.dtype)
    move = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
    step = (1e-5 if subject.dtype is torch.float64 else 1e-2) * (1 if subject.prediction.low == -torch.inf else x)
    values = [subject.values(x + sign * step * move, y).detach().double() for sign in (1, -1)]
    seen, given = (values[0] - values[1]) / 2, (slopes_of(subject, x, y) * step * move).sum(-1).double()
    use = seen.isfinite() & given.isfinite()
    seen, given = seen[use], given[use]
    if by_batch(subject):
        given = given * (seen * given).sum() / (given * given).sum().clamp(min=1e-300)
    off = (seen - given).abs() > 2e-2 * (seen.abs() + 1e-2 * seen.abs().max())
    return len(seen) > 8 and float(off.double().mean()) < 0.25
