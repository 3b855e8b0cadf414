"""Two predictors, made from the same scores: one that the loss prefers, and one that the metric does."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..costing.space import Space
from ..costing.yardstick import Yardstick
from .search import compass_search

#: Bins of scores that move on their own, and how far they move, in units of the task.
_BINS, _FARTHEST = 5, 8.0
#: Scores are scaled by no more than this, in its logarithm.
_WIDEST = 4.0
#: What the metric tells apart by no more than this many standard errors is equally good.
_ALIKE = 3.0
#: The standard error of a cost that is measured on whole samples, as a share of it, times the root of the rows.
_CRUDE = 0.3
#: What breaks a rule costs more than anything that keeps it.
_FORBIDDEN = 1e9


class Family:
    """Changes of scores that a training could make.

    All scores are scaled about their centre (the logarithm of the factor comes first) and shifted, each class on its
    own; scores of one number are also shifted bin by bin.
    """

    def __init__(self, space: Space, score: Tensor, target: Tensor) -> None:
        self._centre, self._unit, self._ways = space.centre(score), space.unit(target), space.directions(score)
        self._edges = torch.empty(0, dtype=score.dtype)
        if score.ndim == 1:
            shares = torch.linspace(0, 1, _BINS + 1, dtype=torch.float64)[1:-1]
            self._edges = torch.quantile(score.double(), shares).to(score.dtype).unique()
        self.axes = 1 + len(self._ways) + (len(self._edges) + 1 if len(self._edges) else 0)

    def changed(self, given: Tensor, parameters: Tensor) -> Tensor:
        """Scores (rows, ...) changed in each of several ways, (ways, axes) → (ways, rows, ...)."""
        parameters = parameters.to(given.dtype)
        shape = (-1,) + (1,) * given.ndim
        many = len(self._ways)
        shift = self._unit * torch.tensordot(parameters[:, 1 : 1 + many], self._ways, 1)
        found = (given - self._centre) * parameters[:, 0].exp().reshape(shape) + self._centre + shift.unsqueeze(1)
        if len(self._edges):
            found = found + self._unit * parameters[:, 1 + many :][:, torch.bucketize(given, self._edges)]
        return found


class Search:
    """The search of some rows for two predictors of which the loss prefers the worse.

    The good one is the best by the loss among those that are best by the metric, but for `slack` and chance: so a
    loss is not blamed for what the metric does not mind, nor for what only these rows seem to reward.

    Attributes:
        top: all scores, as the metric prefers them on these rows.
        meant: all scores, as the loss prefers them among those that the metric likes as well.
    """

    def __init__(
        self, space: Space, loss: Yardstick, metric: Yardstick, score: Tensor, target: Tensor, rows: Tensor,
        slack: float,
    ) -> None:  # fmt: skip
        """Find the good one.

        Args:
            space: the kind of the task.
            loss: what is minimised.
            metric: what is meant.
            score: all scores.
            target: all targets.
            rows: the rows to search on.
            slack: the share of the metric that is taken for equally good.
        """
        self._family = Family(space, score, target)
        self._loss, self._metric, self._score, self._rows = loss, metric, score, rows
        self._starts = _starts(self._family.axes)
        best = _least(lambda one: metric.means(self._tried(one), rows), self._starts)
        top = self._tried(best[None])[0]
        self.top = self._family.changed(score, best[None])[0]
        size = slack * abs(metric.mean(top, rows))

        def fair(parameters: Tensor) -> Tensor:
            tried = self._tried(parameters)
            gap, error = _apart(metric, tried, top, rows)
            over = (gap - _ALIKE * error - size).clamp_min(0)
            return torch.where(over > 0, _FORBIDDEN * (1 + over), loss.means(tried, rows))

        self._meant = _least(fair, torch.stack([best, torch.zeros_like(best)]))
        self.meant = self._family.changed(score, self._meant[None])[0]

    def liked(self, sure: float) -> Tensor:
        """The worst scores by the metric that the loss prefers to the good ones, by so many standard errors."""
        base = self.meant[self._rows]
        usual = abs(self._loss.mean(base, self._rows))

        def unfair(parameters: Tensor) -> Tensor:
            tried = self._tried(parameters)
            gap, error = _apart(self._loss, tried, base, self._rows)
            # A loss that cannot tell two predictors apart prefers neither.
            behind = (gap + sure * error + 1e-9 * usual).nan_to_num(nan=torch.inf)
            return torch.where(behind > 0, _FORBIDDEN * (1 + behind), -self._metric.means(tried, self._rows))

        found = _least(unfair, torch.cat([self._meant[None], self._starts]))
        return self._family.changed(self._score, found[None])[0]

    def _tried(self, parameters: Tensor) -> Tensor:
        return self._family.changed(self._score[self._rows], parameters)


def _least(cost: Callable[[Tensor], Tensor], starts: Tensor) -> Tensor:
    """The parameters of the least cost, not too far out."""

    def bounded(parameters: Tensor) -> Tensor:
        beyond = (parameters[:, 0].abs() > _WIDEST) | (parameters[:, 1:].abs() > _FARTHEST).any(-1)
        return torch.where(beyond, torch.inf, cost(parameters))

    steps = torch.full((starts.shape[1],), 0.5, dtype=torch.float64)
    return compass_search(bounded, starts, steps, finest=1 / 8)[0]


def _starts(axes: int) -> Tensor:
    """The scores as they are, and changed along one axis each."""
    starts = torch.zeros(1 + 4 * axes, axes, dtype=torch.float64)
    for place, size in enumerate((-2.0, -0.7, 0.7, 2.0)):
        starts[1 + place * axes : 1 + (place + 1) * axes] = size * torch.eye(axes, dtype=torch.float64)
    return starts


def _apart(stick: Yardstick, scores: Tensor, base: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """How much more each candidate costs than the base, and the standard error of that."""
    if not stick.decomposable:
        usual = stick.mean(base, rows)
        gap = stick.means(scores, rows) - usual
        # Resampling a whole sample for every candidate would take minutes; a share of the cost stands for its error.
        return gap, torch.full_like(gap, _CRUDE * abs(usual) / len(rows) ** 0.5)
    values = stick.values(scores.flatten(0, 1), rows.repeat(len(scores))).reshape(len(scores), -1)
    apart = values - stick.values(base, rows)
    weight = torch.ones(len(rows), dtype=torch.float64) if stick.weight is None else stick.weight[rows].double()
    share = weight / weight.sum()
    gap = apart @ share
    return gap, ((apart - gap[:, None]).square() @ share.square()).sqrt()
