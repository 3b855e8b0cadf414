"""What a booster is given for each row: gradient and a positive Hessian, weighted, by the policy of the loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .kinks import Kinks, Rank
from .labels import Floats
from .policy import Policy
from .slopes import slopes
from .task import Task

Array = NDArray[Any]

#: The least Hessian: positive, and too small to matter beside any other row.
_LEAST: Final = 1e-16


@dataclass(eq=False)
class Floored:
    """How many rows had a Hessian that was not positive, counted while training."""

    rows: int = 0
    floored: int = 0

    @property
    def share(self) -> float:
        """Of all rows in all rounds; 0 before any."""
        return self.floored / self.rows if self.rows else 0.0


@dataclass(frozen=True, eq=False)
class Curvature:
    """Derivatives of a task by its policy.

    Attributes:
        task: the loss and what it takes.
        policy: which Hessian stands for its own.
        count: of the rows whose Hessian was replaced.
    """

    task: Task
    policy: Policy
    count: Floored = field(default_factory=Floored)

    def __call__(
        self, score: Array, labels: Array, weight: Array | None = None, *, growing: bool = False
    ) -> tuple[Array, Array]:
        """Gradient and Hessian, (rows, columns), each times the weight of its row.

        Args:
            score: (rows, columns).
            labels: encoded targets, (rows,).
            weight: (rows,); None for 1.
            growing: whether leaves are set afterwards, so that a loss with kinks needs no Hessian of its own.
        """
        policy = self.policy
        flat = policy.hessian == "constant" or (growing and policy.kinked and policy.leaves == "refit")
        exact = not flat and not policy.ease
        gradient, hessian = slopes(self.task, score, labels, second=exact)
        if flat:
            hessian = np.full_like(gradient, policy.level)
            if policy.hessian == "constant" and policy.unit != 1:
                gradient, hessian = gradient * policy.unit, hessian * policy.unit
        else:
            if policy.ease:
                away = np.abs(score - labels.astype(score.dtype, copy=False)[:, None])
                hessian = np.abs(gradient) / np.maximum(away, policy.ease)
            elif policy.hessian == "gauss-newton":
                hessian = hessian - gradient * self._bend(score)
            elif policy.factor != 1:
                hessian = hessian * policy.factor
            if policy.unit != 1:
                gradient, hessian = gradient * policy.unit, hessian * policy.unit
            hessian = self._positive(gradient, hessian)
        if weight is None:
            return gradient, hessian
        heavy = weight.astype(score.dtype, copy=False)[:, None]
        return gradient * heavy, hessian * heavy

    def _positive(self, gradient: Array, hessian: Array) -> Array:
        least: Any = _LEAST
        if self.policy.longest is not None:
            least = np.maximum(np.abs(gradient) / np.array(self.policy.longest, gradient.dtype), _LEAST)
        self.count.rows += len(hessian)
        if self.policy.longest is None and hessian.min(initial=np.inf) >= _LEAST:
            return hessian
        low = ~(hessian >= least)
        self.count.floored += int(np.count_nonzero(low.any(-1)))
        return np.where(low, least, hessian)

    def _bend(self, score: Array) -> Array:
        """How the way from score to prediction bends: its second derivative over its first."""
        emission = self.task.emission
        if emission.second != "as it is":
            return np.array([[0.0, 1.0]], score.dtype)
        if emission.way == "exp above" or emission.form == "log-numbers":
            return np.ones((1, 1), score.dtype)
        if self.task.loss.named_domains[0][1].axes == ("classes",):
            odds = np.exp(score - score.max(-1, keepdims=True))
            return 1 - 2 * odds / odds.sum(-1, keepdims=True)
        return -np.tanh(score / 2)


@dataclass(frozen=True, eq=False)
class Refit:
    """Sets the leaves of a grown tree to the constants that are best for their rows.

    Attributes:
        curvature: of the task.
        labels: of the rows that the tree was grown on.
        weight: of these rows; None for 1.
        kinks: of a loss without curvature, whose best constant is a quantile.
        steps: of Newton, for any other loss.
        ridge: what is added to the Hessian of a leaf.
        rank: as in `Kinks.best`.
    """

    curvature: Curvature
    labels: Floats
    weight: Floats | None
    kinks: Kinks | None
    steps: int = 4
    ridge: float = 0.0
    rank: Rank = "n + 1"

    def best(self, score: Floats, leaf: NDArray[Any], count: int, column: int) -> Floats:
        """The best constants, (leaves,), before they are shrunk.

        Args:
            score: of the rows before this tree, (rows, columns).
            leaf: the number of the leaf of each row, from 0.
            count: of leaves.
            column: that the tree adds to.
        """
        if self.kinks is not None:
            residual = self.labels - score[:, column]
            return self.kinks.best(residual, leaf, count, column, self.weight, rank=self.rank)
        found, moved = np.zeros(count), score.copy()
        for _ in range(self.steps):
            gradient, hessian = self.curvature(moved, self.labels, self.weight)
            pull, bend = (np.bincount(leaf, part[:, column], count) for part in (gradient, hessian))
            step = np.divide(-pull, bend + self.ridge, out=np.zeros(count), where=bend > 0)
            found += step
            moved[:, column] += step[leaf]
        return found
