"""A chunk of logits block by block, so that a block stays in the cache between one step and the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

#: Bytes that stay in the second cache of a CPU while several steps pass over them.
CACHED: Final = 1 << 20


def blocks(matrix: Tensor) -> Iterator[slice]:
    """Slices of rows that leave half the cache of a CPU to what is made beside them; elsewhere all rows."""
    rows = max(len(matrix), 1)
    size = max(CACHED // 2 // (matrix.shape[-1] * matrix.element_size() or 1), 1)
    step = size if matrix.device.type == "cpu" else rows
    for start in range(0, len(matrix), step):
        yield slice(start, start + step)


def scored(
    logits: Tensor, bias: Tensor | None, temperature: float | Tensor | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Blocks of logits, each with the bias added and divided by the temperature (one number, or one a row) in place."""
    for rows in blocks(logits):
        z = logits[rows]
        if bias is not None:
            z.add_(bias)
        if isinstance(temperature, Tensor):
            z.mul_(temperature[rows].reciprocal().unsqueeze(-1))
        elif temperature is not None and temperature != 1:
            z.mul_(1 / temperature)
        yield rows, z
