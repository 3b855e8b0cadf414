"""How a linear head is cut into pieces: from sizes and a budget in bytes alone, never from the memory that is free.

The same sizes and the same budget give the same pieces, and with them the same rounding, on every machine and in every
run. With N rows, V classes, D features, fp32 sums and `rows` rows of logits at a time, the memory beyond the inputs
and their gradients is

    4·V·(passes·block + rows)             the rows under work and the rows of logits
    + 4·lent·slice                        what is copied out of the gradient of the matrix, where that lends
    + 4·D·(slice + 2·(lent + rows))       half precision: what is widened to fp32
    + 4·V·D                               half precision, unless bf16 and N ≤ D/2: the fp32 sum of the gradient

fp64 has 8 for 4. The last line comes on top of the budget, as it does not depend on it. **The gradient of the matrix
lends its memory**: its V·D numbers are not there before the logits are used up, so the logits of the first D rows lie
where it will be. They cost no memory and no small products: where N ≤ D there is one chunk, whatever the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import torch

from .cache_blocks import CACHED

_MIB: Final = 1 << 20

#: What is copied or widened at a time around a product; a quarter of the budget where that is less.
_SLICE: Final = 4 * _MIB

#: From here on a product is within about an eighth of its speed on all rows, and memory still an eighth of 1,500 rows.
_ROWS: Final = 192

#: The least budget that is taken where none is given.
_LEAST: Final = 16 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlan:
    """The pieces in which a linear head is worked through.

    Attributes:
        rows: rows of logits at a time, beyond those that are lent.
        lent: rows whose logits lie in the memory of the gradient of the matrix.
        block: rows that are worked on at a time, in fp32.
        slice: classes that are copied or widened at a time.
        narrow: whether the gradient of the matrix is made in its own half precision, in one chunk, without a sum.
        chunks: in how many pieces the rows are taken.
        gemms: products of the size of logits, forward and backward together.
        bytes: memory beyond the inputs and their gradients.
    """

    rows: int
    lent: int
    block: int
    slice: int
    narrow: bool
    chunks: int
    gemms: int
    bytes: int

    def holding(self, most: int) -> HeadPlan:
        """The same for rows of logits of which so many at most are held at a time; nothing is lent."""
        return replace(self, rows=min(self.rows, most), lent=0)

    def spans(self, count: int) -> list[tuple[int, int]]:
        """Where each chunk of rows begins and ends; the lent one comes first."""
        if count == 0:
            return []
        first = [(0, self.lent)] if self.lent else []
        return first + [(k, min(k + self.rows, count)) for k in range(self.lent, count, max(self.rows, 1))]


def head_plan(
    count: int,
    features: int,
    classes: int,
    *,
    dtype: torch.dtype = torch.float32,
    memory_budget: int | None = None,
    matrix: bool = True,
    gemms: int = 3,
    passes: int = 1,
) -> HeadPlan:
    """The pieces for `count` rows of `features` numbers and a head of `classes` rows.

    Args:
        count: rows that count; ignored ones do not.
        features: D.
        classes: V.
        dtype: of the operands of the products.
        memory_budget: bytes beyond inputs and gradients; None for what 192 rows of logits take, and 16 MiB at least.
        matrix: whether the gradient of the matrix is wanted (it lends its memory, and may need a sum in fp32).
        gemms: products that the caller will make; only told on.
        passes: blocks of logits that are held at once (2 with a softcap or an entropy).

    Raises:
        ValueError: the budget is too small for one row of logits.
    """
    wide = 8 if dtype == torch.float64 else 4
    half = dtype in (torch.float16, torch.bfloat16)
    # A sum in half precision would lose digits with every chunk, and an fp16 one would underflow as well.
    narrow = matrix and dtype == torch.bfloat16 and features % 2 == 0 and count <= features // 2
    lent = (count if narrow else min(count, features)) if matrix else 0
    left = count - lent
    each = wide * (classes + (2 * features if half else 0))
    share = _LEAST // 4 if memory_budget is None else memory_budget // 4
    block = _within(min(CACHED, share // passes) // (wide * max(classes, 1)), count)
    piece = _within(min(_SLICE, share) // (wide * max(lent, features if half else 0, 1)), classes)
    fixed = wide * (classes * block * passes + lent * piece)
    if half:
        fixed += wide * features * (piece + 2 * lent)
    budget = max(_LEAST, fixed + _ROWS * each) if memory_budget is None else memory_budget
    rows = min(left, (budget - fixed) // each)
    if budget < fixed or (left and rows < 1):
        least = fixed + (each if left else 0)
        raise ValueError(
            f"memory_budget={budget} bytes is too little: {least} are needed for {classes} classes and {features} "
            f"features in {str(dtype).removeprefix('torch.')}. Use memory_budget={_round_up(least + 64 * each, _MIB)}, "
            "which holds 64 rows of logits."
        )
    rows = _evenly(left, rows)
    chunks = (1 if lent else 0) + (-(-left // rows) if left else 0)
    total = wide * classes * features if half and matrix and not narrow else 0
    return HeadPlan(
        rows=rows,
        lent=lent,
        block=block,
        slice=piece,
        narrow=narrow,
        chunks=chunks,
        gemms=gemms,
        bytes=fixed + rows * each + total,
    )


def _within(value: int, most: int) -> int:
    return max(1, min(value, most))


def _evenly(left: int, most: int) -> int:
    """Rows a chunk such that all chunks are about as large, in steps that products like."""
    if left == 0:
        return 0
    even = -(-left // -(-left // most))
    return min(most, _round_up(even, 16))


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step
