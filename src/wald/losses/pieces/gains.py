"""Gains and discounts: how NDCG values what stands where in a list."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .ties import placed


def places(scores: Tensor, relevance: Tensor, there: Tensor) -> Tensor:
    """The place of each item by its score, 1 for the highest; empty places come last.

    Of items that score alike the less relevant one stands first: the worst order that the scores allow, so that the
    layout of a list never decides.
    """
    by_relevance = (
        torch.where(there, relevance, torch.full_like(relevance, torch.inf)).sort(dim=-1, stable=True).indices
    )
    ordered = torch.where(there, scores, torch.full_like(scores, -torch.inf)).gather(-1, by_relevance)
    order = by_relevance.gather(-1, ordered.sort(dim=-1, descending=True, stable=True).indices)
    place = torch.arange(1, scores.shape[-1] + 1, device=scores.device)
    return placed(place.expand(order.shape).contiguous(), order)


def discount(place: Tensor) -> Tensor:
    """What a place is divided by: 1 for the first, log2(1 + place) for any."""
    return torch.log1p(place) / math.log(2)


def normalised_gains(relevance: Tensor, there: Tensor, k: int | None = None) -> Tensor:
    """(2^relevance - 1) / the best DCG that the first `k` places of the list can have.

    A relevance below 0 counts as 0; where nothing is relevant all gains are 0. However large, no relevance overflows.
    """
    graded = torch.where(there, relevance, torch.zeros_like(relevance)).clamp(min=0)
    if graded.shape[-1] == 0:
        return graded
    # Numerator and denominator are both divided by the largest power.
    top = graded.amax(-1, keepdim=True)
    gains = -torch.exp2(graded - top) * torch.expm1(-graded * math.log(2))
    best = gains.sort(-1, descending=True).values[..., :k]
    place = torch.arange(1, best.shape[-1] + 1, device=best.device).to(best.dtype)
    total = (best / discount(place)).sum(-1, keepdim=True)
    return gains / torch.where(total > 0, total, torch.ones_like(total))
