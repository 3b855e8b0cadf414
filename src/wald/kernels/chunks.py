"""A loss piece by piece: each piece goes through its formula and autograd while it is in the cache.

Eager torch writes every step of a formula to memory and reads it back; a piece of the inputs keeps all steps of the
formula in the cache, and only the gradient is written to memory. What runs is torch's own function where it means the
same, and else the definition itself, so that no formula is written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from ..core.implementation import Implementation, implementations
from .engine import Pass

if TYPE_CHECKING:
    from ..core import Loss

#: So many numbers a piece: with the steps of a formula they stay in the second-level cache.
PIECE: Final = 131_072


def in_pieces(asked: Pass) -> float:
    """An engine that hands each piece to autograd; the examples lie along the first axis."""
    each = asked.prediction.numel() // max(1, len(asked.prediction))
    return sum(map(_one_piece, asked.pieces(max(1, PIECE // max(1, each)))), 0.0)


def _one_piece(asked: Pass) -> float:
    loss, prediction, target, weight, gradient = (
        asked.loss,
        asked.prediction,
        asked.target,
        asked.weight,
        asked.gradient,
    )
    if weight is not None:
        keep = weight != 0
        safe = loss.named_domains[0][1].safe
        prediction = torch.where(keep.reshape(keep.shape + (1,) * (prediction.ndim - keep.ndim)), prediction, safe)
    x = prediction.detach().requires_grad_(gradient is not None)
    with torch.set_grad_enabled(gradient is not None):
        value = _formula(loss, x, target)(x, target)
    found = value.detach()
    if asked.values is not None:
        asked.values.copy_(found)
    if gradient is not None:
        upstream = torch.full_like(found, asked.scale) if weight is None else weight * asked.scale
        gradient.copy_(torch.autograd.grad(value, x, upstream)[0])
    return (found if weight is None else found * weight).sum(dtype=torch.float64).item()


def _formula(loss: Loss, prediction: Tensor, target: Tensor) -> Callable[..., Tensor]:
    for own in _torchs_own(type(loss)):
        if own.accepts(loss, prediction, target):
            return partial(own.run, loss)
    return loss.per_example  # pyright: ignore[reportAttributeAccessIssue]  (every loss has one)


@cache
def _torchs_own(kind: type[Loss]) -> tuple[Implementation, ...]:
    return tuple(each for each in implementations() if each.of is kind and each.name.startswith("torch."))
