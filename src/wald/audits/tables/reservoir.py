"""A sample of rows that stream past, each as likely to be kept as any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..reading.libraries import pandas

#: The most rows that any audit looks at.
ROWS = 30_000

#: What kept inputs may come to, in bytes: large rows are kept in smaller number.
_BYTES = 2**30


@dataclass
class Reservoir:
    """Keeps a uniform sample of the rows that it is shown, whatever their number. Vitter 1985 has the idea.

    Every row draws a number, and those with the smallest numbers are kept: that is a uniform sample, needs no length
    in advance, and is the same for the same seed however the rows are cut into batches.

    Attributes:
        most: how many rows are kept.
        seed: what the numbers are drawn from.
        last: keep the last rows, and not a sample, where rows have an order of time.
        seen: how many rows were shown.
    """

    most: int = ROWS
    seed: int = 0
    last: bool = False
    seen: int = 0
    _kept: list[tuple[tuple[Any, ...], Tensor, Tensor]] = field(
        default_factory=list[tuple[tuple[Any, ...], Tensor, Tensor]]
    )
    _source: torch.Generator | None = None

    def add(self, *columns: Any, here: Tensor | None = None, order: Tensor | None = None) -> None:
        """Show a batch: any number of things with a value for each row.

        Args:
            columns: tensors, arrays, data frames or lists.
            here: which of the rows may be kept, (rows,) bool; None for all.
            order: their times, (rows,), where they do not come in order of time.
        """
        rows = len(columns[0])
        if rows == 0:
            return
        place = torch.arange(self.seen, self.seen + rows)
        self.seen += rows
        if self._source is None:
            self._source = torch.Generator().manual_seed(self.seed)
            self.most = max(1, min(self.most, _BYTES // max(1, _size(columns[0]) // rows)))
        if self.last:
            key = -(place if order is None else order).double()
        else:
            key = torch.rand(rows, generator=self._source, dtype=torch.float64)
        if here is not None:
            place, key = place[here], key[here]
        # A row that is not below the worst that is kept will never be among the best.
        below = key <= self._edge
        place, key = place[below], key[below]
        if len(place):
            picked = place - (self.seen - rows)
            self._kept.append((tuple(taken(one, picked) for one in columns), key, place))
        if sum(len(key) for _, key, _ in self._kept) > 2 * self.most:
            self._prune()

    _edge: float = float("inf")

    def rows(self) -> Tensor:
        """The places of the rows that were kept, in order."""
        self._prune()
        return torch.cat([place for _, _, place in self._kept]) if self._kept else torch.zeros(0, dtype=torch.long)

    def columns(self) -> tuple[Any, ...]:
        """What was kept, in the order of the rows."""
        self._prune()
        return tuple(joined(parts) for parts in zip(*(columns for columns, _, _ in self._kept), strict=True))

    def _prune(self) -> None:
        keys = torch.cat([key for _, key, _ in self._kept]) if self._kept else torch.zeros(0)
        if len(keys) <= self.most:
            return
        self._edge = float(keys.kthvalue(self.most).values)
        kept: list[tuple[tuple[Any, ...], Tensor, Tensor]] = []
        for columns, key, place in self._kept:
            below = (key <= self._edge).nonzero()[:, 0]
            if len(below):
                kept.append((tuple(taken(one, below) for one in columns), key[below], place[below]))
        self._kept = kept


def taken(values: Any, rows: Tensor) -> Any:
    """Some of the rows, as a copy that keeps the others from memory."""
    if isinstance(values, Tensor):
        return values[rows.to(values.device)].clone()
    if hasattr(values, "iloc"):
        return values.iloc[rows.numpy()].copy()
    if isinstance(values, list | tuple):
        return [values[row] for row in rows.tolist()]
    return np.array(values[rows.numpy()])


def joined(parts: Sequence[Any]) -> Any:
    """Batches as one."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(list(parts))
    if hasattr(first, "iloc"):
        return pandas().concat(list(parts), ignore_index=True)
    if isinstance(first, list):
        return [one for part in parts for one in part]
    return np.concatenate(list(parts))


def _size(values: Any) -> int:
    if isinstance(values, Tensor):
        return values.nelement() * values.element_size()
    if hasattr(values, "memory_usage"):
        found = values.memory_usage(deep=False)
        return int(found.sum()) if hasattr(found, "sum") else int(found)
    return int(getattr(values, "nbytes", 0))
