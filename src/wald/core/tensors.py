"""Small tensor helpers that the whole house shares."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
from torch import Tensor

#: What was made of which values; they are kept beside it, so that nothing else can have their identity.
_made: Final[dict[tuple[Any, torch.dtype, torch.device], tuple[tuple[float, ...], Tensor]]] = {}

#: How many are kept, and of how many values it is quicker to see whether they are equal than to make a tensor anew.
_KEPT: Final = 1024
_FEW: Final = 32


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """A field such as class weights as a tensor beside `like`, copied to its device once and then kept."""
    if torch.compiler.is_compiling():
        return torch.tensor(values, dtype=like.dtype, device=like.device)
    # The weights of many classes are known by their identity: going through all of them at each call takes longer
    # than the loss of a small batch. They are a field, so the next call brings the same ones.
    key = (values if len(values) <= _FEW else id(values), like.dtype, like.device)
    if (found := _made.get(key)) is not None:
        return found[1]
    tensor = torch.tensor(values, dtype=like.dtype, device=like.device)
    if _lasting(tensor):
        if len(_made) >= _KEPT:
            _made.pop(next(iter(_made)), None)
        _made[key] = values, tensor
    return tensor


def _lasting(tensor: Tensor) -> bool:
    # What is made inside torch.func, inference mode or a fake mode is of no use once that has ended.
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # pyright: ignore  (no public equivalent)
    return type(tensor) is Tensor and not tensor.is_inference() and not wrapped


#: Made once: a small call asks for it each time.
_NOTHING: Final = nullcontext()


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """No autocast on the device of `x`: what is as wide as it needs to be would be narrowed again by a product."""
    if not torch._C._is_any_autocast_enabled():  # pyright: ignore  (no public equivalent)
        return _NOTHING
    device = x.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else _NOTHING


def wide(x: Tensor) -> Tensor:
    """`x` in float64, in which sums over a data set stay exact, where the device has it."""
    return x if x.device.type == "mps" else x.to(torch.float64)
