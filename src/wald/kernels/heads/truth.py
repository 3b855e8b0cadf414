"""What is true of each row of a head: a class, a distribution, or a distribution over a few classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true of each row: a class, a distribution, or a distribution over a few classes.

    Attributes:
        target: as the loss takes it, class ids (rows,) or probabilities (rows, V); of a few classes their
            probabilities (rows, k).
        few: which few classes these are, (rows, k); None for the others.
        index: the rows that count; None for all.
    """

    target: Tensor
    few: Tensor | None = None
    index: Tensor | None = None

    @property
    def soft(self) -> bool:
        """Whether it is a distribution."""
        return self.target.is_floating_point()

    def at(self, rows: slice) -> Truth:
        """The truth of a block of rows."""
        where = rows if self.index is None else self.index[rows]
        return Truth(self.target[where], None if self.few is None else self.few[where])

    def dense(self, classes: int, dtype: torch.dtype) -> Tensor:
        """As the losses take it: class ids, or probabilities of all classes in this dtype."""
        if not self.soft:
            return self.target
        shares = self.target.to(dtype)
        if self.few is None:
            return shares
        return shares.new_zeros((*shares.shape[:-1], classes)).scatter_add(-1, self.few, shares)

    def likeliest(self) -> Tensor:
        """The class that each row gives the most."""
        if not self.soft:
            return self.target
        most = self.target.argmax(-1, keepdim=True)
        return (most if self.few is None else self.few.gather(-1, most)).squeeze(-1)

    def of(self, x: Tensor) -> Tensor:
        """What `x`, one number a class (V,) or rows of them (rows, V), has where the probabilities are."""
        if self.few is None:
            return x
        return x[self.few] if x.ndim == 1 else x.gather(-1, self.few)
