"""What losses of a batch with labels share: who meets whom, how alike they are, and sums over those who meet."""

from __future__ import annotations

import torch
from torch import Tensor

from .distance import direction
from .softplus import softplus


def meetings(label: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of each example, as a row, who is its positive (same label, not itself) and who its negative.

    Whoever is left out is neither, and has none.
    """
    same = label == label.unsqueeze(-1)
    positive, negative = same & ~torch.eye(len(label), dtype=torch.bool, device=label.device), ~same
    if keep is None:
        return positive, negative
    both = keep & keep.unsqueeze(-1)
    return positive & both, negative & both


def similarities(x: Tensor, *, normalise: bool = True) -> Tensor:
    """Cosines of all pairs of rows, or their plain products."""
    x = direction(x) if normalise else x
    return x @ x.mT


def squared_distances(x: Tensor) -> Tensor:
    """Squared Euclidean distances of all pairs of rows."""
    # Distances do not change with the origin, and products around the mean lose fewer digits.
    x = x - x.mean(0)
    own = x.square().sum(-1)
    return (own.unsqueeze(-1) + own - 2 * x @ x.mT).clamp(min=0)


def distances(x: Tensor) -> Tensor:
    """Euclidean distances of all pairs of rows; where two are the same the gradient is 0."""
    square = squared_distances(x)
    nothing = square == 0
    root = torch.where(nothing, torch.ones_like(square), square).sqrt()
    return torch.where(nothing, torch.zeros_like(root), root)


def only(values: Tensor, counted: Tensor) -> Tensor:
    """The values that count, and 0 for the others, whose gradient is 0 too."""
    return torch.where(counted, values, torch.zeros_like(values))


def log_sum(scores: Tensor, counted: Tensor, *, one: bool = False) -> Tensor:
    """The log Σ exp(score) along the last axis over those that count, or log(1 + Σ); over none of them 0."""
    some = counted.any(-1)
    # Where none counts all do, so that a finite number stands in, of which nothing reaches value or gradient.
    allowed = counted | ~some.unsqueeze(-1)
    total = torch.where(allowed, scores, torch.full_like(scores, -torch.inf)).logsumexp(-1)
    return only(softplus(total) if one else total, some)


def over_all(costs: Tensor, counts: Tensor, keep: Tensor | None) -> Tensor:
    """What each anchor costs, so scaled that the mean over anchors is the mean over all that was counted.

    Args:
        costs: the sum of each anchor, over its pairs or triplets.
        counts: how many these are.
        keep: which anchors the mean is over.
    """
    anchors = torch.ones_like(costs, dtype=torch.bool) if keep is None else keep
    return costs * (anchors.sum().to(costs.dtype) / counts.sum().clamp(min=1))


def mean_of(values: Tensor, counted: Tensor) -> Tensor:
    """The mean along the last axis over those that count; over none of them 0."""
    return only(values, counted).sum(-1) / counted.sum(-1).clamp(min=1)
