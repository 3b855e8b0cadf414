"""What values and gradients are multiplied by: numbers on the device, which nobody waits for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def reciprocal(denominator: Tensor | float, like: Tensor) -> Tensor:
    """1 / denominator in fp32, beside `like`."""
    if isinstance(denominator, Tensor):
        return denominator.detach().to(like.device, torch.float32).reciprocal()
    return torch.full((), 1.0 / float(denominator), dtype=torch.float32, device=like.device)


def weighted(
    values: Callable[[Tensor, Tensor], Tensor], prediction: Tensor, target: Tensor, weight: Tensor | None
) -> Tensor:
    """The weighted values by the definition; of examples that are left out nothing hidden reaches the gradient."""
    wide = prediction.float()
    if weight is None:
        return values(wide, target)
    out = weight == 0
    shown = wide.masked_fill(out.reshape(out.shape + (1,) * (wide.ndim - out.ndim)), 0.0)
    return torch.where(out, 0.0, values(shown, target) * weight)
