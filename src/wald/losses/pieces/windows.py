"""Weighted means over a window that slides over an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import constant


def gaussian(size: int, sigma: float) -> tuple[float, ...]:
    """Weights of a window of this many pixels that add up to 1."""
    weights = [math.exp(-0.5 * ((k - (size - 1) / 2) / sigma) ** 2) for k in range(size)]
    return tuple(weight / sum(weights) for weight in weights)


def fitting(window: int, side: int) -> int:
    """The size of a window that fits a side: the window, or the largest odd number below it."""
    return window if side >= window else max(1, side - 1 + side % 2)


def windowed(images: Tensor, window: int, sigma: float | None, *, padded: bool = False) -> Tensor:
    """The weighted mean of each window of images (*batch, height, width).

    Args:
        images: what to take means of.
        window: the side of the window; where an image is smaller, the largest odd side that fits.
        sigma: the width of a Gaussian in pixels; None for equal weights.
        padded: whether the image is reflected beyond its border, so that the result is of its size; otherwise only
            windows that lie in the image count.
    """
    flat = images.reshape(-1, 1, *images.shape[-2:])
    for axis in (-2, -1):
        size = fitting(window, images.shape[axis])
        weights = constant((1 / size,) * size if sigma is None else gaussian(size, sigma), images)
        across = axis == -1
        if padded:
            half = size // 2
            flat = F.pad(flat, (half, half, 0, 0) if across else (0, 0, half, half), mode="reflect")
        flat = F.conv2d(flat, weights.reshape(1, 1, 1, size) if across else weights.reshape(1, 1, size, 1))
    return flat.reshape(*images.shape[:-2], *flat.shape[-2:])


def halved(images: Tensor) -> Tensor:
    """Images of half the size, each pixel the mean of four; an odd side is padded by zeros that count."""
    flat = images.reshape(-1, 1, *images.shape[-2:])
    odd = [side % 2 for side in images.shape[-2:]]
    small = F.avg_pool2d(flat, 2, padding=(odd[0], odd[1]))
    return small.reshape(*images.shape[:-2], *small.shape[-2:])


def structure(
    x: Tensor, y: Tensor, *, window: int, sigma: float, padded: bool, data_range: float, k1: float, k2: float
) -> tuple[Tensor, Tensor]:
    """SSIM of each window of two images, and its part without the luminance."""
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    means = windowed(torch.stack([x, y, x * x, y * y, x * y]), window, sigma, padded=padded)
    of_x, of_y, of_xx, of_yy, of_xy = means.unbind(0)
    product, squares = of_x * of_y, of_x.square() + of_y.square()
    contrast = (2 * (of_xy - product) + c2) / (of_xx + of_yy - squares + c2)
    return (2 * product + c1) / (squares + c1) * contrast, contrast
