"""The features of a batch as variables: what losses of their variances and correlations share."""

from __future__ import annotations

import torch
from torch import Tensor


def centred(x: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
    """The features less their means over the rows that are kept, 0 elsewhere, and how many these are, at least 1."""
    kept = torch.ones_like(x[:, :1], dtype=torch.bool) if keep is None else keep.unsqueeze(-1)
    rows = kept.sum().clamp(min=1).to(x.dtype)
    nothing = torch.zeros_like(x)
    mean = torch.where(kept, x, nothing).sum(0) / rows
    return torch.where(kept, x - mean, nothing), rows
