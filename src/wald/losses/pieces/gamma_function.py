"""Differences of logarithms of the gamma function, or of its slope, that stay small where their terms are enormous."""

import math

import torch
from torch import Tensor

#: From this log of a size on, Stirling's series is exact in double precision; below it lgamma itself is.
_EDGE = math.log(16.0)


def beyond_stirling(log_x: Tensor) -> Tensor:
    """lgamma(x) - x log x + x, which is about -log(x) for a small x and log(2 π / x) / 2 for a large one."""
    low, small, large = _parted(log_x)
    # lgamma(x) by lgamma(1 + x), which has no pole at 0.
    near = torch.lgamma(1 + small) - low - small * low + small
    return torch.where(log_x < _EDGE, near, 0.5 * (math.log(2 * math.pi) - log_x) + _series(large))


def rising(log_size: Tensor, count: Tensor) -> Tensor:
    """lgamma(size + count) - lgamma(size) - count log(size), for a count that is not negative."""
    low, small, large = _parted(log_size)
    # Of nothing it is 0, however small the size, whose lgamma is then infinite.
    nothing = count == 0
    count = torch.where(nothing, torch.ones_like(count), count)
    near = torch.lgamma(small + count) - torch.lgamma(1 + small) + (1 - count) * low
    # Stirling's series of both, their large parts taken from each other by hand.
    whole = large + count
    far = (whole - 0.5) * (count / large).log1p() - count + _series(whole) - _series(large)
    return torch.where(nothing, 0.0, torch.where(log_size < _EDGE, near, far))


def digamma_beyond_log(log_x: Tensor) -> Tensor:
    """digamma(x) - log x, which is about -1 / x for a small x and -1 / (2 x) for a large one."""
    low, small, large = _parted(log_x)
    inverse = 1 / large
    square = inverse.square()
    far = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return torch.where(log_x < _EDGE, torch.digamma(small) - low, -0.5 * inverse - far)


def _parted(log_x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The log of x and x, kept small where lgamma is taken, and x kept large where the series is; none overflows."""
    low = log_x.clamp(max=_EDGE)
    return low, low.exp(), log_x.clamp(min=_EDGE, max=69.0).exp()


def _series(x: Tensor) -> Tensor:
    """What is left of lgamma(x) beyond (x - 1/2) log x - x + log(2 π) / 2, for a large x."""
    inverse = 1 / x
    square = inverse.square()
    return inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
