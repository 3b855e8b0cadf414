"""Equal values in sorted order: where each run of them begins and ends."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)


def runs(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """For each of the values, sorted along the last axis, the first and the last place that hold the same value.

    Twice the rank of a value, ties ranked in the middle, is the sum of both.
    """
    edge = ordered[..., 1:] != ordered[..., :-1]
    begins, ends = (F.pad(edge, side, value=True)[..., : ordered.shape[-1]] for side in ((1, 0), (0, 1)))
    place = torch.arange(ordered.shape[-1], device=ordered.device)
    if ordered.shape[-1] == 0:
        return place.expand(ordered.shape), place.expand(ordered.shape)
    first = torch.where(begins, place, place[:1]).cummax(-1).values
    last = torch.where(ends, place, place[-1:]).flip(-1).cummin(-1).values.flip(-1)
    return first, last


def placed(values: Tensor, order: Tensor) -> Tensor:
    """Values in sorted order, each back where it came from."""
    return torch.zeros_like(values).scatter(-1, order, values)
