"""A small learner of the audit's own, that predicts each row from rows that it does not belong with.

Kernel ridge regression on a few hundred landmarks: what it predicts is linear in the targets, so that once it is
fitted, other targets for the same rows cost next to nothing. That is what makes planted errors affordable.
Williams & Seeger 2001, "Using the Nyström method to speed up kernel machines".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..statistics import Sample

FOLDS = 5

#: Rows that the kernel compares all others with, at most.
LANDMARKS = 400

#: Widths of the kernel, in units of the typical distance between two rows, and how much it is smoothed.
_WIDTHS = (0.5, 1.0)
_RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted learner.

    Attributes:
        basis: what it knows of each row, (rows, features).
        folds: which of the folds each row is in; it is predicted from the others.
        factors: for each fold, the Cholesky factor of the others' normal equations.
    """

    basis: Tensor
    folds: Tensor
    factors: tuple[Tensor, ...]

    def __call__(self, target: Tensor) -> Tensor:
        """What each row's target is expected to be, given the other folds': (rows,) or (rows, outputs)."""
        wide = target.double().reshape(len(target), -1)
        centre = wide.mean(0)
        wide = wide - centre
        total = self.basis.T @ wide
        found = torch.empty_like(wide)
        for fold, factor in enumerate(self.factors):
            held = self.folds == fold
            own = self.basis[held]
            found[held] = own @ torch.cholesky_solve(total - own.T @ wide[held], factor)
        return (found + centre).reshape(target.shape)


class Learner:
    """Predicts each row from the folds that it is not in. Made once for some rows, and fitted to any targets."""

    def __init__(self, rows: Tensor, folds: Tensor, source: torch.Generator) -> None:
        """Prepare every width and smoothing for standardised rows (rows, features) in these folds."""
        some = torch.randperm(len(rows), generator=source)[: min(LANDMARKS, max(2, len(rows) * 4 // 5))]
        landmarks = rows[some]
        apart, between = torch.cdist(rows, landmarks), torch.cdist(landmarks, landmarks)
        typical = float(apart.median().clamp_min(1e-9))
        bases = [_basis(apart, between, typical * width) for width in _WIDTHS]
        self._fits = [Fit(basis, folds, factors) for basis in bases for factors in _factors(basis, folds)]

    def expected(self, target: Tensor) -> Tensor:
        """What the other folds say of each row's target, smoothed as predicts best: (rows,) or (rows, outputs)."""
        exact = target.double()
        tried = [fit(exact) for fit in self._fits]
        return min(tried, key=lambda one: float((one - exact).square().mean()))


def folds_of(sample: Sample, source: torch.Generator, folds: int = FOLDS) -> Tensor:
    """A random fold for each row, with clusters kept whole."""
    if sample.cluster is None:
        return (torch.randperm(sample.rows, generator=source) * folds) // sample.rows
    clusters = int(sample.cluster.max()) + 1
    return ((torch.randperm(clusters, generator=source) * folds) // clusters)[sample.cluster]


def _basis(apart: Tensor, between: Tensor, width: float) -> Tensor:
    values, vectors = torch.linalg.eigh(torch.exp(-((between / width) ** 2)))
    kept = values > 1e-8 * values.max()
    found = torch.exp(-((apart / width) ** 2)) @ (vectors[:, kept] / values[kept].sqrt())
    return torch.cat([found, torch.ones(len(found), 1, dtype=found.dtype)], 1)


def _factors(basis: Tensor, folds: Tensor) -> list[tuple[Tensor, ...]]:
    """The factors for each smoothing."""
    own = [basis[folds == fold] for fold in range(int(folds.max()) + 1)]
    grams = torch.stack([part.T @ part for part in own])
    others = grams.sum(0) - grams
    one = torch.eye(basis.shape[1], dtype=basis.dtype)
    return [tuple(torch.linalg.cholesky(others + ridge * one)) for ridge in _RIDGES]
