"""Whether the examples of a batch meet, told by gradients.

The gradients of overlapping parts of a batch are compared with those of the whole. If those of a part are those of
the whole times one factor, and stay so whatever the rest is predicted as, the batch is a transform of separate
values; where predictions of others leave that factor alone it is a weighted mean, else a transform such as a root.
Every example is missing from some part, since a maximum looks separable where its example is not; and predictions
are changed, since the worst half of a batch looks like a weighted mean until another half is the worst.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..subjects.grids import inside
from ..subjects.subject import Inputs, Subject

#: No example is in all of them, so each that costs most is missing from one.
_PARTS = ([0, 1, 2, 3], [3, 4, 5, 6], [0, 2, 4, 5])
#: Each part is kept while the predictions of the others change.
_KEPT = ([0, 2, 4], [1, 3, 5, 6])
_STEP = 1e-5
#: What is this much smaller than the largest gradient of a batch may be lost to rounding.
_DROWNED = 1e-20


@dataclass(frozen=True, kw_only=True)
class Bond:
    """How the examples of a batch hang together.

    Attributes:
        word: "added" where they are added up, "transformed" where their sum is put through a map, "coupled" where
            they meet, "unknown" where there is no gradient to tell.
        weights: what each counts beside the others, where they are added up.
    """

    word: Literal["added", "transformed", "coupled", "unknown"]
    weights: Tensor | None = None


def bond_of(subject: Subject, inputs: Inputs, close: float) -> Bond:
    """How the examples of `inputs` hang together, whose gradients may differ by `close`."""
    whole = _gradient(subject, inputs)
    pairs = [(whole[rows], _gradient(subject, tuple(x[rows] for x in inputs))) for rows in _PARTS]
    # A part may have nothing that counts, as where all of it is masked.
    pairs = [(a, b) for a, b in pairs if bool(b.isfinite().all())]
    if not pairs or not bool(whole.isfinite().all()) or bool((whole == 0).all()):
        return Bond(word="unknown")
    if not all(_factor(a, b, close) for a, b in pairs):
        return Bond(word="coupled")
    moved = False
    for changed, rows in _changed(subject, inputs):
        there = _gradient(subject, changed)
        kept, most = there[rows], float(there.abs().max())
        if not bool(there.isfinite().all()) or float(kept.abs().max()) < _DROWNED * most:
            continue  # what is left of them is rounding
        factor = _factor(whole[rows], kept, close)
        if factor is None or factor < 0:
            # What others turn round was put through no map that rises.
            return Bond(word="coupled")
        moved |= abs(factor - 1) > 1e2 * close
    if not moved:
        return Bond(word="added", weights=_weights(subject, inputs, whole))
    # A factor that changes with the others and is cut from the graph is a weight that they give, and no map of a sum.
    return Bond(word="transformed" if _is_slope(subject, inputs, whole) else "coupled")


def _gradient(subject: Subject, inputs: Inputs) -> Tensor:
    first = inputs[0].detach().clone().requires_grad_()
    found = subject.batch(first, *inputs[1:]).sum()
    if not found.requires_grad:
        return _differences(subject, inputs)
    (given,) = torch.autograd.grad(found, first, materialize_grads=True)
    return given.detach()


def _differences(subject: Subject, inputs: Inputs) -> Tensor:
    """The slope of the value in every entry of the prediction, for a loss without a gradient."""
    first = inputs[0].detach()
    found = torch.zeros(first.numel(), dtype=torch.float64)
    for place in range(first.numel()):
        move = torch.zeros_like(first)
        move.view(-1)[place] = _STEP if first.dtype is torch.float64 else 1e-2
        above, below = (subject.batch(first + sign * move, *inputs[1:]).detach().sum() for sign in (1, -1))
        found[place] = (above.double() - below.double()) / (2 * float(move.view(-1)[place]))
    return found.reshape(first.shape)


def _changed(subject: Subject, inputs: Inputs) -> Iterator[tuple[Inputs, list[int]]]:
    """The batch with other predictions for some rows, and the rows that stayed."""
    first, *rest = inputs
    domain = subject.prediction
    others = [first.flip(0)]
    if not domain.bounded and not domain.normalised:
        others += [4 * first, -4 * first]
        for row in range(len(first)):
            # One that is far off turns a maximum over groups, which many that are off alike do not.
            alone = torch.arange(len(first)) == row
            lifted = torch.where(alone.reshape(-1, *[1] * (first.ndim - 1)), 4 * first, first)
            yield (lifted, *rest), [place for place in range(len(first)) if place != row]
    if rest and rest[0].shape == first.shape and rest[0].is_floating_point() and not domain.normalised:
        near = rest[0].to(first) + 0.02 * (first - rest[0].to(first))
        others.append(inside(domain, near) if domain.bounded else near)
    for other in others:
        for kept in _KEPT:
            stays = torch.zeros(len(first), dtype=torch.bool)
            stays[kept] = True
            mixed = torch.where(stays.reshape(-1, *[1] * (first.ndim - 1)), first, other)
            yield (mixed, *rest), kept


def _factor(a: Tensor, b: Tensor, close: float) -> float | None:
    """The factor by which the second is the first, both zero in the same places; None where there is none."""
    a, b = a.flatten().double(), b.flatten().double()
    size = a.norm() * b.norm()
    if not bool(size > 0):
        # What has no slope at all is any multiple of itself.
        return 1.0 if not bool(a.norm() > 0) and not bool(b.norm() > 0) else None
    if not bool((a @ b).abs() / size > 1 - close):
        return None
    return float((a @ b) / (a @ a))


def _is_slope(subject: Subject, inputs: Inputs, given: Tensor) -> bool:
    """Whether the gradient is the slope of the value of the batch, in a random direction."""
    first = inputs[0].detach()
    move = torch.randn(first.shape, generator=subject.generator(), dtype=torch.float64).to(first)
    step, close = (1e-6, 1e-3) if first.dtype is torch.float64 else (1e-2, 5e-2)
    above, below = (subject.batch(first + sign * step * move, *inputs[1:]).detach().sum().double() for sign in (1, -1))
    seen = (above - below) / (2 * step)
    return bool((seen - (given * move).sum()).abs() <= close * (given * move).abs().sum())


def _weights(subject: Subject, inputs: Inputs, whole: Tensor) -> Tensor:
    """What each example counts: its gradient in the batch over its gradient alone."""
    rows = len(whole)
    alone = torch.cat([_gradient(subject, tuple(x[i : i + 1] for x in inputs)) for i in range(rows)])
    whole, alone = whole.reshape(rows, -1), alone.reshape(rows, -1)
    weights = (whole * alone).sum(1) / (alone * alone).sum(1)
    # What moves nothing in the batch counts for nothing in it, whatever it is alone.
    weights = torch.where((whole == 0).all(1) & ~weights.isfinite(), 0.0, weights)
    return weights / weights.nan_to_num().max()
