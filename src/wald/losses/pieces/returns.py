"""What losses of a series of returns share."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import ShapeError
from .powers import raised


def long_enough(loss: str, returns: Tensor, least: int) -> None:
    """Raise unless the series has this many returns.

    Raises:
        ShapeError: it has fewer.
    """
    if returns.shape[-1] < least:
        raise ShapeError(
            f"{loss}: returns {tuple(returns.shape)} are a series of {returns.shape[-1]} along the last axis, and at "
            f"least {least} are needed. Time comes last: use returns.T where it comes first."
        )


def worst(values: Tensor, level: float) -> Tensor:
    """The mean of the largest `level` share along the last axis; the one on the border counts in part."""
    size = values.shape[-1]
    share = (level * size - torch.arange(size, device=values.device, dtype=values.dtype)).clamp(0, 1)
    return (values.sort(-1, descending=True).values * share).sum(-1) / (level * size)


def moment(deviations: Tensor, order: int, degree: float, correction: int) -> Tensor:
    """(Σ |deviation|^order / (size - correction))^(degree / order) along the last axis; where all are 0, without slope.

    The value grows by k^degree where deviations grow by k, so it is taken of deviations of about 1: the fourth power of
    a return of a thousandth would be lost in half of the digits.
    """
    top = deviations.detach().abs().amax(-1, keepdim=True)
    top = torch.where(top == 0, torch.ones_like(top), top)
    mean = ((deviations / top).abs() ** order).sum(-1) / (deviations.shape[-1] - correction)
    return top.squeeze(-1) ** degree * raised(mean, degree / order)


def drawdowns(returns: Tensor, *, compounded: bool, start: bool) -> Tensor:
    """How far each moment is below the highest before it, from 0 up.

    Args:
        returns: simple returns, time last.
        compounded: whether gains are reinvested; it is then a share of the peak, and otherwise a sum of returns.
        start: whether the wealth before the first return counts among the peaks.
    """
    path = (returns.log1p() if compounded else returns).cumsum(-1)
    peak = _running_maximum(path)
    below = (peak.clamp(min=0) if start else peak) - path
    return -torch.expm1(-below) if compounded else below


def _running_maximum(x: Tensor) -> Tensor:
    """The largest number so far along the last axis, by doubling: torch's own has no gradient under vmap."""
    reach = 1
    while reach < x.shape[-1]:
        x = torch.maximum(x, F.pad(x[..., :-reach], (reach, 0), value=-torch.inf))
        reach *= 2
    return x
