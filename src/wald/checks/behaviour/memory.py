"""Numbers left behind in freed memory, so that what was never written shows."""

from __future__ import annotations

from typing import Final

import torch

#: No loss is as large by chance.
_LEFT: Final = (3.3e33, -7.7e11)
_SIZES: Final = (1, 2, 4, 8, 16, 32)


def litter(attempt: int) -> None:
    """Leave a number in freed memory, in pieces of the sizes that a loss of a few rows asks for.

    Args:
        attempt: another number and another count of pieces each time.
    """
    value, copies = _LEFT[attempt % len(_LEFT)], attempt + 1
    held = [
        torch.full((size,), value, dtype=dtype)
        for size in _SIZES
        for dtype in (torch.float32, torch.float64)
        for _ in range(copies)
    ]
    del held


def looks_found(value: torch.Tensor) -> bool:
    """Whether a number is one that addresses look like: too small to be normal, and not zero."""
    x = value.detach().abs()
    return x.is_floating_point() and bool(((x > 0) & (x < torch.finfo(x.dtype).tiny)).any())
