"""The worst examples, in words: what moved, by how much, and what came of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .record import Record

#: Examples, and entries of each, that are shown.
_EXAMPLES, _MOVES = 5, 5


def exhibits(record: Record, chosen: Tensor, scale: Tensor | None, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows that suffered most.

    Args:
        record: what was found.
        chosen: which row of the test data each is.
        scale: what moves are measured in, to show the largest first; None for tokens.
        names: of the entries of a row; empty for their places.
    """
    victim = record.victim
    before, after = victim.plain.cpu(), victim.scores(record.inputs).cpu()
    harm = victim.harm(victim.plain, victim.everyone)
    order = (record.harm - harm).argsort(descending=True, stable=True)
    # Of equal ones, the one that takes least is the one to look at.
    worst = [row for row in order.tolist() if record.harm[row] > harm[row]][: 20 * _EXAMPLES]
    size = _size(record, scale)
    worst.sort(key=lambda row: (-(float(record.harm[row] - harm[row])), float(size[row])))
    return [
        {
            "row": int(chosen[row]),
            "target": victim.target[row].tolist(),
            "score": [_plain(before[row]), _plain(after[row])],
            "metric": [float(harm[row]), float(record.harm[row])],
            "loss": [float(victim.loss(victim.plain[[row]], victim.everyone[[row]])), float(record.loss[row])],
            "moved": _moves(victim.inputs[row], record.inputs[row], scale, names),
        }
        for row in worst[:_EXAMPLES]
    ]


def _size(record: Record, scale: Tensor | None) -> Tensor:
    moved = (record.inputs - record.victim.inputs).double().reshape(len(record.inputs), -1)
    if scale is None:
        return (moved != 0).double().sum(-1)
    return (moved / scale.double().reshape(-1).clamp_min(1e-12)).abs().mean(-1)


def _moves(origin: Tensor, moved: Tensor, scale: Tensor | None, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The entries that moved most, with what they were and what they became."""
    shape, gap = origin.shape, (moved.double() - origin.double()).reshape(-1)
    size = gap.abs() if scale is None else gap.abs() / torch.where(scale > 0, scale, 1.0).double().reshape(-1)
    order = size.argsort(descending=True, stable=True)[:_MOVES]
    flat_origin, flat_moved = origin.reshape(-1), moved.reshape(-1)
    return [
        {
            "feature": names[place] if names else _place(place, shape),
            "from": flat_origin[place].item(),
            "to": flat_moved[place].item(),
        }
        for place in order.tolist()
        if gap[place] != 0
    ]


def _place(place: int, shape: torch.Size) -> str:
    found: list[int] = []
    for length in reversed(shape):
        found.append(place % length)
        place //= length
    inner = ", ".join(map(str, reversed(found)))
    return f"entry {inner}" if len(shape) < 2 else f"entry ({inner})"


def _plain(score: Tensor) -> Any:
    return score.tolist()
