"""The standard normal law: its density, and how much of it lies below a number, as a logarithm."""

import math

import torch
from torch import Tensor


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
