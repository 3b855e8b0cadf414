"""Ranks that change steadily with the scores: the nearest point, among all mixtures of rankings, to the scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from .ties import placed, runs

#: From values along the last axis to the first place of the pool that each belongs to, in their isotonic regression.
Pools = Callable[[Tensor], Tensor]

#: Neighbouring pools as near as this, relative to the largest value, are one: rounding must not tell them apart.
NEAR = 1e-10


def middle_ranks(values: Tensor, there: Tensor) -> Tensor:
    """The rank of each value among those that are there, from 1, ties ranked in the middle."""
    key, order = torch.where(there, values, torch.full_like(values, torch.inf)).sort(-1)
    first, last = runs(key)
    return placed((first + last).to(values.dtype) / 2 + 1, order)


def soft_ranks(scores: Tensor, there: Tensor, pools: Pools) -> Tensor:
    """The soft rank of each score among those that are there, from about 1 for the lowest."""
    key, order = torch.where(there, scores, torch.full_like(scores, torch.inf)).sort(-1)
    here = there.gather(-1, order)
    rank = torch.arange(1, scores.shape[-1] + 1, device=scores.device, dtype=scores.dtype)
    lead = torch.where(here, key - rank, torch.zeros_like(key))
    highest = lead.amax(-1, keepdim=True).abs()
    first = pools(torch.where(here, lead, 2 * highest + 1).detach())
    ones = torch.ones_like(lead)
    size = torch.zeros_like(lead).scatter_add(-1, first, ones).gather(-1, first)
    mean = torch.zeros_like(lead).scatter_add(-1, first, lead).gather(-1, first) / size
    return placed(rank + (lead - mean), order)


def pools_of_all_means(values: Tensor) -> Tensor:
    """The pools, from the means of all stretches of values: n² of them.

    The isotonic regression at a place is the largest, over all stretches that begin by then, of the smallest mean
    of those that go on at least to there.
    """
    length = values.shape[-1]
    place = torch.arange(length, device=values.device)
    sums = F.pad(values.cumsum(-1), (1, 0))
    span = place - place.unsqueeze(-1) + 1
    means = (sums[..., 1:].unsqueeze(-2) - sums[..., :-1].unsqueeze(-1)) / span.clamp(min=1)
    means = torch.where(span > 0, means, torch.full_like(means, torch.inf))
    lowest = means.flip(-1).cummin(-1).values.flip(-1)
    fit = torch.where(span > 0, lowest, torch.full_like(means, -torch.inf)).amax(-2)
    return first_of_pools(values, fit)


def first_of_pools(values: Tensor, fit: Tensor) -> Tensor:
    """The first place of each one's pool, from the isotonic regression of the values."""
    near = NEAR * (1 + values.abs().amax(-1, keepdim=True))
    begins = F.pad(fit.diff(dim=-1) > near, (1, 0), value=True)
    place = torch.arange(values.shape[-1], device=values.device)
    return torch.where(begins, place, place[:1]).cummax(-1).values
