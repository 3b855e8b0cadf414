"""Value and gradient over magnitudes of the prediction, in each dtype, against double precision.

Overflow is a fault of the computation only where the value itself fits the dtype: the exponential of 1000 has no
place in single precision, softplus of 1000 has. Double precision has no truth beside it, so there a value that
was moderate a moment before it overflowed is taken as proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from ..subjects.grids import extremes, inside
from ..subjects.subject import Inputs, Subject

DTYPES: Final = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
Sign = Literal["overflow", "intrinsic", "broken", "dead"]

#: Decades, in steps of a third between a tenth and ten thousand, where predictions live.
_FINE = torch.logspace(-1, 4, 16, dtype=torch.float64)
_COARSE = 10.0 ** torch.tensor([-8, -6, -4, -2, 6, 9, 12, 18, 24, 30, 37], dtype=torch.float64)
_MAGNITUDES = torch.cat([_FINE, _COARSE]).sort().values
_ROWS = 8
#: A gradient smaller than this, or than rounding, is no loss.
_MATTERS = 1e-3


@dataclass(frozen=True, kw_only=True)
class Break:
    """Where something first goes wrong as a prediction grows.

    Attributes:
        magnitude: how far out the prediction is.
        inputs: the example, or the batch where examples meet, in the dtype.
        value: what the loss gives there.
        truth: what it should give, or in double precision what it gave a moment before.
    """

    magnitude: float
    inputs: Inputs
    value: float
    truth: float


@dataclass(frozen=True, kw_only=True)
class Range:
    """How far a loss can be computed in one dtype.

    Attributes:
        dtype: which.
        refused: what the loss says where it does not take this dtype at all.
        overflow: where the value is not finite though the true one fits.
        intrinsic: where the true value itself does not fit any more.
        broken: where the gradient is not finite though the value is.
        dead: where the gradient is zero though the true one is not.
    """

    dtype: torch.dtype
    refused: str = ""
    overflow: Break | None = None
    intrinsic: Break | None = None
    broken: Break | None = None
    dead: Break | None = None


def measure_range(subject: Subject, dtype: torch.dtype) -> Range:
    """How far `subject` can be computed in `dtype`."""
    rows = _Rows(subject, dtype)
    try:
        seen = rows.look(rows.magnitudes)
        found: dict[Sign, Break | None] = {
            sign: rows.first(seen, sign) for sign in ("overflow", "intrinsic", "broken", "dead")
        }
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        return Range(dtype=dtype, refused=str(error).partition("\n")[0])
    if found["overflow"] is None and found["intrinsic"] is not None and dtype is subject.dtype:
        found["overflow"] = rows.sudden(found["intrinsic"])
        found["intrinsic"] = None if found["overflow"] is not None else found["intrinsic"]
    return Range(
        dtype=dtype,
        overflow=found["overflow"],
        intrinsic=found["intrinsic"],
        broken=found["broken"],
        dead=found["dead"],
    )


@dataclass(frozen=True)
class _Seen:
    """What was seen at some magnitudes: every sign as a table of magnitudes (rows) by examples (columns)."""

    signs: dict[Sign, Tensor]
    value: Tensor
    truth: Tensor


class _Rows:
    """A few examples whose predictions can be put at any magnitude, in one dtype."""

    def __init__(self, subject: Subject, dtype: torch.dtype) -> None:
        self.subject, self.dtype, self.domain = subject, dtype, subject.prediction
        self.matters = max(_MATTERS, 4 * torch.finfo(dtype).eps)
        first, *self.rest = subject.inputs(_ROWS)
        self.side = torch.arange(_ROWS) // 2 % 2
        # Above a bound small and large are both far out, so one of them is enough.
        bounded = self.domain.low > -torch.inf and not self.domain.normalised
        self.magnitudes = _MAGNITUDES[_MAGNITUDES >= 1] if bounded else _MAGNITUDES
        if self.domain.normalised:
            first = torch.randn(first.shape, generator=subject.generator(), dtype=torch.float64)
        # Every example has its largest entry at the magnitude.
        self.base = first.double() / first.double().reshape(_ROWS, -1).abs().amax(1).reshape(
            -1, *[1] * (first.ndim - 1)
        )

    def at(self, magnitude: Tensor) -> Inputs:
        """The examples with every prediction at this magnitude, rounded to the dtype."""
        if self.domain.axes:
            x = inside(self.domain, self.base * magnitude)
        else:
            x = extremes(self.domain, magnitude.unsqueeze(0))[self.side]
        rest = (r.to(self.dtype) if r.is_floating_point() else r for r in self.rest)
        return (x.to(self.dtype), *rest)

    def look(self, magnitudes: Tensor) -> _Seen:
        """What is seen at each of these magnitudes."""
        inputs = [self.at(m) for m in magnitudes]
        value, slope = self._both(inputs)
        if self.dtype is self.subject.dtype:
            # Its own neighbourhood is all the truth there is: a moderate value does not overflow in one step.
            truth, _ = self._both([(x / 1.5, *rest) for x, *rest in inputs])
            moderate = torch.finfo(self.dtype).max ** 0.25
            fits = truth.isfinite() & (truth.abs() < moderate)
            # Beside an enormous value the true slope may be too large for any number: that of 1 / x is its square.
            size = torch.zeros_like(truth).masked_fill(~(value.abs() < moderate), torch.inf)
        else:
            wide = self.subject.dtype
            exact = [tuple(x.to(wide) if x.is_floating_point() else x for x in row) for row in inputs]
            truth, true_slope = self._both(exact)
            fits = truth.isfinite() & (truth.abs() <= torch.finfo(value.dtype).max)
            size = true_slope.double().abs().amax(-1)
        good = torch.stack([self._usable(x) for x, *_ in inputs])
        finite = value.isfinite()
        return _Seen(
            signs={
                "overflow": good & ~finite & fits,
                "intrinsic": good & ~finite & ~fits,
                "broken": good & finite & ~slope.isfinite().all(-1) & (size <= torch.finfo(slope.dtype).max),
                "dead": good & finite & size.isfinite() & (size > self.matters) & (slope == 0).all(-1),
            },
            value=value,
            truth=truth,
        )

    def first(self, seen: _Seen, sign: Sign) -> Break | None:
        """The smallest magnitude at which a sign shows, between two of the grid."""
        rows, columns = seen.signs[sign].nonzero(as_tuple=True)
        if not len(rows):
            return None
        k, column = int(rows[0]), int(columns[0])
        high = self.magnitudes[k].log()
        low = self.magnitudes[k - 1].log() if k else high
        here, place = seen, k
        for _ in range(12 if k else 0):
            middle = (low + high) / 2
            closer = self.look(middle.exp().unsqueeze(0))
            if bool(closer.signs[sign][0, column]):
                high, here, place = middle, closer, 0
            else:
                low = middle
        inputs = self.at(high.exp())
        return Break(
            magnitude=high.exp().item(),
            inputs=inputs if self.subject.whole else tuple(x[column : column + 1] for x in inputs),
            value=here.value[place, column].item(),
            truth=here.truth[place, column].item(),
        )

    def sudden(self, place: Break) -> Break | None:
        """The overflow a little before this one, between two magnitudes of the grid, if there is one.

        A value that grows out of its dtype is large just before. One that is moderate there was cut off inside, as
        where a step is taken in half precision.
        """
        low, high = place.magnitude / 2.2, place.magnitude / 1.25
        if self.domain.low > -torch.inf or self.domain.normalised or not self._lost(high):
            return None
        for _ in range(12):
            middle = (low * high) ** 0.5
            low, high = (low, middle) if self._lost(middle) else (middle, high)
        seen = self.look(torch.tensor([low, high], dtype=torch.float64))
        columns = seen.signs["overflow"][1].nonzero().flatten()
        if not len(columns) or not bool((seen.value[0].abs() < torch.finfo(self.dtype).max ** 0.25).all()):
            return None
        column = int(columns[0])
        inputs = self.at(torch.tensor(high, dtype=torch.float64))
        return Break(
            magnitude=high,
            inputs=inputs if self.subject.whole else tuple(x[column : column + 1] for x in inputs),
            value=seen.value[1, column].item(),
            truth=seen.value[0, column].item(),
        )

    def _lost(self, magnitude: float) -> bool:
        return bool(self.look(torch.tensor([magnitude], dtype=torch.float64)).signs["overflow"].any())

    def _usable(self, x: Tensor) -> Tensor:
        """Which predictions are still inside the open domain after rounding."""
        good = x.isfinite()
        if self.domain.open_low or self.domain.high == 1:
            good = good & (x > self.domain.low)
        if self.domain.high == 1:
            good = good & (x < 1)
        good = good.reshape(len(x), -1).all(1)
        return good.all().unsqueeze(0) if self.subject.whole else good

    def _both(self, inputs: list[Inputs]) -> tuple[Tensor, Tensor]:
        """Values (magnitudes, examples) and gradients (magnitudes, examples, entries)."""
        if self.subject.whole:
            each = [_value_and_slope(lambda *x: self.subject.batch(*x).mean().unsqueeze(0), row) for row in inputs]
            return torch.stack([v for v, _ in each]), torch.stack([s.reshape(1, -1) for _, s in each])
        joined = tuple(torch.cat(column) for column in zip(*inputs, strict=True))
        value, slope = _value_and_slope(self.subject.values, joined)
        return value.reshape(len(inputs), -1), slope.reshape(len(inputs), _ROWS, -1)


def _value_and_slope(call: Callable[..., Tensor], inputs: Inputs) -> tuple[Tensor, Tensor]:
    first = inputs[0].detach().clone().requires_grad_()
    value = call(first, *inputs[1:])
    if not value.requires_grad:
        return value.detach(), torch.ones_like(first)
    (slope,) = torch.autograd.grad(value.sum(), first, materialize_grads=True)
    return value.detach(), slope.detach()
