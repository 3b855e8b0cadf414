"""The derivatives of a loss of one number over a table of predictions and targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..subjects.grids import pairs, spread
from ..subjects.subject import Subject

#: The derivative in the prediction at pairs of predictions and targets.
Slope = Callable[[Tensor, Tensor], Tensor]

_XS, _YS = 37, 41
#: Fewer, where every value takes a call of its own.
_XS_ONE_BY_ONE, _YS_ONE_BY_ONE = 13, 15
#: Rows below this many say too little.
_FEWEST = 8
#: The right form fits to rounding, the wrong ones are off by 1e-2 and more.
_FITS: Final = {torch.float64: 1e-6, torch.float32: 1e-3}
_FITS_DIFFERENCES: Final = {torch.float64: 1e-5, torch.float32: 5e-3}
#: Steps of differences, which weigh rounding against curvature.
_STEP: Final = {torch.float64: 1e-5, torch.float32: 2e-2}


@dataclass(frozen=True)
class Table:
    """Derivatives over predictions (rows) and targets (columns): only rows in which the arithmetic can be trusted.

    Attributes:
        xs: the predictions.
        ys: the targets.
        slopes: the derivative for each pair.
        close: how well the right form fits.
        slope: the derivative for other pairs.
        whole: whether no row was left out.
    """

    xs: Tensor
    ys: Tensor
    slopes: Tensor
    close: float
    slope: Slope
    whole: bool = True


def slopes_by_autograd(subject: Subject, *, by_batch: bool) -> Slope:
    """The derivative that autograd gives.

    Args:
        subject: a loss of one number against one number.
        by_batch: take it from one batch of all pairs, up to one factor: where batches are a transform of a mean, and
            where separate examples would take a call each.
    """

    def slope(x: Tensor, y: Tensor) -> Tensor:
        x, y = x.to(subject.dtype), y.to(subject.dtype)
        try:
            return slopes_at(subject, x, y, by_batch=by_batch)
        except Exception:
            # What is far out may be refused, and says nothing then.
            return torch.full_like(x, torch.nan, dtype=torch.float64)

    return slope


def slopes_at(subject: Subject, x: Tensor, y: Tensor, *, by_batch: bool) -> Tensor:
    """The gradient of each example's value; up to one factor, where it is taken from one batch."""
    if not by_batch:
        return subject.slopes(x, y).double()
    first = x.detach().requires_grad_()
    found = subject.batch(first, y).sum()
    if not found.requires_grad:
        return torch.full_like(x, torch.nan, dtype=torch.float64)
    (slope,) = torch.autograd.grad(found, first, materialize_grads=True)
    return slope.detach().double()


def slopes_by_differences(subject: Subject) -> Slope:
    """The slope of the values themselves: central differences, for a loss that has lost its gradient."""
    share = _STEP[subject.dtype]
    low = subject.prediction.low

    def slope(x: Tensor, y: Tensor) -> Tensor:
        x, y = x.to(subject.dtype), y.to(subject.dtype)
        step = share * (x.abs().clamp(min=0.1) if low == -torch.inf else (x - low).clamp(max=1))
        above, below = x + step, x - step
        risen = subject.values(above, y).detach().double() - subject.values(below, y).detach().double()
        return risen / (above.double() - below.double())

    return slope


def table_of(subject: Subject, slope: Slope, *, wide: bool, differences: bool = False) -> Table | None:
    """The derivatives over irregular numbers; None where too few of them are finite and vary.

    Args:
        subject: a loss of one number against one number.
        slope: its derivative.
        wide: let predictions and targets span decades.
        differences: the derivative comes from differences, which are less precise, and blind to what is near.
    """
    generator = subject.generator()
    few = differences and not subject.together
    rows, columns = (_XS_ONE_BY_ONE, _YS_ONE_BY_ONE) if few else (_XS, _YS)
    xs = spread(subject.prediction, rows, generator, wide=wide).to(subject.dtype)
    ys = spread(subject.target, columns, generator, wide=wide)
    if differences:
        near = 2 * _STEP[subject.dtype] * xs.abs().clamp(min=0.1)
        ys = ys[((ys.unsqueeze(1) - xs).abs() > near).all(1)].to(subject.dtype)
    else:
        ys = torch.cat([ys, _beside(subject, xs)]).to(subject.dtype)
    if len(ys) < _FEWEST:
        return None
    slopes = slope(*pairs(xs, ys)).reshape(len(xs), len(ys))
    finite = slopes.isfinite().all(1)
    centred = slopes - slopes.mean(1, keepdim=True)
    close = (_FITS_DIFFERENCES if differences else _FITS)[subject.dtype]
    # A row whose mean drowns what varies in it has lost that to rounding.
    drowned = 1e-7 if subject.dtype is torch.float64 else 1e-3
    clear = centred.norm(dim=1) > drowned * slopes.norm(dim=1)
    use = finite & clear
    if int(use.sum()) < _FEWEST:
        return None
    return Table(xs.double()[use], ys.double(), slopes[use], close, slope, whole=bool(use.all()))


def _beside(subject: Subject, xs: Tensor) -> Tensor:
    """Targets that predictions all but hit, where what looks like a kink from afar may be a bend."""
    closest = -5 if subject.dtype is torch.float64 else -2
    gaps = torch.logspace(-1, closest, 1 - 2 * closest, dtype=torch.float64)
    middle = xs[len(xs) // 2 :][: len(gaps)].double()
    low = max(subject.prediction.low, subject.target.low)
    scale = middle - low if low > -torch.inf else torch.ones_like(middle)
    y = middle + scale * gaps * (1 - 2 * (torch.arange(len(gaps)) % 2))
    return y[(y > subject.target.low) & (y < subject.target.high)]


def is_slope_of_values(subject: Subject, slope: Slope) -> bool:
    """Whether the derivative that autograd gives is the slope of the values, at most of some typical places."""
    generator = subject.generator()
    x = spread(subject.prediction, 24, generator, wide=False)
    y = spread(subject.target, 24, generator, wide=False)[torch.randperm(24, generator=generator)]
    given, seen = slope(x, y), slopes_by_differences(subject)(x, y)
    use = given.isfinite() & seen.isfinite()
    if int(use.sum()) < _FEWEST:
        return False
    given, seen = given[use], seen[use]
    # A gradient from one batch is known up to one factor only.
    ratio = (seen * given).sum() / (given * given).sum().clamp(min=1e-300)
    off = (seen - ratio * given).abs() > 1e-2 * (seen.abs() + 1e-2 * seen.abs().amax())
    return bool(ratio > 0) and float(off.double().mean()) < 0.2
