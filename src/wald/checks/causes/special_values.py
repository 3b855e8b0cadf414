"""Values of one input at which a formula has no finite value or no derivative: 0, 1, and what is below them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..batches import Run, Slot
from .cause import Suspect, called, listed, rows_of


@dataclass(frozen=True, kw_only=True)
class _Special:
    """A kind of value, where it is found, and what takes its place if no example would be left."""

    code: str
    roles: tuple[str, ...]
    words: str
    fix: str
    bad: Callable[[Tensor], Tensor]
    good: float
    #: What is as bad without being large, so that it is known not to be the size.
    mild: float | None = None


_LOGS: Final = (
    "Keep it inside with torch.clamp before the logarithm, or, better, compute from logits (log_softmax, logsigmoid), "
    "which reach no 0."
)

_SPECIAL: Final = (
    _Special(
        code="W925",
        roles=("prediction",),
        words="below -1, where log(1 + x) has no value",
        fix="Let the model emit what cannot get there (softplus, exp), or clamp before the logarithm.",
        bad=lambda x: x < -1,
        good=0.5,
        mild=-1.5,
    ),
    _Special(
        code="W925",
        roles=("prediction",),
        words="below 0, where a logarithm or root has no value",
        fix="Let the model emit what cannot be negative (softplus, exp), or clamp before the logarithm or root.",
        bad=lambda x: x < 0,
        good=0.5,
        mild=-0.5,
    ),
    _Special(
        code="W921",
        roles=("prediction",),
        words="exactly 0, where the logarithm is infinite and a division or root has no derivative",
        fix=_LOGS,
        bad=lambda x: x == 0,
        good=0.5,
    ),
    _Special(
        code="W921",
        roles=("prediction",),
        words="exactly 1, where log(1 - p) is infinite",
        fix=_LOGS,
        bad=lambda x: x == 1,
        good=0.5,
    ),
    _Special(
        code="W921",
        roles=("prediction",),
        words="exactly 0 or 1, where log(p) or log(1 - p) is infinite",
        fix=_LOGS,
        bad=lambda x: (x == 0) | (x == 1),
        good=0.5,
    ),
    _Special(
        code="W925",
        roles=("prediction",),
        words="at 1 or beyond in size, where arccos, arcsin and artanh have no finite slope",
        fix="Clamp to ±(1 - 1e-6) before the arccos, or use atan2.",
        bad=lambda x: x.abs() >= 1,
        good=0.5,
        mild=1.0,
    ),
    _Special(
        code="W922",
        roles=("target",),
        words="exactly 0, by which the loss divides or whose logarithm it takes",
        fix="Leave such rows out, divide by at least a floor (wald.Percentage(zero='floor')), or use torch.xlogy for "
        "t log t.",
        bad=lambda x: x == 0,
        good=1.0,
    ),
    _Special(
        code="W925",
        roles=("target",),
        words="below 0, where a logarithm or root has no value",
        fix="Leave such rows out, or use a loss for targets of both signs.",
        bad=lambda x: x < 0,
        good=1.0,
        mild=-0.5,
    ),
    _Special(
        code="W926",
        roles=("prediction",),
        words="subnormal, so that 1 / x is infinite",
        fix="Clamp to torch.finfo(x.dtype).tiny or more before dividing or taking a logarithm.",
        bad=lambda x: (x != 0) & (x.abs() < torch.finfo(x.dtype).tiny * 4 if x.is_floating_point() else x == 0),
        good=0.5,
    ),
)


def special_values(run: Run) -> Iterator[Suspect]:
    """Every kind of such a value that is there."""
    for kind in _SPECIAL:
        for slot in run.slots(*kind.roles):
            x = run.inputs[slot.name]
            if slot.name in ("var", "log_probs") or (not x.is_floating_point() and kind.roles == ("prediction",)):
                continue
            if bool((bad := kind.bad(x)).any()) and (found := _of_values(run, slot, kind, bad)) is not None:
                yield found


def _of_values(run: Run, slot: Slot, kind: _Special, bad: Tensor) -> Suspect | None:
    if kind.mild is not None and not _broken_with(run, slot, bad, kind.mild):
        return None
    name, rows, count = called(slot), rows_of(run, slot, bad), int(bad.sum())
    says = f"{count} of {bad.numel()} values of {name} {'is' if count == 1 else 'are'} {kind.words}: {listed(rows)}"
    return Suspect(
        code=kind.code,
        says=says,
        fix=kind.fix,
        tried=f"{kind.good:g} in their place",
        cure=lambda part: part.put(
            **{slot.name: torch.where(kind.bad(y := part.inputs[slot.name]), torch.full_like(y, kind.good), y)}
        ),
        rows=rows,
        facts={"slot": slot.name, "count": count},
    )


def _broken_with(run: Run, slot: Slot, bad: Tensor, value: float) -> bool:
    x = run.inputs[slot.name]
    return run.put(**{slot.name: torch.where(bad, torch.full_like(x, value), x)}).outcome.broken
