"""Where a candidate agrees with a loss of the catalogue: on which examples, in which batches, up to which factors."""

from __future__ import annotations

import torch

from ...core import Loss
from ..mistakes import mistakes_of
from .canon import canonical
from .claim import Found
from .fitting import same_inputs
from .reading import ReadAs
from .traces import Likeness, Trace, compared

#: One unit in so many must have a finite value.
ENOUGH = 5


def held_beside(reading: ReadAs, loss: Loss) -> Likeness:
    """How a candidate follows from a loss of the catalogue, unit by unit."""
    trace = canonical(loss)
    return Likeness(relation="different") if trace is None else compared(reading.alone, trace)


def enough(reading: ReadAs) -> bool:
    """Whether it gives enough numbers to compare, for examples alone or at least for a batch."""
    alone = int(reading.alone.finite.sum()) * ENOUGH > len(reading.alone.values)
    return alone or bool(reading.value.isfinite().all())


def same_reading(one: ReadAs, other: ReadAs) -> bool:
    """Whether two ways of calling a loss are one, as where ids are labels too."""
    same = same_inputs(one.loss) == same_inputs(other.loss)
    return same and torch.equal(one.alone.values.nan_to_num(), other.alone.values.nan_to_num())


def meets(reading: ReadAs) -> str:
    """Whether examples meet where they should not."""
    if reading.coupled or reading.value.numel() > 1 or not bool(reading.alone.values[:7].isfinite().all()):
        return ""
    values = reading.alone.values[:7]
    near = any(torch.allclose(reading.value, one, rtol=1e-3, atol=1e-9) for one in (values.mean(), values.sum()))
    return "" if near else ". What an example costs depends on the other examples of its batch"


def partly(reading: ReadAs, loss: Loss) -> str:
    """Where it agrees after all, if one number tells that: a clamp, a threshold, a side that is forgotten."""
    trace = canonical(loss)
    if trace is None or reading.coupled or len(reading.inputs) != 2:
        return ""
    x, y = reading.inputs
    if x.ndim != 1 or y.ndim != 1:
        return ""
    same = ((reading.alone.values - trace.values).abs() <= 1e-6 * (1 + trace.values.abs())) & (
        (reading.alone.slopes - trace.slopes).abs().amax(1) <= 1e-6 * (1 + trace.slopes.abs().amax(1))
    )
    if not len(same) // 6 <= int(same.sum()) < len(same):
        return ""
    shown = {"the prediction": x, "the target": y.double(), "prediction - target": x - y}
    for name, number in (*shown.items(), *((f"|{name}|", number.abs()) for name, number in shown.items())):
        inside, outside = number[same], number[~same]
        if float(inside.max()) < float(outside.min()):
            return f". They agree wherever {name} is at most {float(inside.max()):.3g}, and nowhere beyond"
        if float(inside.min()) > float(outside.max()):
            return f". They agree wherever {name} is at least {float(inside.min()):.3g}, and nowhere below"
    return ""


def worst(reading: ReadAs, loss: Loss) -> int:
    """The unit where a candidate differs most from a loss of the catalogue."""
    return held_beside(reading, loss).worst


def nothing(reading: ReadAs) -> Trace:
    """A trace that is like nothing."""
    alone = reading.alone
    return Trace(torch.full_like(alone.values, torch.nan), torch.full_like(alone.slopes, torch.nan))


def adds_up(reading: ReadAs, trace: Trace, likeness: Likeness) -> bool:
    """Whether a batch costs the mean or the sum of what its examples cost alone, as far as that can be seen."""
    found = reading.value
    if reading.coupled or found.numel() > 1 or reading.loss.share(*reading.inputs) is not None:
        return True
    values = trace.values[:7] if likeness.relation == "equal" else reading.alone.values[:7]
    if not bool(values.isfinite().all()):
        return True
    return any(torch.allclose(found, one, rtol=1e-3, atol=1e-9) for one in (values.mean(), values.sum()))


def in_batches(reading: ReadAs, loss: Loss, relations: tuple[str, ...] = ("equal", "affine")) -> Found | None:
    """The mistake that a candidate is in batches."""
    try:
        together = reading.together
    except Exception:
        return None
    for mistake in mistakes_of(loss):
        if not mistake.whole:
            continue
        trace = canonical(loss, mistake, together=True)
        if trace is not None and (likeness := compared(together, trace)).relation in relations:
            return Found(reading, loss, likeness, (mistake,))
    return None


def factors(candidate: Trace, trace: Trace, target: torch.Tensor) -> tuple[float, ...] | None:
    """What each class is multiplied by, where that is all that differs."""
    ratio = candidate.values / trace.values
    found: list[float] = []
    for each in range(int(target.max()) + 1):
        own = ratio[target == each]
        middle = float(own.median())
        if not len(own) or not bool((own - middle).abs().max() <= 1e-4 * abs(middle)) or middle <= 0:
            return None
        found.append(float(f"{middle:.4g}"))
    return None if max(found) - min(found) < 1e-4 else tuple(found)
