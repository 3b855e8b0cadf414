"""How many triplets each distance belongs to."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: Up to so many positives an anchor each is compared with all negatives; beyond, a search among them is faster.
_FEW: Final = 64


def counted(near: Tensor, far: Tensor, margin: float, *, semi_hard: bool) -> tuple[Tensor, Tensor]:
    """The triplets that cost something, counted for each positive and for each negative.

    A triplet costs something where the negative is nearer than the positive plus the margin. Of the semi-hard ones
    the negative is also further than the positive.

    Args:
        near: (anchors, positives) distances; minus infinity where there is none.
        far: (anchors, N) distances; infinity where there is no negative.
        margin: what is added to the distance of a positive.
        semi_hard: leave out negatives that are not further than the positive.
    """
    if near.shape[-1] <= _FEW:
        return _compared(near, far, margin, semi_hard=semi_hard)
    return _searched(near, far, margin, semi_hard=semi_hard)


def _compared(near: Tensor, far: Tensor, margin: float, *, semi_hard: bool) -> tuple[Tensor, Tensor]:
    each, most = torch.empty_like(near), torch.zeros_like(far)
    costing, beyond = torch.empty_like(far), torch.empty_like(far) if semi_hard else None
    for place, one in enumerate(near.unbind(-1)):
        torch.lt(far, (one + margin).unsqueeze(-1), out=costing)
        if beyond is not None:
            costing.mul_(torch.gt(far, one.unsqueeze(-1), out=beyond))
        most.add_(costing)
        torch.sum(costing, -1, out=each[:, place])
    return each, most


def _searched(near: Tensor, far: Tensor, margin: float, *, semi_hard: bool) -> tuple[Tensor, Tensor]:
    ranked, order = near.sort(-1)
    # Of how many positives a negative is beyond the margin: of all the others it costs something.
    cleared = torch.searchsorted(ranked + margin, far, right=True)
    each = _upto(cleared, near.shape[-1])
    if semi_hard:
        passed = torch.searchsorted(ranked, far)
        each -= _upto(passed, near.shape[-1])
        most = (passed - cleared).to(far.dtype)
    else:
        most = (near.shape[-1] - cleared).to(far.dtype)
    return torch.empty_like(near).scatter_(1, order, each.to(near.dtype)), most


def _upto(rank: Tensor, places: int) -> Tensor:
    """For each place of a row how many ranks are no greater."""
    start = torch.arange(len(rank), device=rank.device).unsqueeze(-1) * (places + 1)
    found = (rank + start).flatten().bincount(minlength=len(rank) * (places + 1))
    return found.view(len(rank), places + 1).cumsum(-1)[:, :-1]
