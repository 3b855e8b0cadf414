"""Angles by their cosines, without the arc cosine, whose slope is infinite at 1 and -1."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def turned(cosine: Tensor, angle: float) -> Tensor:
    """The cosine of an angle that is larger by `angle`, in radians.

    A cosine at or, by rounding, beyond 1 and -1 is taken for a straight line, and has the finite slope cos(angle).
    """
    square = 1 - cosine.square()
    straight = ~(square > 0)  # so written, NaN counts as straight, and stays NaN by its cosine
    sine = torch.where(straight, torch.ones_like(square), square).sqrt()
    return cosine * math.cos(angle) - torch.where(straight, torch.zeros_like(sine), sine) * math.sin(angle)
