"""Lengths and directions of vectors whose gradient is finite everywhere, and exact wherever there is one."""

import torch
from torch import Tensor


def length(x: Tensor) -> Tensor:
    """The Euclidean length along the last axis; at the zero vector its gradient is the subgradient 0."""
    square = x.square().sum(-1)
    nothing = square == 0
    # The root is taken where it has a slope; what stands in elsewhere reaches neither value nor gradient.
    root = torch.where(nothing, torch.ones_like(square), square).sqrt()
    return torch.where(nothing, torch.zeros_like(root), root)


def direction(x: Tensor) -> Tensor:
    """`x` at length 1; a vector too short to have a direction becomes the zero vector, and gets no gradient.

    Anything longer than 1e-12, where torch's own normalize stops too, is brought to length 1 exactly.
    """
    size = length(x).unsqueeze(-1)
    directed = ~(size <= 1e-12)  # so written, NaN stays NaN
    return torch.where(directed, x, torch.zeros_like(x)) / torch.where(directed, size, torch.ones_like(size))


def apart(a: Tensor, b: Tensor, kind: str) -> Tensor:
    """How far the vectors of each pair are from each other: their "euclidean" or their "cosine" distance, 1 - cos."""
    return 1 - (direction(a) * direction(b)).sum(-1) if kind == "cosine" else length(a - b)
