"""The health of the gradient over all magnitudes of the prediction, in each dtype.

For every dtype, side of zero and target a strip over the magnitudes says whether the gradient is in order, zero
where the true one is not, of the wrong sign, NaN or infinite. The truth is what double precision gives; of double
precision itself it is known that a gradient has died where single precision died nearer to zero: a kink would be at
the same place in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor

from ..subjects.grids import extremes, spread
from ..subjects.subject import Inputs, Subject
from .magnitudes import DTYPES

STATES: Final = ("in order", "zero where it should not be", "of the wrong sign", "NaN", "infinite")
_OK, _ZERO, _WRONG, _NAN, _INF = range(5)
#: Six steps a decade, from a hundredth to ten thousand.
_MAGNITUDES: Final = torch.logspace(-2, 4, 37, dtype=torch.float64)
#: A gradient that is smaller than this is no loss; one of the wrong sign must be this share of the largest.
_MATTERS, _SHARE = 1e-3, 1e-2
_BISECTIONS = 14


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One dtype.

    Attributes:
        dtype: which.
        states: of each row (a side and a target) at each magnitude, as a place in `STATES`.
        dies: the smallest magnitude from which the gradient is zero where the true one is not.
        overflows: the smallest from which value or gradient is NaN or infinite.
        wrong: an example whose gradient has the wrong sign.
        wrong_slopes: its gradient, and the true one.
        refused: what the loss says where it does not take this dtype.
    """

    dtype: torch.dtype
    states: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    dies: float | None = None
    overflows: float | None = None
    wrong: Inputs = ()
    wrong_slopes: tuple[float, float] = (0.0, 0.0)
    refused: str = ""

    @property
    def name(self) -> str:
        """The dtype as torch calls it."""
        return str(self.dtype).removeprefix("torch.")


@dataclass(frozen=True, kw_only=True)
class Health:
    """The strips of all dtypes.

    Attributes:
        strips: from the widest dtype.
        targets: of the rows: the first half are on the far side, above zero, the others on the near side.
        magnitudes: of the prediction.
        sides: what the far and the near side are.
    """

    strips: tuple[Strip, ...]
    targets: tuple[float, ...]
    magnitudes: Tensor
    sides: tuple[str, str]


def measure_health(subject: Subject) -> Health | None:
    """The health of the gradient of `subject`; None where an example is not one number against one number."""
    if not subject.scalar or subject.whole:
        return None
    map_ = _Map(subject)
    narrow = [map_.strip(dtype, None) for dtype in DTYPES if dtype is not torch.float64]
    single = next((strip for strip in narrow if strip.dtype is torch.float32 and not strip.refused), None)
    widest = map_.strip(torch.float64, single) if subject.dtype is torch.float64 else None
    if widest is not None and not widest.refused:
        narrow = [strip if strip.refused else map_.dead_with(strip, widest) for strip in narrow]
    strips = [widest, *narrow] if widest is not None else narrow
    return Health(
        strips=tuple(strips), targets=tuple(map_.targets.tolist()), magnitudes=map_.magnitudes, sides=map_.words
    )


class _Map:
    """The rows of a strip: both sides of zero, or both ends of a domain, under two targets each."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        domain = subject.prediction
        # Beside a bound, magnitudes below one are the same places again.
        two_sided = domain.low == -torch.inf and domain.high == torch.inf
        self.magnitudes = _MAGNITUDES if two_sided else _MAGNITUDES[_MAGNITUDES >= 1]
        targets = torch.tensor(subject.labels, dtype=torch.float64) if subject.labelled else _two(subject)
        self.targets = targets.repeat(2)
        self.sides = torch.tensor([0, 0, 1, 1])
        self.words = ("above zero", "below zero") if two_sided else ("far from the lower end", "near the lower end")

    def at(self, magnitude: Tensor) -> Tensor:
        """The prediction of each row at these magnitudes; (magnitudes, rows)."""
        both = extremes(self.subject.prediction, magnitude).reshape(2, -1)
        return both[self.sides].T

    def look(self, dtype: torch.dtype, magnitude: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Value, gradient and true gradient at these magnitudes; (magnitudes, rows)."""
        x = self.at(magnitude).to(dtype)
        y = self.targets.expand(x.shape).to(dtype)
        value, slope = self._both(x, y)
        wide = self.subject.dtype
        true = self._both(x.to(wide), y.to(wide))[1] if dtype is not wide else slope
        return value, slope, true

    def _both(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        first = x.flatten().clone().requires_grad_()
        value = self.subject.values(first, y.flatten())
        if not value.requires_grad:
            return value.detach().double().reshape(x.shape), torch.zeros_like(x, dtype=torch.float64)
        (slope,) = torch.autograd.grad(value.sum(), first, materialize_grads=True)
        return value.detach().double().reshape(x.shape), slope.double().reshape(x.shape)

    def states(self, dtype: torch.dtype, magnitude: Tensor, largest: float | None = None) -> Tensor:
        """The state of each row at these magnitudes."""
        value, slope, true = self.look(dtype, magnitude)
        known = true.abs()[true.isfinite()]
        top = largest if largest is not None else float(known.max()) if known.numel() else 0.0
        matters = max(_MATTERS, 4 * torch.finfo(dtype).eps)
        states = torch.full(slope.shape, _OK)
        states[(slope == 0) & (true.abs() > matters)] = _ZERO
        wrong = (slope * true < 0) & (torch.minimum(slope.abs(), true.abs()) > max(matters, _SHARE * min(top, 1.0)))
        states[wrong] = _WRONG
        states[value.isinf() | slope.isinf()] = _INF
        states[value.isnan() | slope.isnan()] = _NAN
        # What rounds to the end of an open domain is outside it.
        states[~self._inside(self.at(magnitude).to(dtype))] = _OK
        return states

    def _inside(self, x: Tensor) -> Tensor:
        domain = self.subject.prediction
        good = x.isfinite()
        if domain.open_low or domain.high == 1:
            good = good & (x > domain.low)
        return good & (x < 1) if domain.high == 1 else good

    def strip(self, dtype: torch.dtype, single: Strip | None) -> Strip:
        """The strip of one dtype; for double precision, beside that of single precision."""
        try:
            states = self.states(dtype, self.magnitudes)
            if dtype is torch.float64 and single is not None:
                states = self._died_too(states, single)
            dies = self._first(dtype, states, {_ZERO}, died=dtype is torch.float64)
            overflows = self._first(dtype, states, {_NAN, _INF}, died=False)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            return Strip(dtype=dtype, refused=str(error).partition("\n")[0])
        wrong, slopes = self._wrong(dtype, states)
        return Strip(dtype=dtype, states=states.T, dies=dies, overflows=overflows, wrong=wrong, wrong_slopes=slopes)

    def _died_too(self, states: Tensor, single: Strip) -> Tensor:
        """The same states, with zero where the gradient ends after it ended in single precision."""
        _, slope, _ = self.look(torch.float64, self.magnitudes)
        died = (single.states.T == _ZERO).int()
        before = died.cumsum(0).roll(1, 0)
        before[0] = 0
        return torch.where((slope == 0) & (before > 0) & (states == _OK), _ZERO, states)

    def dead_with(self, strip: Strip, widest: Strip) -> Strip:
        """The same strip, with zero where the gradient has died in double precision as well."""
        _, slope, _ = self.look(strip.dtype, self.magnitudes)
        gone = (slope.T == 0) & (widest.states == _ZERO) & (strip.states == _OK)
        return replace(strip, states=torch.where(gone, _ZERO, strip.states))

    def _first(self, dtype: torch.dtype, states: Tensor, which: set[int], *, died: bool) -> float | None:
        """The smallest magnitude at which a row is in one of these states, between two of the grid."""
        hit = torch.zeros_like(states, dtype=torch.bool)
        for state in which:
            hit |= states == state
        if not bool(hit.any()):
            return None
        row, column = (int(i) for i in hit.nonzero()[0])
        high = self.magnitudes[row].log()
        if row == 0:
            return float(high.exp())
        low = self.magnitudes[row - 1].log()
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            there = self.states(dtype, middle.exp().unsqueeze(0), 1.0)[0, column]
            if died:
                found = bool(self.look(dtype, middle.exp().unsqueeze(0))[1][0, column] == 0)
            else:
                found = int(there) in which
            low, high = (low, middle) if found else (middle, high)
        return float(high.exp())

    def _wrong(self, dtype: torch.dtype, states: Tensor) -> tuple[Inputs, tuple[float, float]]:
        places = (states == _WRONG).nonzero()
        if not len(places):
            return (), (0.0, 0.0)
        row, column = (int(i) for i in places[0])
        magnitude = self.magnitudes[row : row + 1]
        _, slope, true = self.look(dtype, magnitude)
        inputs = (self.at(magnitude)[0, column : column + 1].to(dtype), self.targets[column : column + 1].to(dtype))
        return inputs, (float(slope[0, column]), float(true[0, column]))


def _two(subject: Subject) -> Tensor:
    """Two usual targets, the same whatever the seed, so that where it overflows is a fact of the loss."""
    y = spread(subject.target, 4, torch.Generator().manual_seed(0), wide=False)
    return y[[1, 3]] if subject.target.low > -torch.inf else y[[0, 2]]
