"""What happens to series by accident: gaps, a feed that freezes, jumps of the level, single spikes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .record import Record
from .victim import Victim

#: The share of the steps that is missing or frozen, and how many places are tried.
MISSING, _PLACES = 0.1, 8

#: A jump of the level and a spike, in standard deviations of a feature.
JUMP, SPIKE = 1.0, 4.0


def interruptions(inputs: Tensor, scale: Tensor) -> dict[str, list[Tensor]]:
    """Each kind of accident, at several places: inputs (rows, steps, ...) as they would arrive.

    Args:
        inputs: as they are.
        scale: one standard deviation of each entry; entries of scale 0 are left as they are.
    """
    steps = inputs.shape[1]
    length = max(1, round(MISSING * steps))
    free = scale > 0
    kinds: dict[str, list[Tensor]] = {
        "a gap, filled with the last value before it": [
            _held(inputs, at, at + length) for at in _places(steps, length)
        ],
        "a feed that froze": [_held(inputs, steps - length, steps)],
        "a gap, filled with zeros": [_zeroed(inputs, at, at + length) for at in _places(steps, length)],
        f"a jump of the level by {JUMP:g} sd": [
            _raised(inputs, at, steps, sign * JUMP * scale) for at in _places(steps, 1) for sign in (1, -1)
        ],
        f"a spike of {SPIKE:g} sd in one step": [
            _raised(inputs, at, at + 1, sign * SPIKE * scale) for at in _places(steps, 1) for sign in (1, -1)
        ],
    }
    return {name: [torch.where(free, one, inputs) for one in found] for name, found in kinds.items()}


def worst_interruptions(victim: Victim, limits: tuple[Tensor, Tensor], scale: Tensor) -> Iterator[tuple[str, Record]]:
    """The worst place of each kind for each row; what cannot occur is brought back to what can."""
    low, high = torch.minimum(limits[0], victim.inputs), torch.maximum(limits[1], victim.inputs)
    for name, tried in interruptions(victim.inputs, scale).items():
        record = Record(victim)
        for one in tried:
            moved = torch.minimum(torch.maximum(one, low), high)
            record.see(victim.everyone, moved, victim.scores(moved))
        yield name, record


def _places(steps: int, length: int) -> list[int]:
    last = max(0, steps - length)
    return sorted({round(one) for one in torch.linspace(0, last, _PLACES).tolist()})


def _held(inputs: Tensor, begin: int, end: int) -> Tensor:
    moved = inputs.clone()
    moved[:, begin:end] = inputs[:, max(0, begin - 1), None]
    return moved


def _zeroed(inputs: Tensor, begin: int, end: int) -> Tensor:
    moved = inputs.clone()
    moved[:, begin:end] = 0
    return moved


def _raised(inputs: Tensor, begin: int, end: int, by: Tensor) -> Tensor:
    moved = inputs.clone()
    moved[:, begin:end] = inputs[:, begin:end] + by[begin:end]
    return moved
