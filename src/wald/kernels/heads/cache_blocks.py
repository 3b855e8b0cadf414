"""A chunk of logits block by block, so that a block stays in the cache between one step and the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

#: How large a block is on a CPU.
_BYTES: Final = 1 << 19


def blocks(matrix: Tensor) -> Iterator[slice]:
    """Slices of its rows, of which each fits the cache of a CPU; all of it at once elsewhere."""
    rows = max(len(matrix), 1)
    size = max(_BYTES // (matrix.shape[-1] * matrix.element_size() or 1), 1)
    step = size if matrix.device.type == "cpu" else rows
    for start in range(0, len(matrix), step):
        yield slice(start, start + step)
