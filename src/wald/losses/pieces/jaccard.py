"""The Jaccard loss of a set of errors, extended from sets to errors of any size (Lovász)."""

from __future__ import annotations

import torch
from torch import Tensor


def lovasz(errors: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    """The sum of the errors along the last axis, each times what the Jaccard loss gains as it joins the larger ones.

    Args:
        errors: how far each pixel is from right, not negative.
        truth: 1 where the mask is, 0 elsewhere.
        counted: 1 for a pixel that takes part, 0 for one that does not.
    """
    ordered, order = errors.sort(dim=-1, descending=True, stable=True)
    inside = (truth * counted).gather(-1, order)
    outside = ((1 - truth) * counted).gather(-1, order)
    # What is left of the intersection, and how large the union is, before each pixel is wrong and after.
    left = inside.sum(-1, keepdim=True) - inside.cumsum(-1)
    union = inside.sum(-1, keepdim=True) + outside.cumsum(-1)
    before = union - outside
    # The difference of two ratios, written so that nothing cancels.
    gain = (inside * before + (left + inside) * outside) / (union * before).clamp(min=1e-30)
    # The first wrong pixel loses everything where there was no mask at all.
    gain = torch.where(before > 0, gain, (union > 0).to(gain.dtype))
    return (ordered * gain).sum(-1)
