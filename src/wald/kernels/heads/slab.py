"""The logits of a chunk of rows in memory that is used again and again."""

from __future__ import annotations

from torch import Tensor

#: Which classes, and their logits, (rows, classes of the piece).
Pieces = list[tuple[slice, Tensor]]


class Slab:
    """The logits of a chunk of rows, later their gradient: whole, or a few classes a piece.

    Attributes:
        pieces: which classes, and their logits, of shape (rows, classes of the piece).
        lent: whether they lie where the gradient of the matrix will be.
    """

    def __init__(self, pieces: Pieces, scratch: Tensor | None) -> None:
        """`scratch` holds a block of whole rows of logits that are lent; None for logits that are not."""
        self.pieces, self._scratch, self.lent = pieces, scratch, scratch is not None

    @property
    def whole(self) -> Tensor:
        """All logits of the rows, of a slab that is not lent."""
        return self.pieces[0][1]

    def read(self, start: int, stop: int) -> Tensor:
        """The logits of a block of rows, contiguous, to be worked on in place."""
        if self._scratch is None:
            return self.whole[start:stop]
        block = self._scratch[: stop - start]
        for part, logits in self.pieces:
            block[:, part] = logits[start:stop]
        return block

    def write(self, start: int, stop: int, block: Tensor) -> None:
        """What `read` gave, changed, back to where it belongs."""
        if self.lent:
            for part, logits in self.pieces:
                logits[start:stop] = block[:, part]
