"""Sums over rows that count for more or less than one: weight k is k copies."""

from __future__ import annotations

import torch
from torch import Tensor

from ..statistics import weighted_mean as mean

__all__ = ["mean", "ones_like", "quantile"]


def ones_like(rows: Tensor, weight: Tensor | None) -> Tensor:
    """The weights, (rows,) float64."""
    return torch.ones(len(rows), dtype=torch.float64) if weight is None else weight.double()


def quantile(values: Tensor, level: float, weight: Tensor | None) -> float:
    """The least value that this share of the weight does not exceed; the middle between two where it is even."""
    ordered, order = values.double().sort()
    ends = ones_like(values, weight)[order].cumsum(0)
    place = level * float(ends[-1])
    low = int(torch.searchsorted(ends, place, right=False))
    high = int(torch.searchsorted(ends, place, right=True))
    last = len(ordered) - 1
    return (float(ordered[min(low, last)]) + float(ordered[min(high, last)])) / 2
