"""What losses of a text and its frames share: padded labels, lengths, and sums over paths."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ...core import DomainError

#: The log-probability of what cannot be: far below every other, and finite, so that sums and slopes are.
NEVER: Final = -1e30


def within(target: Tensor, length: Tensor, otherwise: int) -> Tensor:
    """The labels up to the length, and beyond it this id, whatever was written there."""
    said = torch.arange(target.shape[-1], device=target.device) < length.unsqueeze(-1)
    return torch.where(said, target, torch.full_like(target, otherwise))


def refuse_lengths(loss: str, symbols: int, target: Tensor, blank: int, **counted: tuple[Tensor, int]) -> None:
    """Raise unless there are as many frames and labels as is said, and each label is a symbol.

    Raises:
        DomainError: with what is said, and what is there.
    """
    (one, (some, few)), (other, (rest, many)) = counted.items()
    swapped = bool(((some <= many) & (rest <= few)).all())
    for name, (count, most) in counted.items():
        beyond = count[count > most]
        if beyond.numel():
            fix = f"Use {name}.clamp(max={most}), or give the whole table."
            fix = f"{one} and {other} look swapped: {one} comes first." if swapped else fix
            raise DomainError(f"{loss}: {name} says {beyond[0].item()}, and the table has {most}. {fix}")
    wrong = target[(target >= symbols) | (target == blank)]
    if wrong.numel():
        raise DomainError(
            f"{loss}: target contains {wrong[0].item()}; expected ids from 0 to {symbols - 1}, without the blank, "
            f"{blank}. Use length= for how many labels count, or blank= for another id of the blank."
        )


def unlikely(total: Tensor) -> Tensor:
    """-log of a sum over paths; infinite, without a slope, where there was none."""
    return torch.where(total > NEVER / 2, -total, torch.inf)
