"""How value and gradient grow with the error, and whether the loss is Lipschitz.

Lines are followed over eight decades on the sides where the loss rises. How fast a quantity grows is read from its
last decades: the exponent of a power is a slope between logarithms, an exponential has an exponent that grows
itself, and a logarithm adds the same in each decade.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from ..verdict import Verdict, no, unresolved, yes
from .kinks import Kinks
from .lines import Lines, best_places

#: From the slowest to the fastest; "unbounded" is a pole at an end of the domain that can be reached.
CLASSES: Final[tuple[str, ...]] = (
    "vanishing", "bounded", "logarithmic", "sublinear", "linear", "polynomial", "exponential", "unbounded",
)  # fmt: skip
_DECADES, _DECADES_SINGLE, _A_DECADE = 8, 4, 4


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What was found.

    Attributes:
        value: how the loss grows with the error: bounded, logarithmic, linear, quadratic, power(k), exponential,
            "unbounded" for a pole at an end of the domain, or "none" where it rises towards no end.
        slope: how its gradient does: one of `CLASSES`; None where not resolved.
        exponent: of the value, where that grows like a power.
        lipschitz: whether its slope is bounded.
        constant: the largest slope that was seen, where it is.
        facts: the numbers behind it.
        why: why it could not be resolved.
    """

    value: str | None = None
    slope: str | None = None
    exponent: float | None = None
    lipschitz: Verdict
    constant: float | None = None
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    why: str = ""


def measure_growth(lines: Lines, kinks: Kinks, trusted: str) -> Growth:
    """How value and slope grow along `lines`; `trusted` says why derivatives are not to be, where they are not."""
    ends = _ends(lines, slopes=not trusted)
    if not ends:
        return Growth(lipschitz=unresolved("it has no finite values far out"), why="it has no finite values far out")
    far = [end for end in ends if end.infinite]
    rising = [end for end in far if end.rises]
    slope = max((end.slope for end in rising or far or ends), key=CLASSES.index)
    value, exponent = max((end.value for end in rising or far or ends), key=lambda one: _rank(*one))
    if not far:
        slope = "unbounded" if any(end.pole for end in ends) else "bounded"
        value, exponent = ("unbounded", None) if any(end.endless for end in ends) else ("bounded", None)
    verdict, constant = _lipschitz(lines, kinks, ends, trusted)
    return Growth(
        value=_named(value, exponent) if rising or not far else "none",
        slope=None if trusted else slope,
        exponent=exponent,
        lipschitz=verdict,
        constant=constant,
        why=trusted,
    )


@dataclass(frozen=True, kw_only=True)
class _End:
    """One end of the domain of the lines."""

    infinite: bool
    rises: bool
    value: tuple[str, float | None]
    slope: str
    steepest: str
    pole: bool
    endless: bool
    places: Tensor
    largest: float
    side: str


def _ends(lines: Lines, *, slopes: bool) -> list[_End]:
    single = lines.subject.dtype is not torch.float64
    decades = _DECADES_SINGLE if single else _DECADES
    steps = torch.logspace(0, decades, decades * (_A_DECADE if lines.dense else 2) + 1, dtype=torch.float64)
    domain = lines.domain
    found: list[_End | None] = []
    middle = _middle(lines)
    for sign, bound in ((1.0, domain.high), (-1.0, domain.low)):
        if abs(bound) == torch.inf:
            found.append(_end(lines, sign * steps, steps, middle, infinite=True, slopes=slopes))
        else:
            # Not nearer than numbers beside the bound can be told apart.
            near = steps[steps <= (1e8 if bound == 0 else 1e4 if single else 1e8)]
            found.append(_end(lines, bound - sign * 0.5 / near, near, middle, infinite=False, slopes=slopes))
    return [end for end in found if end is not None]


def _middle(lines: Lines) -> Tensor:
    """The least value of each line."""
    return lines.values(best_places(lines).unsqueeze(0)).squeeze(0)


def _end(lines: Lines, places: Tensor, steps: Tensor, least: Tensor, *, infinite: bool, slopes: bool) -> _End | None:
    t = places.unsqueeze(1).expand(-1, lines.count)
    value, slope = lines.derivatives(t, 1) if slopes else (lines.values(t), torch.zeros_like(t))
    overflows = bool((value[1:] == torch.inf).any()) or bool((slope[1:].abs() == torch.inf).any())
    last = int((value.isfinite() & slope.isfinite()).all(1).double().cumprod(0).sum())
    if last < 4:
        return None
    value, slope, steps = value[:last], slope[:last].abs(), steps[:last]
    if infinite:
        # Far out rounding alone makes a slope, as large as the place.
        rounding = 64 * torch.finfo(lines.subject.dtype).eps * steps.unsqueeze(1) * slope[0].max()
        slope = torch.where(slope > rounding, slope, 0.0)
    # Where a line is at its least, the loss has reached its aim and no error grows.
    up = (value[-1] - least > 1e-6 * (1 + least.abs())) & (value[-1] >= value[last // 2])
    rise = (value - least).clamp(min=0)
    classes = [_class(slope[:, j], steps, overflows) for j in range(lines.count)]
    picked = [j for j in range(lines.count) if bool(up[j])] or list(range(lines.count))
    values = [_class(rise[:, j], steps, overflows) for j in picked]
    steep = [classes[j][0] for j in picked]
    # At a finite end the steps are one over the distance, so what grows with them has a pole.
    pole = not infinite and any(_grows(kind) for kind, _ in classes)
    endless = not infinite and any(_grows(kind) for kind, _ in values)
    side = "towards infinity" if infinite and places[0] > 0 else "towards minus infinity" if infinite else (
        f"towards {lines.domain.high if places[-1] > lines.domain.high - 1 else lines.domain.low:g}"
    )  # fmt: skip
    return _End(
        infinite=infinite,
        rises=bool(up.any()),
        value=max(values, key=lambda one: _rank(*one)),
        slope=max(steep, key=CLASSES.index),
        steepest=max((kind for kind, _ in classes), key=CLASSES.index),
        pole=pole,
        endless=endless,
        places=places[:last],
        largest=float(slope.max()),
        side=side,
    )


def _grows(kind: str) -> bool:
    return CLASSES.index(kind) > CLASSES.index("bounded")


def _rank(kind: str, exponent: float | None) -> tuple[int, float]:
    return CLASSES.index(kind), exponent or 0.0


def _class(size: Tensor, steps: Tensor, overflows: bool) -> tuple[str, float | None]:
    """How a quantity grows with the steps; its exponent, where that of a power."""
    top = float(size.max())
    if top <= 1e-12:
        return "vanishing", None
    # What goes up and down is judged by its envelope.
    third = max(len(size) // 3, 1)
    late, middle = size[-third:], size[-2 * third : -third] if len(size) >= 3 * third else size[:third]
    waves = bool((late.diff() > 0).any()) and bool((late.diff() < 0).any())
    if waves and float((late.max() - late.min()) / top) > 1e-6:
        exponent = float((late.max() / middle.max().clamp(min=1e-300)).log() / (steps[-1] / steps[-1 - third]).log())
        return _power(exponent)
    if float(size[-1]) <= 1e-12 * top or float(size[-1]) == 0:
        return "vanishing", None
    logs, apart = size.clamp(min=1e-300).log(), steps.log()
    local = logs.diff() / apart.diff()
    now, before = float(local[-1]), float(local[-1 - third])
    if now > 12 or (overflows and now > 1.5 * before and now > 2):
        return "exponential", None
    adds = size.diff()
    ratio = float(adds[-1] / adds[-2]) if float(adds[-2]) != 0 else 0.0
    if 0.005 < now < 0.25 and now < 0.95 * before and 0.9 < ratio < 1.25:
        return "logarithmic", None
    return _power(now)


def _power(exponent: float) -> tuple[str, float | None]:
    if exponent < -0.02:
        return "vanishing", exponent
    if exponent <= 0.02:
        return "bounded", None
    if exponent < 0.97:
        return "sublinear", round(exponent, 2)
    return ("linear", 1.0) if exponent <= 1.03 else ("polynomial", round(exponent, 2))


def _named(kind: str, exponent: float | None) -> str:
    if kind == "vanishing":
        return "bounded"
    if kind in ("polynomial", "sublinear") and exponent is not None:
        return "quadratic" if abs(exponent - 2) < 0.03 else f"power({exponent:g})"
    return kind


def _lipschitz(lines: Lines, kinks: Kinks, ends: list[_End], trusted: str) -> tuple[Verdict, float | None]:
    if kinks.jumps:
        return no(f"its value jumps where {kinks.where}" if kinks.where else "its value jumps", *kinks.inputs), None
    if trusted:
        return unresolved(trusted), None
    for end in ends:
        if end.pole or (end.infinite and _grows(end.steepest)):
            first, last = float(end.places[len(end.places) // 2]), float(end.places[-1])
            line = 0
            points = (lines.point(first, line), lines.point(last, line))
            return no(f"its slope grows without limit {end.side}, to {end.largest:.4g} here", *points), None
    slopes = lines.slopes[1]
    near = _near_kinks(lines, kinks)
    if near is not None:
        return near, None
    finite = slopes[slopes.isfinite()].abs()
    if not finite.numel():
        return unresolved("it has no finite slopes"), None
    constant = max(float(finite.max()), *(end.largest for end in ends))
    per_line = slopes.abs().nan_to_num(nan=0.0, posinf=0.0).amax(0)
    varies = lines.subject.scalar and bool(per_line.max() > 1.5 * per_line.min())
    told = "; it is another one for each target" if varies and not lines.subject.labelled else ""
    return yes(f"its slope stays within {constant:.4g}{told}", constant=constant, each=bool(told)), constant


def _near_kinks(lines: Lines, kinks: Kinks) -> Verdict | None:
    """Where the slope goes to infinity beside a kink, as that of a root does."""
    for place, line in kinks.places[:4]:
        if kinks.smooth != 0:
            break
        beside = torch.tensor([1e-3, 1e-5, 1e-7, 1e-9], dtype=torch.float64) * (1 + abs(place))
        for side in (1, -1):
            t = (place + side * beside).unsqueeze(1).expand(-1, lines.count)
            slopes = lines.derivatives(t, 1)[1][:, line].abs()
            if bool(slopes.isfinite().all()) and bool((slopes[1:] > 1.5 * slopes[:-1]).all()):
                points = (lines.point(float(t[0, line]), line), lines.point(float(t[-1, line]), line))
                where = f" where {kinks.where}" if kinks.where else ""
                return no(f"its slope grows without limit{where}, to {float(slopes[-1]):.4g} beside it", *points)
    return None
