"""Logits and what is told of each token by definition: the whole matrix, in differentiable torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from .definition import outputs_of
from .head import Head
from .truth import Truth


def all_logits(head: Head, hidden: Tensor) -> Tensor:
    """The whole matrix of logits, fp32 or wider, of operands that are widened first."""
    dtype = torch.promote_types(hidden.dtype, torch.float32)
    with torch.autocast(hidden.device.type, enabled=False):
        return head.to(dtype).logits(hidden.to(dtype))


def shown(hidden: Tensor, keep: Tensor) -> Tensor:
    """Hidden states without what rows that are left out hold: NaN there may reach neither value nor gradient."""
    return torch.where(keep.unsqueeze(-1), hidden, torch.zeros((), dtype=hidden.dtype, device=hidden.device))


def told_of_tokens(
    head: Head, hidden: Tensor, taken: Tensor, keep: Tensor, names: Iterable[str], temperature: Tensor | None = None
) -> dict[str, Tensor]:
    """What each token gives, by the names of outputs; 0 for tokens that do not count.

    Args:
        head: the head.
        hidden: (rows, features).
        taken: (rows,), class ids.
        keep: (rows,), which of them count.
        names: of `OUTPUTS`, such as "log_prob" and "entropy".
        temperature: (rows,), what the logits are divided by; None for 1.
    """
    logits = all_logits(head, shown(hidden, keep))
    if temperature is not None:
        logits = logits / temperature.unsqueeze(-1)
    found = outputs_of(logits, Truth(torch.where(keep, taken, torch.zeros_like(taken))), names)
    return {name: torch.where(keep, x, torch.zeros_like(x)) for name, x in found.items()}
