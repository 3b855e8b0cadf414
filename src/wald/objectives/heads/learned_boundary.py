"""A learned boundary of distances, for all classes or for each."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .rows import refuse_count, refuse_labels


class LearnedBoundary(nn.Module):
    """A learned distance that tells same from different, one for all or one a class: gives each example its own.

    For DistanceMargin. What is learned is its logarithm, so that it stays positive. A boundary grows if nothing holds
    it, since that is cheaper for positives: the authors add nu times its sum to the objective, `nu *
    boundary.value.sum()`. Put it into the optimiser, at a larger learning rate than the network.

    Args:
        classes: how many have a boundary of their own; None for one that all share.
        start: the distance to begin with; 1.2 in the paper, for vectors of length 1.

    Attributes:
        log: the parameter, (classes,) or 0-d.

    Raises:
        ValueError: `start` is not a positive number, or `classes` not a whole number from 1 on.

    >>> import torch, wald
    >>> boundary, loss = wald.LearnedBoundary(), wald.DistanceMargin()
    >>> embedding, label = torch.eye(4)[[0, 0, 1, 2]], torch.tensor([0, 0, 1, 2])
    >>> loss(embedding, label, boundary(label)).isfinite()
    tensor(True)
    """

    def __init__(self, classes: int | None = None, *, start: float = 1.2) -> None:
        super().__init__()
        if classes is not None:
            refuse_count("LearnedBoundary", classes=classes)
        if not 0 < start < math.inf:
            raise ValueError(f"LearnedBoundary: start must be a positive distance, got {start!r}")
        self.log = nn.Parameter(torch.full(() if classes is None else (classes,), math.log(start)))

    @property
    def value(self) -> Tensor:
        """The boundary, (classes,) or 0-d, with a gradient."""
        return self.log.exp()

    def forward(self, label: Tensor) -> Tensor:
        """The boundary of each example, in the shape of `label`.

        Raises:
            DomainError: a label has no class.
            DtypeError: labels are no whole numbers.
        """
        if self.log.ndim == 0:
            return self.value.expand(label.shape)
        refuse_labels("LearnedBoundary", label, len(self.log))
        return self.value[label]
