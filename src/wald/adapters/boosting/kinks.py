"""Losses without curvature: a slope on either side of the target, and nothing between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .labels import Floats
from .slopes import slopes
from .task import Task

#: Which row of a sorted leaf is its quantile: that at level · (n + 1), or at level · (n - 1) + 1.
Rank = Literal["n + 1", "n - 1"]


@dataclass(frozen=True, eq=False)
class Kinks:
    """What each row costs by the unit below and above its target, as in the absolute error and in quantiles.

    Attributes:
        below: of predictions that are too low, (rows, columns), positive.
        above: of predictions that are too high.
    """

    below: Floats
    above: Floats

    @classmethod
    def of(cls, task: Task, labels: Floats) -> Kinks | None:
        """The kinks of a loss, found by trying it near its targets and far away; None for any other loss."""
        if not task.in_units:
            return None
        reach = float(np.abs(labels).max()) + 1.0
        sides: list[Floats] = []
        for sign in (-1.0, 1.0):
            near, *further = (
                slopes(task, np.repeat((labels + sign * reach * step)[:, None], task.columns, 1), labels)
                for step in (1e-7, 1.0, 2.0)
            )
            same = all(np.allclose(near[0], far[0], rtol=1e-6) for far in further)
            flat = not any(hessian.any() for _, hessian in (near, *further))
            if not same or not flat or not (sign * near[0] > 0).all():
                return None
            sides.append(np.abs(near[0]))
        return cls(*sides)

    def best(
        self,
        residual: Floats,
        leaf: NDArray[Any],
        count: int,
        column: int,
        weight: Floats | None,
        *,
        rank: Rank = "n + 1",
    ) -> Floats:
        """The constant that costs least in each leaf: a weighted quantile of its residuals.

        Of n rows it is the row at level · (n + 1), or between two: below the k-th of n a further row falls with the
        chance k / (n + 1), and trees have leaves of a few rows. XGBoost does so too; LightGBM takes the row at
        level · (n - 1) + 1. A row of weight 2 is two rows.

        Args:
            residual: target less score, (rows,).
            leaf: the number of the leaf of each row, from 0.
            count: of leaves.
            column: of the prediction.
            weight: of rows, positive; None for 1.
            rank: which row is taken, in the words of the formula.

        Returns:
            (leaves,); 0 for a leaf without rows.
        """
        below, above = self.below[:, column], self.above[:, column]
        if weight is not None:
            below, above = below * weight, above * weight
        mass = np.bincount(leaf, weights=weight, minlength=count)
        total, wanted = (np.bincount(leaf, weights=part, minlength=count) for part in (below + above, below))
        # What one more row would add: its share of the leaf, and as much again on the side below.
        one = total / np.maximum(mass, 1e-300) * (1.0 if weight is None else min(1.0, float(weight.mean())))
        level = wanted / np.maximum(total, 1e-300)
        wanted = wanted + one * (level if rank == "n + 1" else 1 - level)
        # One key that sorts by leaf, then by residual: sorting plain numbers is several times faster than lexsort.
        low = residual.min()
        span = (residual.max() - low) * 1.001 + 1e-300
        order = np.argsort(leaf * span + (residual - low))
        ranked, risen = residual[order], (below + above)[order].cumsum()
        ends = np.bincount(leaf, minlength=count).cumsum()
        first = np.concatenate([[0], ends[:-1]])
        start = np.concatenate([[0.0], risen])[first]
        slack = 1e-9 * one
        place = np.searchsorted(risen, start + wanted + slack, side="right") - 1
        reached = np.clip((start + wanted - risen[np.maximum(place, 0)]) / np.maximum(one, 1e-300), 0.0, 1.0)
        inside = place >= first
        here = np.clip(np.where(inside, place, first), 0, np.maximum(ends - 1, 0))
        further = np.minimum(here + 1, np.maximum(ends - 1, 0))
        found = ranked[here] + np.where(inside, reached, 0.0) * (ranked[further] - ranked[here])
        return np.where(ends > first, found, 0.0)
