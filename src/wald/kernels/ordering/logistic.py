"""The logistic loss over all pairs of a positive and a negative: no sort gives it, so it goes by blocks of pairs.

Time grows with the number of pairs, memory with the number of examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from ...core import implements
from ...losses import PairwiseLogistic
from ...losses.pieces.pairs import mean_over
from ...losses.pieces.softplus import softplus
from ..eligible import eligible
from ..one_pass import Gradients
from ..two_passes import two_passes

#: So many pairs a block: with the steps of the formula they stay in the second-level cache.
_BLOCK: Final = 65_536


def _accepts(loss: PairwiseLogistic, prediction: Tensor, target: Tensor) -> bool:
    return prediction.ndim == 1 and not target.requires_grad and eligible(prediction, target)


@implements(PairwiseLogistic, name="blocks of pairs", accepts=_accepts)
def _logistic(loss: PairwiseLogistic, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
    def values(prediction: Tensor) -> tuple[Tensor, _Sides]:
        sides = _Sides(target, keep)
        above, below = sides.sums()
        no, yes = (x.to(prediction.dtype) for x in (sides.no[sides.columns], sides.yes[sides.rows]))
        for here, lag in sides.blocks(loss.scale * prediction):
            cost = softplus(lag)
            above[here] = cost @ no
            below += yes[here] @ cost
        found = torch.zeros_like(sides.yes)
        found[sides.rows] = sides.as_yes[sides.rows] * above
        found[sides.columns] += sides.as_no[sides.columns] * below
        return found.to(prediction.dtype), sides

    def slopes(needed: tuple[bool, ...], upstream: Tensor, sides: _Sides, prediction: Tensor) -> Gradients:
        # A pair counts as_yes · no from its positive and yes · as_no from its negative.
        asked = loss.scale * upstream.double()
        left = torch.stack([asked * sides.as_yes, sides.yes])[:, sides.rows]
        right = torch.stack([sides.no, asked * sides.as_no])[:, sides.columns]
        near, far = left.to(prediction.dtype), right.to(prediction.dtype).mT.contiguous()
        above, below = (torch.stack([x, x]) for x in sides.sums())
        for here, lag in sides.blocks(loss.scale * prediction):
            pull = lag.sigmoid_()
            above[:, here] = (pull @ far).mT.double()
            below += near[:, here] @ pull
        found = torch.zeros_like(sides.yes)
        found[sides.rows] = -(left * above).sum(0)
        found[sides.columns] += (right * below).sum(0)
        return (found.to(prediction.dtype),)

    def definition(prediction: Tensor) -> Tensor:
        return loss.per_example(prediction, target, keep=keep)

    return two_passes(values, slopes, definition, prediction)


class _Sides:
    """Who is a positive and who a negative, how far, and which rows and columns of the pairs that leaves."""

    def __init__(self, target: Tensor, keep: Tensor | None) -> None:
        target = target.detach().double()
        here = torch.ones_like(target) if keep is None else keep.double()
        self.yes, self.no = target * here, (1 - target) * here
        self.as_yes, self.as_no = mean_over(target, self.no.sum()), mean_over(1 - target, self.yes.sum())
        if not self.no.any():
            self.as_yes = torch.zeros_like(target)
        if not self.yes.any():
            self.as_no = torch.zeros_like(target)
        (self.rows,), (self.columns,) = target.nonzero(as_tuple=True), (1 - target).nonzero(as_tuple=True)

    def sums(self) -> tuple[Tensor, Tensor]:
        """Zeros in float64 for a sum over each row and over each column."""
        return self.yes.new_zeros(len(self.rows)), self.yes.new_zeros(len(self.columns))

    def blocks(self, score: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Some rows at a time, and by how much each of their columns scores above them."""
        positive, negative = score[self.rows], score[self.columns]
        rows = max(1, _BLOCK // max(1, len(negative)))
        for begin in range(0, len(positive), rows):
            here = slice(begin, begin + rows)
            yield here, negative - positive[here].unsqueeze(-1)
