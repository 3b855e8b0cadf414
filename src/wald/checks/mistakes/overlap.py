"""The overlap of masks, as it is known to go wrong: squares, smoothing, what is pooled."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...losses import Dice
from .mistake import also_called, mistake, usual

also_called(Dice, smooth=("smooth", "eps", "epsilon", "smooth_nr", "smoothing"))
usual(Dice, *({"smooth": smooth} for smooth in (1.0, 0.0, 1e-5, 1e-6, 0.1, 10.0)))
usual(Dice, *({"smooth": smooth, "squared": True} for smooth in (1.0, 1e-5)))


def _plain(loss: Any) -> bool:
    told = (loss.squared, loss.below, loss.absent, loss.common, loss.form, loss.kind, loss.ignore_index)
    return told == (False, None, "count", "product", "linear", "binary", None)


def _smooth(loss: Any) -> bool:
    return _plain(loss) and loss.smooth >= 0.01


def _sums(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The common part, and both masks together."""
    p = z.sigmoid()
    return (p * t).sum(-1), (p + t).sum(-1)


@mistake(Dice, when=_plain)
def squared_denominator(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The denominator sums squares; that is Dice(squared=True), as V-Net has it."""
    return loss.replace(squared=True).per_example(z, t)


@mistake(Dice, when=_smooth)
def smoothing_missing(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """Nothing smooths the ratio, so an empty mask costs 1 whatever is predicted, and has no gradient."""
    return loss.replace(smooth=0.0).per_example(z, t)


@mistake(Dice, when=_smooth, telling=True)
def smoothing_above_alone(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The smoothing is added above and not below, so the loss may be negative."""
    common, both = _sums(z, t)
    return 1 - (2 * common + loss.smooth) / both


@mistake(Dice, when=_smooth)
def smoothing_below_alone(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The smoothing is added below and not above, so a perfect mask costs something."""
    common, both = _sums(z, t)
    return 1 - 2 * common / (both + loss.smooth)


@mistake(Dice, when=_smooth)
def smoothing_inside_the_factor_two(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The smoothing is added to the common part before it is doubled, so it counts twice above and once below."""
    common, both = _sums(z, t)
    return 1 - 2 * (common + loss.smooth) / (both + loss.smooth)


@mistake(Dice, when=_plain, telling=True)
def factor_two_missing(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The factor 2 is missing, so a perfect mask costs one half."""
    common, both = _sums(z, t)
    return 1 - (common + loss.smooth) / (both + loss.smooth)


@mistake(Dice, when=_plain)
def sigmoid_missing(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The sigmoid is missing: raw scores stand where probabilities are due."""
    return 1 - (2 * (z * t).sum(-1) + loss.smooth) / ((z + t).sum(-1) + loss.smooth)


@mistake(Dice, when=_plain, telling=True)
def sigmoid_applied_twice(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The sigmoid is taken twice, so no pixel gets below one half."""
    return loss.per_example(z.sigmoid(), t)


@mistake(Dice, when=_plain, telling=True)
def overlap_itself_minimised(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The overlap is returned and not one minus it, so minimising it drives the masks apart."""
    return 1 - loss.per_example(z, t)


@mistake(Dice, when=_plain)
def union_in_the_denominator(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The denominator is the union, without the factor 2: that is the Jaccard loss."""
    common, both = _sums(z, t)
    return 1 - (common + loss.smooth) / (both - common + loss.smooth)


@mistake(Dice, when=_plain, telling=True)
def factor_two_over_the_union(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The factor 2 of Dice stands over the union of Jaccard, so the loss of a perfect mask is -1."""
    common, both = _sums(z, t)
    return 1 - (2 * common + loss.smooth) / (both - common + loss.smooth)


@mistake(Dice, when=_plain)
def background_counts_too(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The overlap of the background is averaged in, so an empty prediction does well."""
    return 0.5 * (loss.per_example(z, t) + loss.per_example(-z, 1 - t))


@mistake(Dice, when=_plain)
def logarithm_of_the_overlap(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """Minus the log of the overlap: another loss, which grows without limit where nothing overlaps."""
    return -(1 - loss.per_example(z, t)).log()


@mistake(Dice, when=_plain, whole=True)
def pooled_over_the_batch(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """All pixels of the batch go into one ratio, so large masks drown small ones."""
    return loss.per_example(z.reshape(1, -1), t.reshape(1, -1)).sum()


@mistake(Dice, when=_plain)
def pixel_by_pixel(loss: Any, z: Tensor, t: Tensor) -> Tensor:
    """The ratio is taken of each pixel and averaged: no overlap of masks at all."""
    return loss.per_example(z.unsqueeze(-1), t.unsqueeze(-1)).mean(-1)
