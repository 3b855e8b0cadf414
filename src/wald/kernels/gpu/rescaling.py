"""A gradient times what comes from above, when only the device knows that number."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .available import has_triton

_BLOCK = 4096


def rescaled(gradient: Tensor, factor: Tensor) -> Tensor:
    """`gradient` times one number on its GPU, in the memory of the gradient.

    After `loss.backward()` that number is 1. It cannot be looked at without waiting for the device, so the device
    looks: where it is 1, nothing is read or written.
    """
    if not (has_triton() and gradient.is_contiguous() and gradient.dtype != torch.float64):
        return gradient.mul_(factor)
    from .programs.elementwise import rescale

    program: Any = rescale
    size = gradient.numel()
    if size:
        with torch.cuda.device_of(gradient):
            program[(-(-size // _BLOCK),)](gradient, factor, size, BLOCK=_BLOCK, num_warps=8)
    return gradient
