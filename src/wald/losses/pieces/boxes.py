"""Two boxes and how they lie to each other: what losses of boxes are made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .powers import ratio


class Pair(NamedTuple):
    """A predicted box and the true one.

    Attributes:
        iou: the common area over the area of both; 0 where both have none.
        union: the area of both.
        width, height: of the predicted box.
        true_width, true_height: of the true box.
        right, down: how far the centre of the predicted box is from that of the true one.
        around_width, around_height: of the least box that holds both.
    """

    iou: Tensor
    union: Tensor
    width: Tensor
    height: Tensor
    true_width: Tensor
    true_height: Tensor
    right: Tensor
    down: Tensor
    around_width: Tensor
    around_height: Tensor

    @property
    def diagonal(self) -> Tensor:
        """The square of the diagonal of the least box that holds both."""
        return self.around_width.square() + self.around_height.square()

    @property
    def centres(self) -> Tensor:
        """The square of the distance of the centres, as a share of that of the diagonal."""
        return ratio(self.right.square() + self.down.square(), self.diagonal)


def pair(prediction: Tensor, target: Tensor) -> Pair:
    """How two boxes lie to each other, each given by two opposite corners in the last axis."""
    left, right = _ordered(prediction[..., 0], prediction[..., 2])
    top, bottom = _ordered(prediction[..., 1], prediction[..., 3])
    true_left, true_right = _ordered(target[..., 0], target[..., 2])
    true_top, true_bottom = _ordered(target[..., 1], target[..., 3])
    width, height = right - left, bottom - top
    true_width, true_height = true_right - true_left, true_bottom - true_top
    wide = _length(torch.minimum(right, true_right) - torch.maximum(left, true_left))
    high = _length(torch.minimum(bottom, true_bottom) - torch.maximum(top, true_top))
    common = wide * high
    union = width * height + true_width * true_height - common
    return Pair(
        iou=ratio(common, union),
        union=union,
        width=width,
        height=height,
        true_width=true_width,
        true_height=true_height,
        right=(left + right - true_left - true_right) / 2,
        down=(top + bottom - true_top - true_bottom) / 2,
        around_width=torch.maximum(right, true_right) - torch.minimum(left, true_left),
        around_height=torch.maximum(bottom, true_bottom) - torch.minimum(top, true_top),
    )


def _ordered(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    # Not by minimum and maximum, which share the slope where both are equal: a box without width could not open.
    crossed = a > b
    return torch.where(crossed, b, a), torch.where(crossed, a, b)


def _length(gap: Tensor) -> Tensor:
    # Not relu, which has no slope at 0: boxes that just touch could not move into each other.
    return torch.where(gap < 0, torch.zeros_like(gap), gap)
