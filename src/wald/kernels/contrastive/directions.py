"""Vectors brought to length 1, and gradients brought back, without a graph."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

#: As short as this a vector has no direction, as in the definition.
_NOTHING: Final = 1e-12


class Directions(NamedTuple):
    """Vectors as a loss looks at them: at length 1, or as they are.

    Attributes:
        vectors: what the scores are made of.
        inverse: one over the lengths that the vectors had, in a column; 0 for a vector too short to have a direction,
            which becomes the zero vector and gets no gradient. None where the vectors are as they were.
    """

    vectors: Tensor
    inverse: Tensor | None

    @classmethod
    def of(cls, x: Tensor, *, normalise: bool, inplace: bool = False) -> Directions:
        """The vectors of a loss with this field; `inplace` overwrites them."""
        if not normalise:
            return cls(x, None)
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        directed = ~(size <= _NOTHING)  # so written, NaN stays NaN
        inverse = torch.where(directed, 1 / size, torch.zeros_like(size))
        return cls(x.mul_(inverse) if inplace else x * inverse, inverse)

    def back(self, gradient: Tensor) -> Tensor:
        """What a gradient of `vectors` says of the vectors as they came, in the memory of the gradient."""
        if self.inverse is None:
            return gradient
        along = (gradient * self.vectors).sum(-1, keepdim=True)
        return gradient.addcmul_(self.vectors, along, value=-1).mul_(self.inverse)
