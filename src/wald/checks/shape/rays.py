"""What a loss cannot see: the size of forecasts, their level, or which of them belongs to which target.

Forecasts are multiplied by factors up to a million, shifted, and shuffled among the examples. What does not change
the loss, it cannot see, and whatever is trained with it is free there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..subjects.subject import BATCH, Inputs, Subject
from ..verdict import MEANINGLESS, Verdict, no, yes

_ROWS = 4 * BATCH
_FACTORS = (1e-3, 0.5, 3.0, 1e3, 1e6)
_SHIFTS = (-1e3, -2.0, 0.7, 1e3)


@dataclass(frozen=True, kw_only=True)
class Rays:
    """What was found; "no" means that the loss cannot see it, and comes with two batches that cost the same.

    Attributes:
        size: whether it sees the size of forecasts.
        level: whether it sees what all forecasts have in common.
        order: whether it sees which forecast belongs to which target.
    """

    size: Verdict
    level: Verdict
    order: Verdict


def measure_rays(subject: Subject) -> Rays:
    """What `subject` sees of the forecasts for a batch."""
    first = subject.domains[0][1]
    real = first.low == -torch.inf and first.high == torch.inf and not first.normalised and not first.integer
    if len(subject.domains) != 2 or not real:
        return Rays(size=MEANINGLESS, level=MEANINGLESS, order=_order(subject))
    x, *rest = subject.inputs(_ROWS)
    level = [(x + by, *rest) for by in _SHIFTS]
    # Scores of classes are compared with each other; what they have in common is meant not to be seen.
    shift = (
        MEANINGLESS if first.axes else _seen(subject, (x, *rest), level, "with {} added to every prediction", _SHIFTS)
    )
    scaled = [(by * x, *rest) for by in _FACTORS]
    return Rays(
        size=_seen(subject, (x, *rest), scaled, "with every prediction times {}", _FACTORS),
        level=shift,
        order=_order(subject),
    )


def _order(subject: Subject) -> Verdict:
    """Whether shuffling the predictions among the examples changes anything."""
    if len(subject.domains) != 2 or subject.domains[1][0] != "target" or not subject.whole:
        return MEANINGLESS
    x, y = subject.inputs(_ROWS)
    orders = [torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    return _seen(subject, (x, y), [(x[order], y) for order in orders], "with the predictions shuffled", (0, 1, 2))


def _seen(subject: Subject, here: Inputs, changed: list[Inputs], told: str, amounts: tuple[float, ...]) -> Verdict:
    """Whether a change of the predictions changes the value, by no more than rounding."""
    before = _value(subject, here)
    other = _value(subject, _others(here))
    if before is None or other is None or torch.equal(before, other):
        return MEANINGLESS
    size = before.abs() + 1e-3 * (1 + before.abs().amax())
    for inputs, amount in zip(changed, amounts, strict=True):
        after = _value(subject, inputs)
        # What is added to a guard against zero shows for small predictions, and hides nothing.
        loose = 1e-4 if abs(amount) < 1 else max(1e-6, 100 * subject.close)
        if after is None or not bool(((after - before).abs() <= loose * size).all()):
            return yes()
    what = told.format(f"{amounts[-1]:g}")
    return no(f"{what} a batch still costs {float(before.mean()):.6g}", here, changed[-1])


def _others(inputs: Inputs) -> Inputs:
    """The same batch with other predictions: a loss that does not see these either is blind to everything."""
    x = inputs[0]
    return (x.flip(0).square() - x, *inputs[1:])


def _value(subject: Subject, inputs: Inputs) -> Tensor | None:
    try:
        found = subject.batch(*inputs).mean().reshape(1) if subject.whole else subject.values(*inputs)
    except (RuntimeError, ValueError, IndexError):
        return None
    found = found.detach().double()
    return found if bool(found.isfinite().all()) else None
