"""SigLIP: no score waits for another, so value and gradient of a block are final when the block is."""

from __future__ import annotations

from functools import partial
from typing import Final

import torch
from torch import Tensor

from ...core import implements
from ...losses import SigLIP
from ...losses.pieces.softplus import softplus
from ..eligible import eligible
from ..two_passes import two_passes
from .blocks import Buffer, blocks
from .directions import Directions
from .together import among_kept, mean_of

#: Exponentials of scores up to this are far from the end of single precision.
_SMALL: Final = 60.0


def _ready(loss: SigLIP, image: Tensor, text: Tensor) -> bool:
    return image.ndim == 2 and eligible(image, text, device=image.device.type)


def _values(loss: SigLIP, image: Tensor, text: Tensor) -> tuple[Tensor, None]:
    return _pass_over(loss, image, text, None, (False, False))[0], None


def _slopes(
    loss: SigLIP, needed: tuple[bool, ...], upstream: Tensor, kept: None, image: Tensor, text: Tensor
) -> tuple[Tensor | None, ...]:
    return _pass_over(loss, image, text, upstream, needed)[1]


def _at_once(
    loss: SigLIP, counts: Tensor, needed: tuple[bool, ...], image: Tensor, text: Tensor
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    values, gradients = _pass_over(loss, image, text, counts, needed)
    return (values * counts).sum(), gradients


def _pass_over(
    loss: SigLIP, image: Tensor, text: Tensor, counts: Tensor | None, needed: tuple[bool, ...]
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    """What each image costs, and the gradients of Σ counts · cost that are needed."""
    images, texts = (Directions.of(vectors, normalise=loss.normalise) for vectors in (image, text))
    x, y = images.vectors, texts.vectors
    by_x, by_y = (torch.zeros_like(v) if need else None for v, need in zip((x, y), needed, strict=True))
    costs, buffer, work = x.new_zeros(len(x)), Buffer(x), Buffer(x)
    # Where no exponential can overflow, one serves value and slope.
    small = loss.normalise and loss.scale + abs(loss.bias) <= _SMALL
    for top, bottom, left, right in blocks(len(x), len(y), x):
        scores = buffer.product(x[top:bottom], y[left:right], loss.scale).add_(loss.bias)
        own = scores.diagonal(top - left) if -scores.shape[0] < top - left < scores.shape[1] else scores.new_empty(0)
        # softplus(-s) = softplus(s) - s; the pair that belongs is costed from its own score, so that nothing cancels.
        mine = softplus(-own)
        start = top + max(left - top, 0)
        costs[start : start + len(own)] += mine
        slope_of_own = -torch.sigmoid(-own)
        own.fill_(-torch.inf)
        each = work.block(*scores.shape)
        if small:
            costs[top:bottom] += torch.log1p(scores.exp_(), out=each).sum(-1)
        else:
            costs[top:bottom] += softplus(scores).sum(-1)
        if counts is None or not any(needed):
            continue
        slopes = scores.div_(torch.add(scores, 1, out=each)) if small else scores.sigmoid_()
        own.copy_(slope_of_own)
        if by_x is not None:
            by_x[top:bottom].addmm_(slopes, y[left:right])
        if by_y is not None:
            by_y[left:right].addmm_(slopes.T, x[top:bottom] * counts[top:bottom, None])
    if counts is not None and by_x is not None:
        by_x = images.back(by_x.mul_(counts.unsqueeze(-1) * loss.scale))
    if by_y is not None:
        by_y = texts.back(by_y.mul_(loss.scale))
    return costs, (by_x, by_y)


@implements(SigLIP, name="blocks of scores", accepts=_ready, mean=mean_of(_at_once), skips=True)
def _sig_lip(loss: SigLIP, image: Tensor, text: Tensor, *, keep: Tensor | None = None) -> Tensor:
    computed = partial(two_passes, partial(_values, loss), partial(_slopes, loss), loss.per_example)
    return among_kept(computed, keep, image, text)
