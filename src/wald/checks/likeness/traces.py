"""Whether two losses are the same function: what they give for the same inputs, value and gradient, side by side.

A trace is what one loss gives on a battery of inputs, one unit at a time: a unit is an example, or a whole batch
where examples meet. Two traces are compared up to a factor and a constant, each row relative to its own size, so
that an exponential does not drown the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Values = Callable[..., Tensor]
Relation = Literal["equal", "affine", "flipped", "gradient", "slopes", "different"]

#: Relative differences beyond which two losses differ. A 1e-6 inside a logarithm, as people write it against
#: zeros, stays below; a 1e-4 does not.
VALUE, SLOPE = 5e-4, 3e-3
#: A factor or a constant this near to 1 or 0 is rounding.
_UNIT = 1e-4
#: So many rows must be finite in both for the comparison to mean anything.
_LEAST = 8


@dataclass(frozen=True)
class Trace:
    """What a loss gives on a battery.

    Attributes:
        values: one value for each unit.
        slopes: its derivative in all that is learned, shape (units, entries).
    """

    values: Tensor
    slopes: Tensor

    @property
    def finite(self) -> Tensor:
        """Which units have a finite value."""
        return self.values.isfinite()


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How one trace follows from another: `scale` times it, plus `shift`.

    Attributes:
        relation: equal; affine (up to a positive scale and a shift); flipped (a negative scale); gradient (the
            values agree and the gradients do not); slopes (the gradients agree up to a scale, the values do not
            follow); different.
        scale: the factor.
        shift: the constant.
        gap: the largest relative difference of the values that is left.
        bend: the same of the gradients.
        worst: the unit where they differ most.
        left: the share of the slopes that the other does not explain, as a mean over the units.
    """

    relation: Relation
    scale: float = 1.0
    shift: float = 0.0
    gap: float = torch.inf
    bend: float = torch.inf
    worst: int = 0
    left: float = 1.0


def trace(values: Values, inputs: tuple[Tensor, ...], learned: tuple[int, ...]) -> Trace:
    """What `values` gives for these inputs, one value a unit, and its derivative in the inputs that are learned."""
    leaves = [x.detach().requires_grad_() if i in learned else x for i, x in enumerate(inputs)]
    with torch.enable_grad():
        found = values(*leaves)
        found = found if found.ndim == 1 else found.reshape(len(found), -1).mean(1)
        units = len(found)
        if found.requires_grad:
            slopes = torch.autograd.grad(found.sum(), [leaves[i] for i in learned], materialize_grads=True)
        else:
            slopes = tuple(torch.zeros_like(leaves[i]) for i in learned)
    flat = torch.cat([slope.reshape(units, -1) for slope in slopes], 1)
    return Trace(found.detach().double(), flat.detach().double())


def compared(one: Trace, other: Trace) -> Likeness:
    """How `one` follows from `other`."""
    if one.slopes.shape != other.slopes.shape:
        # One learns from an input that the other takes as given.
        return Likeness(relation="different")
    rows = one.finite & other.finite
    odd = one.finite != other.finite
    if bool(odd.any()):
        return Likeness(relation="different", worst=int(odd.nonzero()[0]))
    every = bool(rows.all())
    if not every and int(rows.sum()) < _LEAST:
        return Likeness(relation="different")
    f, v = (one.values, other.values) if every else (one.values[rows], other.values[rows])
    g, h = (one.slopes, other.slopes) if every else (one.slopes[rows], other.slopes[rows])
    if not bool((g.isfinite() & h.isfinite()).all()):
        good = (g.isfinite() & h.isfinite()).all(1)
        if int(good.sum()) < _LEAST:
            return Likeness(relation="different")
        broken = g.isfinite().all(1) != h.isfinite().all(1)
        g, h = torch.where(good.unsqueeze(1), g, 0.0), torch.where(good.unsqueeze(1), h, 0.0)
    else:
        broken = None
    size = f.abs() + 0.1 * f.abs().median() + 1e-12
    length = g.norm(dim=1)
    length = length + 0.1 * length.median() + 1e-12
    # As they are.
    apart, bent = (f - v).abs() / size, (g - h).norm(dim=1) / length
    if broken is not None:
        bent = torch.where(broken, torch.inf, bent)
    gap, bend = float(apart.max()), float(bent.max())
    if gap < VALUE:
        relation: Relation = "equal" if bend < SLOPE else "gradient"
        worst = int((apart if relation == "equal" else bent).argmax())
        return Likeness(relation=relation, gap=gap, bend=bend, worst=_row(rows, worst), left=0.0)
    plain = int((apart / apart.max() + bent.nan_to_num(posinf=1.0) / bent.nan_to_num(posinf=1.0).max()).argmax())
    # Up to a factor, which the gradients tell, and a constant.
    weighted = h / length.unsqueeze(1)
    power = float((weighted * weighted).sum())
    scale = float((weighted * (g / length.unsqueeze(1))).sum()) / power if power > 0 else 0.0
    away = (g - scale * h).norm(dim=1) / length
    left = float(away.mean())
    rest = f - scale * v
    weight = 1 / size.square()
    shift = float((rest * weight).sum() / weight.sum())
    if float((rest / size).abs().max()) < VALUE:
        shift = 0.0
    apart = (rest - shift).abs() / size
    gap, bend = float(apart.max()), float(away.max())
    relation = "different"
    # A smaller factor is that of rounding beside a gradient of zero.
    if abs(scale) > 1e-9 and bend < SLOPE and broken is None:
        relation = "slopes" if gap >= VALUE else "affine" if scale > 0 else "flipped"
    if abs(scale - 1) < _UNIT:
        scale = 1.0
    return Likeness(relation=relation, scale=scale, shift=shift, gap=gap, bend=bend, worst=_row(rows, plain), left=left)


def _row(rows: Tensor, place: int) -> int:
    return int(rows.nonzero()[place])
