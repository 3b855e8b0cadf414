"""Small tensor helpers that the whole house shares."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_made: Final[dict[tuple[tuple[float, ...], torch.dtype, torch.device], Tensor]] = {}


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """A field such as class weights as a tensor beside `like`, copied to its device once and then kept."""
    if torch.compiler.is_compiling():
        return torch.tensor(values, dtype=like.dtype, device=like.device)
    key = (values, like.dtype, like.device)
    if (tensor := _made.get(key)) is None:
        tensor = torch.tensor(values, dtype=like.dtype, device=like.device)
        if type(tensor) is Tensor:
            _made[key] = tensor
    return tensor


def wide(x: Tensor) -> Tensor:
    """`x` in float64, in which sums over a data set stay exact, where the device has it."""
    return x if x.device.type == "mps" else x.to(torch.float64)
