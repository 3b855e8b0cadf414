"""Where two losses that are equal on typical inputs part: far out, on exact hits, on soft labels, on certainty."""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Final

import torch
from torch import Tensor

from ...cards import BinaryTarget, Domain
from .battery import Inputs, Named
from .reading import Reading

_MAGNITUDES: Final = (20.0, 50.0, 89.0, 100.0, 800.0, 1e4, 1e10)
#: Relative differences beyond which values differ, for each precision.
_CLOSE: Final = {torch.float64: 1e-3, torch.float32: 1e-2}


def parts(one: Reading, other: Reading, domains: Named, scale: float, shift: float) -> Iterator[str]:
    """Where `other` is not `scale` times `one` plus `shift`, in words; once for each kind of place."""
    for dtype in (torch.float32, torch.float64):
        precision = "" if dtype is torch.float64 else "in float32, "
        seen: set[str] = set()
        for kind, at, inputs in _places(domains):
            if kind in seen:
                continue
            try:
                mine, its = (
                    reading.batch(*(x.to(dtype) if x.is_floating_point() else x for x in inputs)).double().sum()
                    for reading in (one, other)
                )
            except Exception:  # noqa: S112  (what one of them refuses is no number to compare)
                continue
            mine = scale * mine + shift
            if _differ(mine, its, _CLOSE[dtype]):
                seen.add(kind)
                first = float((mine - shift) / scale)
                yield f"{precision}{at} the first gives {first:.6g} and the second {float(its):.6g}"
        if seen:
            return


def _differ(one: Tensor, other: Tensor, close: float) -> bool:
    a, b = float(one.detach()), float(other.detach())
    if not (math.isfinite(a) and math.isfinite(b)):
        return not (a == b or (math.isnan(a) and math.isnan(b)))
    return not abs(a - b) <= close * (abs(a) + abs(b)) + 1e-6


def _places(domains: Named) -> Iterator[tuple[str, str, Inputs]]:
    """A kind of place, the place in words, and one example there."""
    if len(domains) != 2:
        return
    (_, first), (_, second) = domains
    if first.axes == ("classes",) and second.integer:
        for size in _MAGNITUDES:
            scores = torch.tensor([[size, 0.0, -size, 0.0]], dtype=torch.float64)
            for place, word in ((0, "largest"), (2, "smallest")):
                yield (
                    "far",
                    f"at scores of {size:g} and {-size:g}, the true class the {word},",
                    (scores, torch.tensor([place])),
                )
        return
    if first.axes or second.axes or first.integer or second.integer:
        return
    for size in _MAGNITUDES:
        for x in (size, -size):
            for y in _targets(second):
                if first.low <= x <= first.high:
                    yield "far", f"at prediction {x:g}, target {y:g}", _pair(x, y)
    if second == BinaryTarget:
        yield "soft", "at the soft label 0.3", _pair(0.7, 0.3)
    elif second.low < 0.5 < second.high and first.low < 0.5 < first.high:
        yield "hit", "on an exact hit", _pair(0.5, 0.5)
    if first.low <= 0 <= first.high and not first.open_low:
        yield "zero", "at prediction 0", _pair(0.0, _targets(second)[-1])


def _targets(domain: Domain) -> tuple[float, ...]:
    if domain == BinaryTarget:
        return (0.0, 1.0)
    return (1.0,) if domain.low >= 0 else (0.0, 1.0)


def _pair(x: float, y: float) -> Inputs:
    return torch.tensor([x], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
