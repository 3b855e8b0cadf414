"""Soft ranks: the pools of an isotonic regression by merging neighbours, in linear time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ...core import implements
from ...losses import SoftSpearman
from ...losses.pieces.soft_ranks import first_of_pools
from ..eligible import eligible

Array = NDArray[Any]

#: As long as a sweep over all pools merges this share of them, there is another.
_WORTH_A_SWEEP: Final = 0.05


def _accepts(loss: SoftSpearman, scores: Tensor, relevance: Tensor) -> bool:
    return eligible(scores, relevance)


@implements(SoftSpearman, name="pools by merging", accepts=_accepts)
def _soft_spearman(loss: SoftSpearman, scores: Tensor, relevance: Tensor) -> Tensor:
    return loss.by_pools(scores, relevance, pools_by_merging)


def pools_by_merging(values: Tensor) -> Tensor:
    """The first place of each one's pool, by merging pools that stand in the wrong order until none does.

    Which are merged first makes no difference. Sweeps over all pools at once take nearly all of them; what the last
    sweeps would merge one by one, a stack does.
    """
    rows, length = values.reshape(-1, values.shape[-1]).shape
    sums, counts = values.reshape(-1).numpy().copy(), np.ones(rows * length, dtype=np.int64)
    row = np.repeat(np.arange(rows), length)
    while True:
        means = sums / counts
        wrong = (means[1:] <= means[:-1]) & (row[1:] == row[:-1])
        merged = int(wrong.sum())
        if merged <= _WORTH_A_SWEEP * len(sums):
            break
        starts = np.flatnonzero(np.concatenate([[True], ~wrong]))
        sums, counts, row = np.add.reduceat(sums, starts), np.add.reduceat(counts, starts), row[starts]
    if merged:
        sums, counts = _stacked(sums, counts, row)
    fit = torch.from_numpy(np.repeat(sums / counts, counts)).reshape(values.shape)
    return first_of_pools(values, fit)


def _stacked(sums: Array, counts: Array, row: Array) -> tuple[Array, Array]:
    """The same pools with every wrong order merged, one after the other."""
    stack: list[tuple[float, int, int]] = []
    for total, count, where in zip(sums.tolist(), counts.tolist(), row.tolist(), strict=True):
        while stack and stack[-1][2] == where and stack[-1][0] / stack[-1][1] >= total / count:
            before, many, _ = stack.pop()
            total, count = total + before, count + many
        stack.append((total, count, where))
    return np.array([each[0] for each in stack]), np.array([each[1] for each in stack])
