"""The influence function ψ of a loss of the difference alone, and what its shape says.

ψ(r) is the derivative at a prediction that is r above the target. It is looked at from 2⁻¹² to 2¹³ on both sides, at
numbers that single precision holds exactly, so that a bend is seen that lies far beyond any typical error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..subjects.grids import pairs
from ..subjects.subject import Subject
from .derivatives import Slope

_POWERS = torch.arange(-12, 14, dtype=torch.float64)
_SIDE = torch.cat([2**_POWERS, 1.5 * 2**_POWERS]).sort().values
_R = torch.cat([-_SIDE.flip(0), _SIDE])
#: Targets from which the same differences must look the same.
_BASES = torch.tensor([0.0, 1.25, -3.5, 40.0], dtype=torch.float64)
#: Differences that must be finite, or too little is seen.
_FEWEST = 40


@dataclass(frozen=True, kw_only=True)
class Psi:
    """ψ on both sides of zero.

    Attributes:
        r: prediction minus target, in ascending order.
        psi: the derivative there.
        breaks: where ψ jumps or bends from one straight line to another.
        bounded: whether ψ stays bounded as far as was looked.
        redescending: whether it goes back towards zero far out.
        asymmetry: -ψ(r) / ψ(-r) at r = 1.
        growth: the exponent with which |ψ| grows far out, the larger of both sides.
        close: the relative difference beyond which two of its values differ.
    """

    r: Tensor
    psi: Tensor
    breaks: tuple[float, ...]
    bounded: bool
    redescending: bool
    asymmetry: float | None
    growth: float
    close: float

    def facts(self) -> Mapping[str, Any]:
        """What a report shows of it."""
        places = [int((self.r - at).abs().argmin()) for at in (-64, -8, -1, -0.125, 0.125, 1, 8, 64)]
        shown = [(self.r[i].item(), self.psi[i].item()) for i in dict.fromkeys(places)]
        return {
            "values": [{"r": r, "psi": float(f"{psi:.6g}")} for r, psi in shown],
            "breaks": list(self.breaks),
            "bounded": self.bounded,
            "redescending": self.redescending,
            "asymmetry": None if self.asymmetry is None else float(f"{self.asymmetry:.6g}"),
            "growth": round(self.growth, 3),
        }

    def says(self) -> str:
        """Its shape in a few words."""
        tail = "falls back to zero" if self.redescending else "is bounded" if self.bounded else "grows"
        breaks = f", breaks at {', '.join(f'{at:.4g}' for at in self.breaks[:4])}" if self.breaks else ""
        side = self.asymmetry
        lopsided = f", weighs too high {side:.3g} times too low" if side is not None and abs(side - 1) > 1e-3 else ""
        return f"the slope in the error {tail} far out{breaks}{lopsided}"

    def has_one_sign(self) -> bool:
        """Whether the loss falls, or rises, wherever the prediction is."""
        return bool((self.psi >= 0).all() | (self.psi <= 0).all())

    def is_linear(self) -> bool:
        """Whether it is the ψ of a mean or an expectile, however far out."""
        ratio = self.psi / self.r
        return all(_constant(side, self.close) for side in (ratio[self.r > 0], ratio[self.r < 0]))

    def is_step(self) -> bool:
        """Whether it is the ψ of a quantile, however near and far."""
        return all(_constant(side, self.close) for side in (self.psi[self.r > 0], self.psi[self.r < 0]))


def measure_psi(subject: Subject, slope: Slope, *, differences: bool = False) -> Psi | None:
    """ψ of `subject`; None where it is no loss of the difference alone, or too little of it is finite."""
    if subject.prediction.bounded or subject.target.bounded:
        return None
    base, r = pairs(_BASES, _R)
    found = slope(base + r, base).reshape(len(_BASES), len(_R))
    use = found.isfinite().all(0)
    if int(use.sum()) < _FEWEST:
        return None
    close = 1e-3 if differences else 1e-9 if subject.dtype is torch.float64 else 1e-4
    # Differences are blind to what is nearer than their step.
    use &= _R.abs() > (0.25 if differences else 0)
    r, found = _R[use], found[:, use]
    first = found[0]
    # Far out the arithmetic of one side may lose the other, so each place is judged by its own size.
    size = first.abs() + 1e-3 * first.abs().median()
    if not bool(((found - first).abs() <= close * size).double().mean() > 0.98):
        return None
    if not bool((first != 0).any()):
        return None
    return _described(r, first, close)


def _described(r: Tensor, psi: Tensor, close: float) -> Psi:
    size = psi.abs()
    growth = [_growth(r[side].abs(), size[side]) for side in (r > 64, r < -64)]
    growth = [one for one in growth if one is not None]
    top = float(size.max())
    ends = (float(size[0]), float(size[-1]))
    bounded = max(growth, default=0.0) < 0.02
    at = {one.item(): value.item() for one, value in zip(r, psi, strict=True)}
    below, above = at.get(-1.0, 0.0), at.get(1.0, 0.0)
    return Psi(
        r=r,
        psi=psi,
        breaks=tuple(_breaks(r, psi, max(close, 1e-6))),
        bounded=bounded,
        redescending=bounded and max(ends) < 0.5 * top,
        asymmetry=-above / below if below else None,
        growth=max(growth, default=0.0),
        close=max(close, 1e-6),
    )


def _growth(r: Tensor, size: Tensor) -> float | None:
    """The slope of log |ψ| against log |r| on the far half."""
    order = r.argsort()
    r, size = r[order], size[order]
    half = len(r) // 2
    if len(r) < 4 or not bool((size[[half, -1]] > 0).all()):
        return None
    return float((size[-1] / size[half]).log() / (r[-1] / r[half]).log())


def _breaks(r: Tensor, psi: Tensor, close: float) -> list[float]:
    """Where ψ passes from one straight line, through three places or more, to another."""
    steepness = psi.diff() / r.diff()
    rough = close * (psi.abs()[:-1] + psi.abs()[1:]) / r.diff() + 1e-12
    straight = (steepness.diff().abs() <= (rough[:-1] + rough[1:])).tolist()
    pieces: list[tuple[int, int]] = []
    start = None
    for place, is_straight in enumerate([*straight, False]):
        if is_straight and start is None:
            start = place
        if not is_straight and start is not None:
            pieces.append((start, place + 1))
            start = None
    found: list[float] = []
    for (_, end), (begin, _) in pairwise(pieces):
        if begin - end <= 2:
            found.append(_meeting(r, psi, steepness, end, begin))
    return [float(f"{at:.4g}") for at in found]


def _meeting(r: Tensor, psi: Tensor, steepness: Tensor, end: int, begin: int) -> float:
    """Where the line that ends at one place meets the line that begins at another; between them where ψ jumps."""
    left, right = float(steepness[end - 1]), float(steepness[begin])
    gap = float(psi[begin] - psi[end])
    if abs(left - right) > 1e-9 * (abs(left) + abs(right) + 1e-300):
        at = (gap - right * float(r[begin]) + left * float(r[end])) / (left - right)
        if float(r[end]) <= at <= float(r[begin]):
            return at
    return float(r[end] + r[begin]) / 2


def _constant(x: Tensor, close: float) -> bool:
    return bool((x - x.median()).abs().max() <= close * x.median().abs())
