"""Triplets of a batch, strip by strip of anchors: time of the square of the batch, memory of the batch.

Every mined triplet of an anchor costs a distance to a positive, less one to a negative, plus the margin, so all that
matters of N² pairs is how many triplets each belongs to: the value is a sum of counts times distances, and the counts
are its gradient. For the hardest triplet that is one of each.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import torch
from torch import Tensor

from ...core import implements
from ...losses import BatchTriplet
from ...losses.pieces.softplus import softplus
from ..eligible import eligible
from ..two_passes import two_passes
from .blocks import Buffer, strips
from .counting import counted
from .directions import Directions
from .together import among_kept, mean_of

#: What one strip of distances may take; a handful of its size is in use.
_BUDGET: Final = 2**19


def _ready(loss: BatchTriplet, embedding: Tensor, label: Tensor) -> bool:
    return embedding.ndim == 2 and eligible(embedding, label, device=embedding.device.type)


def _values(loss: BatchTriplet, embedding: Tensor, label: Tensor) -> tuple[Tensor, None]:
    return _pass_over(loss, embedding, label, None)[0], None


def _slopes(
    loss: BatchTriplet, needed: tuple[bool, ...], upstream: Tensor, kept: None, embedding: Tensor, label: Tensor
) -> tuple[Tensor | None, ...]:
    return _pass_over(loss, embedding, label, upstream)[1], None


def _at_once(
    loss: BatchTriplet, counts: Tensor, needed: tuple[bool, ...], embedding: Tensor, label: Tensor
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    values, gradient = _pass_over(loss, embedding, label, counts if needed[0] else None)
    return (values * counts).sum(), (gradient, None)


class _Labels(NamedTuple):
    """Who has whose label.

    Attributes:
        own: a number for each label, from 0.
        order: the examples, those of one label side by side.
        first: where the examples of a label begin in `order`.
        size: how many examples a label has.
    """

    own: Tensor
    order: Tensor
    first: Tensor
    size: Tensor

    @classmethod
    def of(cls, label: Tensor) -> _Labels:
        own, size = label.unique(return_inverse=True, return_counts=True)[1:]
        return cls(own, own.argsort(stable=True), size.cumsum(0) - size, size)

    def positives(self, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """The examples of the anchor's label in a row for each anchor, and which of them are positives.

        The anchor itself is among them, and fills what is left of its row.
        """
        own = self.own.index_select(0, anchors)
        size = self.size.index_select(0, own).unsqueeze(-1)
        place = torch.arange(int(size.max()), device=anchors.device)
        at = (self.first.index_select(0, own).unsqueeze(-1) + place).clamp_(max=len(self.order) - 1)
        column = self.order.index_select(0, at.flatten()).view(at.shape)
        column = torch.where(place < size, column, anchors.unsqueeze(-1))
        return column, column != anchors.unsqueeze(-1)

    def negatives(self, anchors: Tensor) -> Tensor:
        """How many examples are of another label."""
        return len(self.own) - self.size.index_select(0, self.own.index_select(0, anchors))


def _pass_over(
    loss: BatchTriplet, embedding: Tensor, label: Tensor, counts: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """What each anchor costs, and, where `counts` is given, the gradient of Σ counts · cost."""
    directions = Directions.of(embedding, normalise=loss.normalise)
    x = directions.vectors - directions.vectors.mean(0)
    squares, labels, buffer = x.square().sum(-1), _Labels.of(label), Buffer(x)
    costs, triplets = x.new_zeros(len(x)), torch.zeros((), dtype=torch.int64, device=x.device)
    gradient = None if counts is None else _Gradient(x)
    mine = _hardest if loss.mining == "batch-hard" else _every
    height = max(1, _BUDGET // max(1, len(x) * x.element_size()))
    for start, stop in strips(len(x), len(x), x, budget=_BUDGET):
        # Squared distances less the square of the anchor, which is the same for all.
        strip = buffer.product(x[start:stop], x, -2.0, plus=squares)
        # A product wants more rows than the cache has room for when they are counted.
        for first in range(start, stop, height):
            last = min(first + height, stop)
            apart, anchors = strip[first - start : last - start], torch.arange(first, last, device=x.device)
            costs[first:last], count = mine(loss, apart, squares[first:last, None], anchors, labels, counts, gradient)
            triplets += count
        if gradient is not None and mine is _every:
            gradient.add_strip(strip, start)
    scale = len(x) / triplets.clamp(min=1).to(x.dtype)
    costs.mul_(scale)
    return costs, None if gradient is None else directions.back(gradient.whole().mul_(scale))


class _Gradient:
    """The gradient in the vectors, gathered from gradients in distances."""

    def __init__(self, x: Tensor) -> None:
        self._x = x
        self._weight = x.new_zeros(len(x), 1)
        self._gradient = torch.zeros_like(x)

    def add_strip(self, slopes: Tensor, start: int) -> None:
        """From the distances of the anchors from `start` on to all: what each difference of vectors is worth."""
        mine = slice(start, start + len(slopes))
        self._gradient[mine].addmm_(slopes, self._x, alpha=-1)
        self._gradient.addmm_(slopes.T, self._x[mine], alpha=-1)
        self._weight[mine] += slopes.sum(-1, keepdim=True)
        self._weight += slopes.sum(0).unsqueeze(-1)

    def add_pairs(self, slopes: Tensor, anchors: Tensor, others: Tensor) -> None:
        """From one distance of each anchor."""
        pull = (self._x[anchors] - self._x[others]).mul_(slopes.unsqueeze(-1))
        self._gradient.index_add_(0, anchors, pull)
        self._gradient.index_add_(0, others, pull, alpha=-1)

    def whole(self) -> Tensor:
        """All that was added, in memory that is given away."""
        return self._gradient.addcmul_(self._x, self._weight)


def _distances(loss: BatchTriplet, squares: Tensor) -> Tensor:
    """From squared distances, in their memory."""
    squares.clamp_(min=0)
    return squares if loss.squared else squares.sqrt_()


def _steep(loss: BatchTriplet, slopes: Tensor, apart: Tensor) -> Tensor:
    """What a slope in the distance is worth for each unit of the difference of two vectors."""
    if loss.squared:
        return slopes.mul_(2)
    return slopes.div_(torch.where(apart > 0, apart, torch.full_like(apart, torch.inf)))


def _every(
    loss: BatchTriplet,
    apart: Tensor,
    squares: Tensor,
    anchors: Tensor,
    labels: _Labels,
    counts: Tensor | None,
    gradient: _Gradient | None,
) -> tuple[Tensor, Tensor]:
    """What these anchors cost, and how many triplets count; the slopes of all distances in place of the distances."""
    margin = float(loss.margin)
    column, positive = labels.positives(anchors)
    apart = _distances(loss, apart.add_(squares))
    near = apart.gather(1, column)
    # No negative is nearer than a positive that there is not, or as far as one of the anchor's label.
    apart.scatter_(1, column, torch.inf)
    each, most = counted(
        torch.where(positive, near, torch.full_like(near, -torch.inf)),
        apart,
        margin,
        semi_hard=loss.mining == "semi-hard",
    )
    near = torch.where(positive, near, torch.zeros_like(near))
    apart.scatter_(1, column, near)
    # In double precision, as large sums nearly cancel once most triplets are met.
    costs = (each * (near + margin)).sum(-1, dtype=torch.float64) - (most * apart).sum(-1, dtype=torch.float64)
    if loss.average == "violating" or loss.mining == "semi-hard":
        triplets = each.sum(dtype=torch.float64).to(torch.int64)
    else:
        mine = positive.sum(-1)
        triplets = (mine * labels.negatives(anchors)).sum()
    if counts is not None and gradient is not None:
        slopes = most.neg_().scatter_(1, column, torch.where(positive, each, torch.zeros_like(each)))
        torch.mul(_steep(loss, slopes, apart), counts[anchors].unsqueeze(-1), out=apart)
    return costs.to(apart.dtype), triplets


def _hardest(
    loss: BatchTriplet,
    apart: Tensor,
    squares: Tensor,
    anchors: Tensor,
    labels: _Labels,
    counts: Tensor | None,
    gradient: _Gradient | None,
) -> tuple[Tensor, Tensor]:
    """What these anchors cost, and how many triplets count."""
    column, positive = labels.positives(anchors)
    near = apart.gather(1, column)
    far, place = torch.where(positive, near, torch.full_like(near, -torch.inf)).max(-1)
    close, negative = apart.scatter_(1, column, torch.inf).min(-1)
    mined = positive.any(-1) & (labels.negatives(anchors) > 0)
    far, close = (
        _distances(loss, torch.where(mined, x + squares.squeeze(-1), torch.zeros_like(x))) for x in (far, close)
    )
    gap = far - close
    costs = softplus(gap) if loss.margin == "soft" else (gap + loss.margin).relu_()
    costs = torch.where(mined, costs, torch.zeros_like(costs))
    if counts is not None and gradient is not None:
        slopes = torch.sigmoid(gap) if loss.margin == "soft" else (costs > 0).to(costs.dtype)
        slopes = torch.where(mined, slopes, torch.zeros_like(slopes)) * counts[anchors]
        furthest = column.gather(1, place.unsqueeze(-1)).squeeze(-1)
        gradient.add_pairs(_steep(loss, slopes.clone(), far), anchors, furthest)
        gradient.add_pairs(_steep(loss, -slopes, close), anchors, negative)
    return costs, (mined if loss.average == "mined" else mined & (costs > 0)).sum()


@implements(BatchTriplet, name="strips of distances", accepts=_ready, mean=mean_of(_at_once), skips=True)
def _triplets(loss: BatchTriplet, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
    computed = partial(two_passes, partial(_values, loss), partial(_slopes, loss), loss.per_example)
    return among_kept(computed, keep, embedding, label)
