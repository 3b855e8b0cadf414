"""The linear model as a problem of numbers: cost, slope and curvature in its coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

#: Numbers that are worked on at once, so that they stay near the processor.
_AT_ONCE = 1_000_000


class Judged(Protocol):
    """Rows that a loss judges."""

    @property
    def weight(self) -> Tensor:
        """Of each row, (rows,)."""
        ...

    @property
    def exact(self) -> bool:
        """Whether slopes are those of the values."""
        ...

    def __len__(self) -> int: ...

    def part(self, chosen: slice) -> Judged:
        """Some of the rows."""
        ...

    def values(self, score: Tensor) -> Tensor:
        """One value a row."""
        ...

    def slopes(self, score: Tensor) -> tuple[Tensor, Tensor]:
        """Values and gradients."""
        ...

    def curvatures(self, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values, gradients and Hessians."""
        ...


@dataclass(frozen=True, eq=False)
class Linear:
    """What is minimised: the weighted mean loss and half the penalty times the squared coefficients.

    The score of a row is centre + unit · (design @ theta), and theta is (columns of the design, outputs); the last
    column of the design is 1, and its row of theta, the intercept, is free of the penalty.

    Attributes:
        design: (rows, columns), float64.
        rows: what judges the scores.
        centre: where scores start, (outputs,).
        unit: in which scores are counted, (outputs,).
        penalty: for each output, in the unit of the loss, (outputs,).
        scale: what a slope of each output is compared with to call it small, (outputs,).
    """

    design: Tensor
    rows: Judged
    centre: Tensor
    unit: Tensor
    penalty: Tensor
    scale: Tensor

    @property
    def exact(self) -> bool:
        """Whether slopes are those of the values, so that a search may go by values."""
        return self.rows.exact

    @property
    def shape(self) -> tuple[int, int]:
        """Of theta."""
        return self.design.shape[1], len(self.centre)

    def judged_by(self, rows: Judged) -> Linear:
        """The same model, judged otherwise."""
        return replace(self, rows=rows)

    def score(self, theta: Tensor) -> Tensor:
        """(rows, outputs)."""
        return self.centre + self.unit * (self.design @ theta)

    def held(self, theta: Tensor) -> Tensor:
        """What the penalty adds."""
        return 0.5 * (theta[:-1].square().sum(0) * self.penalty).sum()

    def objective(self, theta: Tensor) -> float:
        """What is minimised, as a number; infinite where the loss is not a number."""
        total = sum(float(rows.weight @ rows.values(self._score(design, theta))) for design, rows in self._parts())
        found = total / float(self.rows.weight.sum()) + float(self.held(theta))
        return found if found == found else torch.inf

    def sloped(self, theta: Tensor) -> tuple[float, Tensor]:
        """What is minimised, and its gradient, (columns, outputs)."""
        total, gradient = 0.0, torch.zeros_like(theta)
        for design, rows in self._parts():
            value, slope = rows.slopes(self._score(design, theta))
            total += float(rows.weight @ value)
            gradient += design.T @ (slope * rows.weight[:, None])
        return self._ended(theta, total, gradient)

    def curved(self, theta: Tensor) -> tuple[float, Tensor, Tensor]:
        """What is minimised, its gradient, and its Hessian by (output, column) twice, (size, size)."""
        columns, outputs = self.shape
        total, gradient = 0.0, torch.zeros_like(theta)
        hessian = theta.new_zeros(outputs, columns, outputs, columns)
        for design, rows in self._parts():
            value, slope, bend = rows.curvatures(self._score(design, theta))
            total += float(rows.weight @ value)
            gradient += design.T @ (slope * rows.weight[:, None])
            for a in range(outputs):
                for b in range(a, outputs):
                    # The levels of several quantiles, say, have nothing to do with each other.
                    if a != b and not bool(bend[:, a, b].any()):
                        continue
                    hessian[a, :, b] += design.T @ (design * (rows.weight * bend[:, a, b])[:, None])
        mass = self.rows.weight.sum()
        for a in range(outputs):
            for b in range(a, outputs):
                block = hessian[a, :, b] * (self.unit[a] * self.unit[b] / mass)
                hessian[a, :, b], hessian[b, :, a] = block, block.T
            hessian[a, :-1, a].diagonal().add_(self.penalty[a])
        return *self._ended(theta, total, gradient), hessian.reshape(outputs * columns, -1)

    def steepness(self, gradient: Tensor) -> float:
        """The largest slope of a coefficient, as a share of the usual pull of a row: 0 at a minimum."""
        return float((gradient.abs() / self.scale).max())

    def _score(self, design: Tensor, theta: Tensor) -> Tensor:
        return self.centre + self.unit * (design @ theta)

    def _parts(self) -> Iterator[tuple[Tensor, Judged]]:
        columns, outputs = self.shape
        size = max(1024, _AT_ONCE // (columns + outputs * outputs))
        for start in range(0, len(self.rows), size):
            chosen = slice(start, start + size)
            yield self.design[chosen], self.rows.part(chosen)

    def _ended(self, theta: Tensor, total: float, gradient: Tensor) -> tuple[float, Tensor]:
        gradient = gradient * self.unit / self.rows.weight.sum()
        gradient[:-1] += theta[:-1] * self.penalty
        found = total / float(self.rows.weight.sum()) + float(self.held(theta))
        return found if found == found else torch.inf, gradient
