"""How far each pixel of a mask is from its border: exact Euclidean distances, in pixels."""

from __future__ import annotations

import torch
from torch import Tensor

#: So many numbers are held at once at most; the lines of a large image are gone through in portions.
_AT_ONCE = 1 << 22


@torch.no_grad()
def distance_to(places: Tensor, dims: int) -> Tensor:
    """How far each pixel is from the nearest place that is True; infinite where there is none.

    The squared distance along one axis after another: the least of what lies in a line plus the square of how far.

    Args:
        places: booleans, (*batch, *space).
        dims: how many axes the space has.
    """
    squares = torch.where(places, 0.0, torch.inf).to(torch.float64 if places.device.type != "mps" else torch.float32)
    for axis in range(places.ndim - dims, places.ndim):
        lines = squares.movedim(axis, -1)
        steps = torch.arange(lines.shape[-1], device=places.device, dtype=squares.dtype)
        apart = (steps.unsqueeze(-1) - steps).square()
        flat = lines.reshape(-1, lines.shape[-1])
        portions = flat.split(max(1, _AT_ONCE // max(1, apart.numel())))
        least = torch.cat([(portion.unsqueeze(-2) + apart).amin(-1) for portion in portions])
        squares = least.reshape(lines.shape).movedim(-1, axis)
    return squares.sqrt()


def signed_distance(mask: Tensor, dims: int = 2) -> Tensor:
    """How far each pixel is outside of a mask, negative inside: 0 on its innermost edge, 1 next to it outside.

    A mask that is empty or full has no border, and 0 everywhere.

    Args:
        mask: what is above 1/2 is in the mask, (*batch, *space).
        dims: how many axes the space has.
    """
    inside = mask > 0.5
    outer, inner = distance_to(inside, dims), distance_to(~inside, dims)
    signed = torch.where(inside, 1 - inner, outer)
    return torch.where(signed.isfinite(), signed, torch.zeros_like(signed)).to(torch.float32)


def border_distance(mask: Tensor, dims: int = 2) -> Tensor:
    """How far each pixel is from the nearest one on the other side of the border of a mask; 0 where there is none.

    Args:
        mask: what is above 1/2 is in the mask, (*batch, *space).
        dims: how many axes the space has.
    """
    inside = mask > 0.5
    away = torch.where(inside, distance_to(~inside, dims), distance_to(inside, dims))
    return torch.where(away.isfinite(), away, torch.zeros_like(away)).to(torch.float32)
