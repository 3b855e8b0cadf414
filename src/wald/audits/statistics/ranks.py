"""Agreement of two orders."""

from __future__ import annotations

import torch
from torch import Tensor


def kendall(x: Tensor, y: Tensor, *, tie: float = 1e-9) -> Tensor:
    """Kendall's τ-b between the last axes of x and y; the axes before them are a batch.

    Args:
        x: (..., k).
        y: (..., k).
        tie: differences up to this share of the range count as ties.

    Returns:
        (...), NaN where one side is constant. Kendall 1945, doi:10.1093/biomet/33.3.239.
    """
    first, second = torch.triu_indices(x.shape[-1], x.shape[-1], 1)

    def order(values: Tensor) -> Tensor:
        gap = values[..., first] - values[..., second]
        scale = values.amax(-1, keepdim=True) - values.amin(-1, keepdim=True)
        return torch.where(gap.abs() <= tie * scale, 0.0, gap.sign()).double()

    up, over = order(x), order(y)
    pairs = (up.abs().sum(-1) * over.abs().sum(-1)).sqrt()
    return (up * over).sum(-1) / pairs


def spearman(x: Tensor, y: Tensor) -> float:
    """Spearman's correlation of two samples, ties at their mean rank; NaN where one of them is constant.

    Spearman 1904, doi:10.2307/1412159.
    """
    first, second = (_middle_ranks(one) for one in (x, y))
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / (first.square().sum() * second.square().sum()).sqrt())


def _middle_ranks(values: Tensor) -> Tensor:
    _, place, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts.double() - 1) / 2)[place]
