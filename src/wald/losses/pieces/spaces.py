"""A distribution over classes, whichever space it comes in."""

import torch
from torch import Tensor

#: Probabilities over the last axis, and their logarithms.
Distribution = tuple[Tensor, Tensor]


def distribution(x: Tensor, space: str) -> Distribution:
    """Probabilities over the last axis, and their logarithms.

    Args:
        x: the distribution, (*batch, classes).
        space: "logits", "log_probabilities" or "probabilities".
    """
    if space == "probabilities":
        none = x == 0
        # Zero is replaced before the logarithm, whose slope there would be infinite.
        return x, x.masked_fill(none, 1.0).log().masked_fill(none, -torch.inf)
    logs = x.log_softmax(-1) if space == "logits" else x
    return logs.exp(), logs


def divergence(own: Tensor, log_own: Tensor, log_other: Tensor) -> Tensor:
    """Σ own (log own - log other), where 0 log 0 is 0 with a finite slope."""
    return (own * (log_own - log_other).masked_fill(own == 0, 0.0)).sum(-1)
