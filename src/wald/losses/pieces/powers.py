"""Powers and ratios that have a slope wherever they have a value."""

from __future__ import annotations

import torch
from torch import Tensor


def raised(x: Tensor, power: float | Tensor) -> Tensor:
    """Numbers from 0 on to a power; where one is 0, a power below 1 has no slope instead of an infinite one."""
    if isinstance(power, float | int) and power == 1:
        return x
    nothing = x <= 0
    return torch.where(nothing, torch.zeros_like(x), torch.where(nothing, torch.ones_like(x), x) ** power)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """The share of a part; 0 where there is no whole."""
    nothing = whole == 0
    return torch.where(nothing, torch.zeros_like(whole), part / torch.where(nothing, torch.ones_like(whole), whole))
