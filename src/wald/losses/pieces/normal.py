"""The standard normal law: its density, and how much of it lies below a number or in an interval, as logarithms."""

import math
from typing import Final

import torch
from torch import Tensor

from ...core import constant

#: Gauss and Legendre's places between 0 and 1, eight of them, and the logs of their weights.
_HALF = (0.019855071751231856, 0.10166676129318664, 0.2372337950418355, 0.4082826787521751)
_PLACES: Final = (*_HALF, *(1 - x for x in _HALF))
_LOG_WEIGHTS: Final = 2 * tuple(
    map(math.log, (0.05061426814518813, 0.11119051722668724, 0.15685332293894363, 0.1813418916891810))
)
#: Up to this width they are exact to rounding, and beyond it nothing cancels.
_NARROW: Final = 0.25


def normal_density(z: Tensor) -> Tensor:
    """The density of the standard normal law."""
    return (-0.5 * z.square()).exp() / math.sqrt(2 * math.pi)


def log_normal_below(x: Tensor) -> Tensor:
    """The log of the share of the standard normal law below x, exact in both tails.

    torch's own has NaN for its second derivative far out.
    """
    upper = x > 0
    above = torch.where(upper, x, torch.zeros_like(x)) * 0.5**0.5
    below = torch.where(upper, torch.zeros_like(x), x)
    tail = (0.5 * torch.special.erfcx(-below * 0.5**0.5)).log() - 0.5 * below.square()
    return torch.where(upper, torch.log1p(-0.5 * torch.erfc(above)), tail)


def log_normal_between(low: Tensor, width: Tensor, log_width: Tensor) -> Tensor:
    """The log of the share of the standard normal law in an interval, however narrow or far out it is.

    Args:
        low: where the interval begins.
        width: how wide it is, positive or rounded to 0.
        log_width: the log of that.
    """
    narrow = width < _NARROW
    near = torch.where(narrow, width, torch.zeros_like(width)).unsqueeze(-1)
    place, weight = constant(_PLACES, low), constant(_LOG_WEIGHTS, low)
    inside = (weight - 0.5 * (low.unsqueeze(-1) + near * place).square()).logsumexp(-1) - 0.5 * math.log(2 * math.pi)
    # From the side on which less lies, and with 1 in place of what is narrow.
    wide = torch.where(narrow, torch.ones_like(width), width)
    upper = low > 0
    more = log_normal_below(torch.where(upper, -low, low + wide))
    less = log_normal_below(torch.where(upper, -low - wide, low))
    return torch.where(narrow, log_width + inside, more + torch.log1p(-(less - more).exp()))
