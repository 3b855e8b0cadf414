"""Groups within a batch: their means, each group counting once however large it is."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core import ShapeError


def one_axis(loss: str, meets: str, **inputs: Tensor) -> None:
    """Raise unless the first input is (N,), of which `meets` says what its axis tells.

    Raises:
        ShapeError: there is no batch axis, or more than one.
    """
    (first, x), *_ = inputs.items()
    if x.ndim != 1:
        flat = " and ".join(f"{name}.flatten()" for name in inputs)
        raise ShapeError(
            f"{loss}: {first} {tuple(x.shape)} must be (N,), as the one batch axis says {meets}. Use {flat}, or "
            f"torch.vmap(loss)({', '.join(inputs)}) for separate batches."
        )


def group_means(x: Tensor, group: Tensor, keep: Tensor | None) -> Tensor:
    """Of each example, the mean of its group over those that are kept, (N,); 0 for a group that has none."""
    same = _same(group, keep)
    values = x if keep is None else torch.where(keep, x, torch.zeros_like(x))
    return same.to(x.dtype) @ values / same.sum(-1).clamp(min=1)


def groups_once(group: Tensor, keep: Tensor | None, dtype: torch.dtype) -> Tensor:
    """The share of each example, (N,), at which a sum over the batch is the mean over groups; 0 for one left out."""
    size = _same(group, keep).sum(-1)
    kept = size > 0 if keep is None else keep
    once = kept.to(dtype) / size.clamp(min=1)
    return once / once.sum().clamp(min=1)


def _same(group: Tensor, keep: Tensor | None) -> Tensor:
    """Who of those that are kept is in the group of each example, as a row."""
    same = group == group.unsqueeze(-1)
    return same if keep is None else same & keep
