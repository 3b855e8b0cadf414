"""How the matrix of all scores is cut into blocks that are made, used and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import torch
from torch import Tensor

#: What one block of scores may take, in bytes. A few MiB stay near the processor and are large enough for matrix
#: products at full speed.
BUDGET: Final = 4 * 2**20

#: Where whole rows of scores are needed at once, they may take this much, in bytes...
ROW_BUDGET: Final = 16 * 2**20

#: ...but a product of fewer rows than these is slow, so that memory may grow with the length of a row.
FEWEST_ROWS: Final = 128

#: Rows of a block; more make no product faster.
ROWS: Final = 512


class Block(NamedTuple):
    """Rows `top` to `bottom`, columns `left` to `right`."""

    top: int
    bottom: int
    left: int
    right: int


def strips(rows: int, columns: int, like: Tensor, *, budget: int = ROW_BUDGET) -> Iterator[tuple[int, int]]:
    """The rows in strips, each with all of its columns."""
    height = min(ROWS, max(FEWEST_ROWS, budget // max(columns * like.element_size(), 1)))
    for top in range(0, rows, height):
        yield top, min(top + height, rows)


def blocks(rows: int, columns: int, like: Tensor, *, upper: bool = False) -> Iterator[Block]:
    """The matrix in blocks; with `upper` only those on and above the diagonal, where one begins each strip."""
    width = max(BUDGET // (ROWS * like.element_size()), 1)
    for top in range(0, rows, ROWS):
        for left in range(top if upper else 0, columns, width):
            yield Block(top, min(top + ROWS, rows), left, min(left + width, columns))


class Buffer:
    """Memory that one block after the other is made in, as fresh memory would cost more than what is done in it."""

    def __init__(self, like: Tensor) -> None:
        self._memory = like.new_empty(0)

    def block(self, rows: int, columns: int) -> Tensor:
        """A block with anything in it, valid until the next one."""
        if self._memory.numel() < rows * columns:
            self._memory = self._memory.new_empty(rows * columns)
        return self._memory[: rows * columns].view(rows, columns)

    def product(self, left: Tensor, right: Tensor, scale: float = 1.0, plus: Tensor | None = None) -> Tensor:
        """`scale * left @ right.T`, and `plus` for each column, valid until the next block."""
        out = self.block(len(left), len(right))
        if plus is None:
            return torch.addmm(out, left, right.T, beta=0, alpha=scale, out=out)
        return torch.addmm(plus, left, right.T, alpha=scale, out=out)

    def sum(self, rows: Tensor, columns: Tensor) -> Tensor:
        """`rows[:, None] + columns`, valid until the next block."""
        out = self.block(len(rows), len(columns))
        return torch.add(rows.unsqueeze(-1), columns, out=out)
