"""Weights that turn the loss around, or that leave one side of the labels without a voice.

A negative weight pays for being wrong. A `pos_weight` should be near the number of negatives for each positive: a
thousand times that, and the model says yes to everything.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, called, mend, numbers, run_of, spread

F = torch.nn.functional

#: One side of the labels weighs so many times the other before it is called extreme.
_EXTREME = 1000.0


def look(run: Run) -> Iterator[Suspect]:
    """Negative weights, and one-sided ones."""
    for slot in run.slots("weight", "class weight"):
        x = run.inputs[slot.name]
        if x.numel() and bool((x < 0).any()):
            yield Suspect(
                code="W946",
                says=f"{int((x < 0).sum())} of {x.numel()} values of {called(slot)} are negative (least "
                f"{x.min():.3g}): the loss of such a row is driven up",
                fix="Use weights from 0 on.",
                tried="weights of 0 in their place",
                cure=mend(slot.name, lambda w: w.clamp(min=0)),
            )
    if not run.outcome.broken:
        yield from _one_sided(run)


def _one_sided(run: Run) -> Iterator[Suspect]:
    weight, target = _pos_weight(run), run.target
    if weight is None or target is None or not target.numel() or weight.numel() != 1:
        return
    seen = target[target.isfinite()] if target.is_floating_point() else target
    yes = seen.double().sum().item()
    no = seen.numel() - yes
    given = weight.double().item()
    if yes <= 0 or no <= 0 or given <= 0:
        return
    balance = given * yes / no
    if max(balance, given) < _EXTREME or (1 / _EXTREME < balance < _EXTREME):
        return
    yield Suspect(
        code="W947",
        says=(
            f"pos_weight={given:g} makes the {yes:g} positives weigh {balance:.3g} times the {no:g} negatives: the "
            "best answer is yes to everything"
        ),
        fix=f"Use about {no / yes:.3g} (negatives for each positive) at most.",
        tried="measuring the share of the positives in the gradient",
        cure=None,
        facts={"balance": balance},
    )


def _pos_weight(run: Run) -> Tensor | None:
    if "pos_weight" in run.inputs:
        return run.inputs["pos_weight"]
    held = getattr(run.call.function, "pos_weight", None)
    if isinstance(held, (int, float)):
        return torch.tensor(float(held))
    return held if isinstance(held, Tensor) else None


def _weighed(lowest: float) -> Run:
    return run_of(F.mse_loss, input=spread(3), target=spread(3).flip(0), weight=numbers(1, 2, lowest))


RULE = Cause(
    codes={"W946": "negative weights", "W947": "an extreme pos_weight"},
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: _weighed(-1),
    clean=lambda: _weighed(0.5),
)
