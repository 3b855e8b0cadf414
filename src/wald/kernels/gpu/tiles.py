"""How a matrix is cut into tiles, one a program: computed from the length of a row, never tuned by trial.

A tile of 16 numbers a thread loads 128 bits at a time and spills no register; a test compiles every tile for each
generation of GPU and holds that. Trials would cost seconds at the first call, and more at each new width.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The longest row that is held in registers whole, and so read once; and the block in which a longer one is read.
_WHOLE, _PART = 32768, 16384

#: Both, where smoothing or the entropy needs more registers for each number; and where the gradient is made of them
#: alone, without the statistics, half of that and half as many numbers a thread.
_HEAVY = 8192


@dataclass(frozen=True, slots=True)
class Tile:
    """What one program computes.

    Attributes:
        rows: how many rows it holds.
        block: how many columns it reads at a time, a power of two.
        whole: whether one block is the whole row.
        warps: how many times 32 threads work on it.
    """

    rows: int
    block: int
    whole: bool
    warps: int


def tile(columns: int, *, heavy: bool = False, known: bool = False) -> Tile:
    """The tile for rows of so many columns.

    Args:
        columns: the length of a row.
        heavy: whether each number is much work.
        known: whether the statistics are known, and only the gradient is made.

    >>> tile(10), tile(128_256)
    (Tile(rows=64, block=16, whole=True, warps=4), Tile(rows=1, block=16384, whole=False, warps=32))
    """
    largest, part, each = (_HEAVY, _HEAVY, 16) if heavy else (_WHOLE, _PART, 16)
    if heavy and known:
        largest, part, each = largest // 2, part // 2, each // 2
    whole = columns <= largest
    block = max(16, 1 << (columns - 1).bit_length()) if whole else part
    # Short rows share a program. A thread then works on several of them, and needs registers for each.
    rows = max(1, (512 if heavy else 1024) // block)
    return Tile(rows, block, whole, warps=min(32, max(4, rows * block // (32 * each))))
