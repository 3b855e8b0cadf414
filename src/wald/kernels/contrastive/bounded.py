"""Sums of exponentials of scores that are all held against one number, not each row against its own largest.

So each score serves its row and its column at once. A set against itself has each score twice, so half of the matrix is
enough, and value and gradient take about two matrix products where strips of rows take four.

One number does for all if scores cannot spread further than the exponents of the type, or do not in fact. Where the
largest possible score is small, that is certain; else it is seen from the sums, and `rows` serves where it fails.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

from .blocks import Buffer, blocks


class _Exponents(NamedTuple):
    """Logarithms of what a type can hold.

    Attributes:
        safe: scores up to this, of either sign, need nothing taken away.
        top: what the largest possible score may come to; the sum over a batch still has room above.
        least: sums from here on owe nothing to scores that became 0.
    """

    safe: float
    top: float
    least: float


_EXPONENTS: Final = {torch.float32: _Exponents(40, 70, -60), torch.float64: _Exponents(300, 650, -600)}

#: Scores that may be larger than so many times `top` are hardly ever all within reach of one number.
_HOPE: Final = 4


class Scale(NamedTuple):
    """What products of vectors are multiplied by, and what is then taken away from all of them."""

    factor: float
    shift: float

    @classmethod
    def of(cls, factor: float, x: Tensor, y: Tensor, *, unit: bool) -> Scale | None:
        """For scores of these vectors; None where no one number can do.

        Args:
            factor: what products are multiplied by.
            x: vectors of one side.
            y: vectors of the other.
            unit: whether they are of length 1.
        """
        held = _EXPONENTS.get(x.dtype)
        if held is None or len(x) == 0:
            return None
        size = 1.0 if unit else math.prod(torch.linalg.vector_norm(v, dim=-1).max().item() for v in (x, y))
        most = abs(factor) * size
        if most <= held.safe:
            return cls(factor, 0.0)
        return cls(factor, most - held.top) if most <= _HOPE * held.top else None

    def held(self, *sums: Tensor) -> bool:
        """Whether all that matters is in these sums."""
        return self.shift == 0 or all(bool((x >= math.exp(_EXPONENTS[x.dtype].least)).all()) for x in sums)

    def logs(self, sums: Tensor) -> Tensor:
        """The logarithms of sums of exponentials of scores."""
        return sums.log().add_(self.shift)

    def exponentials(self, scores: Tensor) -> Tensor:
        """In the memory of the scores."""
        return (scores.sub_(self.shift) if self.shift else scores).exp_()


def sums_among(x: Tensor, scale: Scale, ahead: int) -> tuple[Tensor, Tensor]:
    """For each vector the sum of exponentials over all others, and its score with the one `ahead` of it.

    The scores that are asked for are those of the first len(x) - ahead vectors; none where `ahead` is 0.
    """
    sums, chosen, buffer = x.new_zeros(len(x)), x.new_empty(len(x) - ahead if ahead else 0), Buffer(x)
    for top, bottom, left, right in blocks(len(x), len(x), x, upper=True):
        scores = buffer.product(x[top:bottom], x[left:right], scale.factor)
        if ahead:
            _keep_diagonal(scores, top + ahead - left, chosen[top:])
        scale.exponentials(scores)
        _clear_diagonal(scores, top - left)
        sums[top:bottom] += scores.sum(-1)
        beyond = max(left, bottom)
        if beyond < right:
            sums[beyond:right] += scores[:, beyond - left :].sum(0)
    return sums, chosen


def pull_among(x: Tensor, scale: Scale, factor: Tensor) -> Tensor:
    """The gradient of Σ factor · sum, each factor held fast, in the vectors."""
    gradient, buffer, factors = torch.zeros_like(x), Buffer(x), Buffer(x)
    for top, bottom, left, right in blocks(len(x), len(x), x, upper=True):
        shares = scale.exponentials(buffer.product(x[top:bottom], x[left:right], scale.factor))
        _clear_diagonal(shares, top - left)
        shares.mul_(factors.sum(factor[top:bottom], factor[left:right]))
        gradient[top:bottom].addmm_(shares, x[left:right])
        beyond = max(left, bottom)
        if beyond < right:
            gradient[beyond:right].addmm_(shares[:, beyond - left :].T, x[top:bottom])
    return gradient.mul_(scale.factor)


def sums_between(x: Tensor, y: Tensor, scale: Scale) -> tuple[Tensor, Tensor, Tensor]:
    """The sums of exponentials over rows and over columns, and the scores on the diagonal."""
    rows, columns, chosen = x.new_zeros(len(x)), y.new_zeros(len(y)), x.new_empty(min(len(x), len(y)))
    buffer = Buffer(x)
    for top, bottom, left, right in blocks(len(x), len(y), x):
        scores = buffer.product(x[top:bottom], y[left:right], scale.factor)
        _keep_diagonal(scores, top - left, chosen[top:])
        scale.exponentials(scores)
        rows[top:bottom] += scores.sum(-1)
        columns[left:right] += scores.sum(0)
    return rows, columns, chosen


def pull_between(x: Tensor, y: Tensor, scale: Scale, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of Σ rows · sum of a row + Σ columns · sum of a column, the factors held fast."""
    by_x, by_y = torch.zeros_like(x), torch.zeros_like(y)
    buffer, factors = Buffer(x), Buffer(x)
    for top, bottom, left, right in blocks(len(x), len(y), x):
        shares = scale.exponentials(buffer.product(x[top:bottom], y[left:right], scale.factor))
        shares.mul_(factors.sum(rows[top:bottom], columns[left:right]))
        by_x[top:bottom].addmm_(shares, y[left:right])
        by_y[left:right].addmm_(shares.T, x[top:bottom])
    return by_x.mul_(scale.factor), by_y.mul_(scale.factor)


def _keep_diagonal(scores: Tensor, offset: int, out: Tensor) -> None:
    """Copy what a block has of a diagonal, `offset` columns right of its corner, to the places of its rows."""
    if -scores.shape[0] < offset < scores.shape[1]:
        found = scores.diagonal(offset)
        start = max(-offset, 0)
        out[start : start + len(found)] = found


def _clear_diagonal(scores: Tensor, offset: int) -> None:
    """Put 0 on what a block has of a diagonal, `offset` columns right of its corner."""
    if -scores.shape[0] < offset < scores.shape[1]:
        scores.diagonal(offset).fill_(0)
