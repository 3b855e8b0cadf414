"""The second way to find what a loss elicits: its best predictions for finite laws, by values alone.

No derivative is used: a grid, then a golden section around its best place. A statistic is confirmed where it
costs no more than the best prediction found, for every law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from ..subjects.grids import spread
from ..subjects.subject import Subject
from .functionals import Functional

Risk = Callable[[Tensor, Tensor], Tensor]

#: Laws with few atoms and with many, on which no two statistics agree.
_ATOMS = (2, 3, 5, 9)
_LAWS = 7
#: Places on the grid and steps of the section; fewer where every call takes its time.
_PLACES, _PLACES_ONE_BY_ONE = 97, 41
_STEPS, _STEPS_ONE_BY_ONE = 28, 22
_GOLDEN = (5**0.5 - 1) / 2
#: The differences of values that count, relative to what a middling prediction costs more than the best.
_CLOSE: Final = {torch.float64: 1e-7, torch.float32: 1e-4}


@dataclass(frozen=True, kw_only=True)
class Acts:
    """Finite laws and the best predictions for them.

    Attributes:
        laws: rows of equally likely atoms, one tensor for each number of atoms.
        acts: the best prediction for each law.
        costs: what they cost.
        typical: what a middling prediction of the grid costs, to measure differences by.
        inside: whether each best prediction is inside the range that was searched.
        risk: the expected cost of predictions (rows) for laws (rows).
    """

    laws: tuple[Tensor, ...]
    acts: tuple[Tensor, ...]
    costs: tuple[Tensor, ...]
    typical: tuple[Tensor, ...]
    inside: bool
    risk: Risk

    def confirm(self, functional: Functional) -> bool:
        """Whether this statistic is among the best predictions of every law."""
        for law, cost, typical in zip(self.laws, self.costs, self.typical, strict=True):
            excess = self.risk(functional.of(law), law) - cost
            # What rounding alone makes of values of this size.
            rounding = 4 * torch.finfo(law.dtype).eps * cost.abs().clamp(min=1e-12)
            if not bool((excess <= _CLOSE[law.dtype] * (typical - cost) + rounding).all()):
                return False
        return True

    def single(self, functional: Functional) -> bool:
        """Whether what is near this statistic costs more, for most laws, so that it is the only best prediction."""
        dearer: list[Tensor] = []
        for law, cost in zip(self.laws, self.costs, strict=True):
            for side in (-0.02, 0.02):
                beside = functional.of(law) + side * law.std(-1).clamp(min=1e-6)
                rounding = 4 * torch.finfo(law.dtype).eps * cost.abs()
                dearer.append(self.risk(beside, law) > cost + rounding)
        return float(torch.cat(dearer).double().mean()) > 0.6


def bayes_acts(subject: Subject, *, wide: bool, by_batch: bool) -> Acts:
    """The best predictions for two dozen laws.

    Args:
        subject: a loss of one number against one number.
        wide: let the atoms span decades.
        by_batch: take the value of a whole batch in place of the values of its examples: a transform of a mean
            leaves their order as it is, and one call is quicker than one for each.
    """
    risk = risk_of(subject, by_batch=by_batch)
    places = _places(subject, wide, by_batch)
    laws = tuple(_laws(subject, atoms, wide) for atoms in _ATOMS)
    steps = _STEPS_ONE_BY_ONE if by_batch else _STEPS
    found = [_best(risk, places, law, steps) for law in laws]
    return Acts(
        laws=laws,
        acts=tuple(one.act for one in found),
        costs=tuple(one.cost for one in found),
        typical=tuple(one.typical for one in found),
        inside=all(one.inside for one in found),
        risk=risk,
    )


def risk_of(subject: Subject, *, by_batch: bool) -> Risk:
    """The expected cost of predictions (rows) for laws (rows)."""

    def risk(x: Tensor, law: Tensor) -> Tensor:
        atoms = law.shape[-1]
        x, y = x.unsqueeze(-1).expand_as(law), law
        if by_batch:
            rows = [subject.batch(a, b).detach().mean() for a, b in zip(x, y, strict=True)]
            return torch.stack(rows).double()
        # Values are rounded to the dtype of the loss; their means must not be.
        found = subject.values(x.reshape(-1), y.reshape(-1)).detach().double()
        return found.reshape(-1, atoms).mean(-1)

    return risk


def _places(subject: Subject, wide: bool, by_batch: bool) -> Tensor:
    many = _PLACES_ONE_BY_ONE if by_batch else _PLACES
    return spread(subject.prediction, many, subject.generator(), wide=wide).to(subject.dtype)


@dataclass(frozen=True)
class _Best:
    act: Tensor
    cost: Tensor
    typical: Tensor
    inside: bool


def _best(risk: Risk, places: Tensor, law: Tensor, steps: int) -> _Best:
    grid = places.repeat(len(law))
    table = risk(grid, law.repeat_interleave(len(places), 0)).reshape(len(law), len(places))
    table = table.nan_to_num(nan=torch.inf)
    place = table.argmin(1)
    low, high = places[(place - 1).clamp(min=0)], places[(place + 1).clamp(max=len(places) - 1)]
    act, cost = _golden(lambda x: risk(x, law), low, high, steps)
    least = table.gather(1, place.unsqueeze(1)).squeeze(1)
    act = torch.where(cost <= least, act, places[place])
    inside = bool(((place > 0) & (place < len(places) - 1)).all())
    return _Best(act, torch.minimum(cost, least), table.quantile(0.25, dim=1), inside)


def _laws(subject: Subject, atoms: int, wide: bool) -> Tensor:
    """Random laws of so many atoms, which may coincide."""
    generator = subject.generator()
    pool = spread(subject.target, 64, generator, wide=wide).to(subject.dtype)
    # Atoms in the middle, so that no best prediction lies outside the grid.
    pool = pool[10:54]
    picks = torch.randint(len(pool), (_LAWS, atoms), generator=generator)
    return pool[picks]


def _golden(risk: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The least value between `low` and `high`, where there is one valley."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = risk(a), risk(b)
    for _ in range(steps):
        left = at_a <= at_b
        low, high = torch.where(left, low, a), torch.where(left, b, high)
        fresh = torch.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_fresh = risk(fresh)
        a, b = torch.where(left, fresh, b), torch.where(left, a, fresh)
        at_a, at_b = torch.where(left, at_fresh, at_b), torch.where(left, at_a, at_fresh)
    return (a + b) / 2, torch.minimum(at_a, at_b)


# Laws for a reader.


def examples(subject: Subject, *, by_batch: bool) -> list[dict[str, Any]]:
    """The best predictions for five laws that a reader can picture, beside their mean, median and mode."""
    names, laws = _reference(subject)
    found = _best(risk_of(subject, by_batch=by_batch), _places(subject, False, by_batch), laws, 16)
    return [
        {"law": name, "best": _short(act), "mean": _short(y.mean()), "median": _short(_middle(y)), "mode": _short(mode)}
        for name, y, act, mode in zip(names, laws.double(), found.act, laws.mode(-1).values, strict=True)
    ]


def _reference(subject: Subject) -> tuple[tuple[str, ...], Tensor]:
    """Laws of eight atoms: even, skewed, with an outlier, of two heaps, and mostly one value; inside the domain."""
    low = max(subject.target.low, -torch.inf)
    rows = {
        "even: 1, 1.25 ... 2.75": torch.arange(8) / 4 + 1,
        "skewed: 1, 1, 1, 1.25, 1.5, 2, 2.5, 3.5": torch.tensor([1, 1, 1, 1.25, 1.5, 2, 2.5, 3.5]),
        "outlier: 1, 1, 1.25, 1.25, 1.25, 1.5, 1.5, 6": torch.tensor([1, 1, 1.25, 1.25, 1.25, 1.5, 1.5, 6]),
        "two heaps: five of 1, three of 4": torch.tensor([1.0, 1, 1, 1, 1, 4, 4, 4]),
        "one in eight: seven of 1, one of 5": torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 5]),
    }
    laws = torch.stack([row.double() for row in rows.values()])
    if subject.target.high < torch.inf:
        laws = max(low, -1e6) + (subject.target.high - max(low, -1e6)) * laws / 8
    return tuple(rows), laws.to(subject.dtype)


def _middle(y: Tensor) -> Tensor:
    return y.quantile(0.5)


def _short(value: Tensor) -> float:
    return float(f"{value.item():.5g}")
