"""The best that a loss lets one prediction do for all rows: what it estimates, in numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, log

import torch
from torch import Tensor

from ...audits.costing.downhill import downhill
from ...audits.models.wanted import wanted_of
from ...core import DomainError, Loss, ShapeError
from ..profiling import Profile

#: Different values beyond this many are binned, points of a grid, and how often it is narrowed about its best point.
_VALUES, _POINTS, _ROUNDS = 8192, 65, 9

#: The log-odds that are as good as certain.
CERTAIN = 40.0


def best_constant(loss: Loss, profile: Profile) -> Tensor | None:
    """The raw prediction, one for all rows, that costs least on this target: () or (columns,) float64.

    None where the loss cannot be computed here, or has no least value.
    """
    wide = _width(loss, profile)
    if wide is None:
        return None
    target, mass = _pressed(profile)
    try:
        if not wide:
            return _searched(lambda points: _costs(loss, points, target, mass), _starts(loss, profile, target))
        start = _shares(loss, target, mass, wide)
        if profile.task == "regression":
            found = _by_column(loss, target, mass, wide, _starts(loss, profile, target))
            if found is None or _is_least(loss, found, target, mass):
                return found
            start = found
        found = _downhill(loss, target, mass, start)
        return found if found is None or _is_least(loss, found, target, mass) else None
    except (DomainError, ShapeError, ValueError, RuntimeError, IndexError):
        return None


def _is_least(loss: Loss, found: Tensor, target: Tensor, mass: Tensor) -> bool:
    """Whether it costs no more than what lies beside it: where there is no least, it does."""
    wanted = target.double() if loss.card.task in ("binary", "regression") else target
    there, *beside = (
        float((loss((found + move).expand(len(wanted), *found.shape), wanted, reduction="none") * mass).sum())
        for move in (0.0, 0.03, -0.03)
    )
    return there <= min(beside) + 1e-9


def _width(loss: Loss, profile: Profile) -> int | None:
    """How many columns a prediction has; 0 for one number, None where it is not known."""
    domain = loss.named_domains[0][1]
    if not domain.axes:
        return 0
    if domain.size:
        return domain.size
    return len(profile.classes.names) if "classes" in domain.axes and profile.classes is not None else None


def _pressed(profile: Profile) -> tuple[Tensor, Tensor]:
    """The different values of a target and their weights; very many are binned, which keeps the mean."""
    mass = torch.ones(profile.rows, dtype=torch.float64) if profile.weight is None else profile.weight
    kinds, place = profile.target.unique(return_inverse=True)
    if len(kinds) > _VALUES:
        share = torch.zeros(len(kinds), dtype=torch.float64).index_add_(0, place, mass)
        share = share / share.sum()
        if float(kinds[0]) > 0:
            # Relative errors live where targets are small, so these get bins of their own.
            share = (share + share / kinds / (share / kinds).sum()) / 2
        bins = (share.cumsum(0) * _VALUES - 1e-9).long().clamp(0, _VALUES - 1)
        place = bins.unique(return_inverse=True)[1][place]
    weight = torch.zeros(int(place.max()) + 1, dtype=torch.float64).index_add_(0, place, mass)
    if not profile.target.is_floating_point():
        return kinds, weight / weight.sum()
    sums = torch.zeros_like(weight).index_add_(0, place, mass * profile.target)
    values = kinds if len(kinds) == len(weight) else sums / weight
    return values, weight / weight.sum()


def _starts(loss: Loss, profile: Profile, target: Tensor) -> Tensor:
    """A grid of raw predictions that holds the best."""
    if profile.task != "regression" and loss.card.task != "regression":
        return torch.linspace(-CERTAIN, CERTAIN, 4 * _POINTS + 1, dtype=torch.float64)
    exact = target.double()
    low, high = float(exact.min()), float(exact.max())
    some = exact[torch.linspace(0, len(exact) - 1, _POINTS).round().long()]
    # Where a kink is smoothed, the best may lie a little beyond all targets.
    beyond = (high - low) * torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
    grid = torch.cat([low - beyond, some, torch.linspace(low, high, _POINTS, dtype=torch.float64), high + beyond])
    grid = grid.unique()
    domain = loss.named_domains[0][1]
    form = wanted_of(loss, 0)
    if form is not None and form.form == "log-numbers":
        least = float(grid[grid > 0].min()) if bool((grid > 0).any()) else 1.0
        return torch.linspace(log(least) - 5, log(max(high, least)) + 1, 2 * _POINTS, dtype=torch.float64)
    inside = grid[(grid > domain.low if domain.open_low else grid >= domain.low) & (grid <= domain.high)]
    if domain.open_low and len(inside) and low <= domain.low:
        # The least value itself is outside, and what is just inside may be the best.
        inside = torch.cat([domain.low + (inside[0] - domain.low) * torch.logspace(-9, -1, 9).double(), inside])
    return inside


def _costs(loss: Loss, points: Tensor, target: Tensor, mass: Tensor) -> Tensor:
    prediction = points[:, None].expand(-1, len(target)).contiguous()
    wanted = target.expand(len(points), -1).contiguous()
    # Losses of yes and no take floats, whatever the class numbers are.
    if loss.card.task in ("binary", "regression"):
        wanted = wanted.double()
    with torch.no_grad():
        return (loss(prediction, wanted, reduction="none") @ mass).nan_to_num(nan=torch.inf)


def _searched(cost: Callable[[Tensor], Tensor], grid: Tensor) -> Tensor | None:
    """The best of a grid, made finer about its best point again and again."""
    if len(grid) == 0:
        return None
    for _ in range(_ROUNDS):
        value = cost(grid)
        best = int(value.argmin())
        if not isfinite(float(value[best])):
            return None
        low, high = float(grid[max(0, best - 1)]), float(grid[min(len(grid) - 1, best + 1)])
        if high - low <= 1e-12 * max(1.0, abs(low), abs(high)):
            break
        # The point itself stays: a loss with a kink has its least there.
        fine = torch.linspace(low, high, _POINTS, dtype=torch.float64)
        grid = torch.cat([fine, grid[best : best + 1]]).unique()
    return grid[int(cost(grid).argmin())]


def _by_column(loss: Loss, target: Tensor, mass: Tensor, columns: int, grid: Tensor) -> Tensor | None:
    """The least of a loss of several columns, one column after the other: kinks do no harm."""
    place = torch.searchsorted(mass.cumsum(0), torch.linspace(0.05, 0.95, columns).double())
    found = target[place.clamp_max(len(target) - 1)].clone()
    for _ in range(3):
        before = found.clone()
        for column in range(columns):

            def cost(points: Tensor, column: int = column) -> Tensor:
                tried = found.expand(len(points), -1).clone()
                tried[:, column] = points
                prediction = tried[:, None].expand(-1, len(target), -1).contiguous()
                with torch.no_grad():
                    values = loss(prediction, target.expand(len(points), -1).contiguous(), reduction="none")
                return (values @ mass).nan_to_num(nan=torch.inf)

            best = _searched(cost, grid)
            if best is None:
                return None
            found[column] = best
        if bool((found == before).all()):
            break
    return found


def _shares(loss: Loss, target: Tensor, mass: Tensor, columns: int) -> Tensor:
    """Where to begin: at the scores that say how common each class is; where columns are no such scores, at 0."""
    domain = loss.named_domains[0][1]
    if not domain.logits or "classes" not in domain.axes or bool((target >= columns).any()):
        return torch.zeros(columns, dtype=torch.float64)
    return torch.zeros(columns, dtype=torch.float64).index_add_(0, target.long(), mass).clamp(min=1e-9).log()


def _downhill(loss: Loss, target: Tensor, mass: Tensor, start: Tensor) -> Tensor | None:
    """The least of a loss of several columns; None where it has no slope to follow."""

    def cost(constant: Tensor) -> Tensor:
        return (loss(constant.expand(len(target), -1), target, reduction="none") * mass).sum()

    with torch.enable_grad():
        if not cost(start.clone().requires_grad_()).requires_grad:
            return None
    return downhill(cost, start, steps=500, gradient=1e-12, change=1e-14)
