"""The second way to find what a loss elicits: its best predictions for finite laws, by values alone.

No derivative is used: a grid, then a golden section around its best place. A statistic is confirmed where it
costs no more than the best prediction found, for every law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .functionals import Functional
from .grids import spread
from .subject import Subject

#: Laws with few atoms and with many, on which no two statistics agree.
_ATOMS = (2, 3, 5, 9)
#: Laws of each size and places on the grid; fewer where every call takes its time.
_LAWS, _LAWS_ONE_BY_ONE = 6, 4
_PLACES, _PLACES_ONE_BY_ONE = 97, 49
_GOLDEN = (5**0.5 - 1) / 2


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
    risk: Callable[[Tensor, Tensor], Tensor]

    def confirm(self, functional: Functional) -> bool:
        """Whether this statistic is among the best predictions of every law."""
        for law, cost, typical in zip(self.laws, self.costs, self.typical, strict=True):
            excess = self.risk(functional.of(law), law) - cost
            close = 1e-7 if law.dtype is torch.float64 else 1e-4
            if not bool((excess <= close * (typical - cost) + 1e-12).all()):
                return False
        return True


def bayes_acts(subject: Subject, *, wide: bool, transform: bool) -> Acts:
    """The best predictions for two dozen laws.

    Args:
        subject: a loss of one number against one number.
        wide: let the atoms span decades.
        transform: take the value of a whole batch, which a transform of a mean leaves in order, in place of
            the values of its examples alone.
    """

    def risk(x: Tensor, law: Tensor) -> Tensor:
        atoms = law.shape[-1]
        x, y = x.unsqueeze(-1).expand_as(law), law
        if transform:
            rows = [subject.batch(a, b).detach().mean() for a, b in zip(x, y, strict=True)]
            return torch.stack(rows).double()
        # Values are rounded to the dtype of the loss; their means must not be.
        found = subject.values(x.reshape(-1), y.reshape(-1)).detach().double()
        return found.reshape(-1, atoms).mean(-1)

    generator = subject.generator()
    many = _PLACES if subject.together else _PLACES_ONE_BY_ONE
    places = spread(subject.prediction, many, generator, wide=wide).to(subject.dtype)
    laws = tuple(_laws(subject, atoms, wide) for atoms in _ATOMS)
    acts: list[Tensor] = []
    costs: list[Tensor] = []
    typical: list[Tensor] = []
    inside = True
    for law in laws:
        grid = places.repeat(len(law))
        table = risk(grid, law.repeat_interleave(len(places), 0)).reshape(len(law), len(places))
        best = table.nan_to_num(nan=torch.inf).argmin(1)
        inside = inside and bool(((best > 0) & (best < len(places) - 1)).all())
        low, high = places[(best - 1).clamp(min=0)], places[(best + 1).clamp(max=len(places) - 1)]
        act, cost = _golden(lambda x, law=law: risk(x, law), low, high)
        acts.append(act)
        costs.append(torch.minimum(cost, table.gather(1, best.unsqueeze(1)).squeeze(1)))
        typical.append(table.nan_to_num(nan=torch.inf).quantile(0.25, dim=1))
    return Acts(laws=laws, acts=tuple(acts), costs=tuple(costs), typical=tuple(typical), inside=inside, risk=risk)


def _laws(subject: Subject, atoms: int, wide: bool) -> Tensor:
    """Random laws of so many atoms, which may coincide."""
    generator = subject.generator()
    pool = spread(subject.target, 64, generator, wide=wide).to(subject.dtype)
    # Atoms in the middle, so that no best prediction lies outside the grid.
    pool = pool[10:54]
    laws = _LAWS if subject.together else _LAWS_ONE_BY_ONE
    picks = torch.randint(len(pool), (laws, atoms), generator=generator)
    return pool[picks]


def _golden(risk: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """The least value between `low` and `high`, where there is one valley."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = risk(a), risk(b)
    for _ in range(28):
        left = at_a <= at_b
        low, high = torch.where(left, low, a), torch.where(left, b, high)
        fresh = torch.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_fresh = risk(fresh)
        a, b = torch.where(left, fresh, b), torch.where(left, a, fresh)
        at_a, at_b = torch.where(left, at_fresh, at_b), torch.where(left, at_a, at_fresh)
    return (a + b) / 2, torch.minimum(at_a, at_b)
