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
        if _lasting(tensor):
            _made[key] = tensor
    return tensor


def _lasting(tensor: Tensor) -> bool:
    # What is made inside torch.func, inference mode or a fake mode is of no use once that has ended.
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # pyright: ignore  (no public equivalent)
    return type(tensor) is Tensor and not tensor.is_inference() and not wrapped


def wide(x: Tensor) -> Tensor:
    """`x` in float64, in which sums over a data set stay exact, where the device has it."""
    return x if x.device.type == "mps" else x.to(torch.float64)
