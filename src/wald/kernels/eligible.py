"""Which tensors a kernel may read by their memory."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.overrides import _get_current_function_mode_stack  # pyright: ignore  (no public equivalent)
from torch.utils._device import DeviceContext


def eligible(*tensors: Tensor, device: str = "cpu") -> bool:
    """Whether all are plain tensors of one kind of device, outside every transform.

    A fake tensor, a DTensor or another subclass, a stand-in of `torch.func`, a dual number of forward-mode
    differentiation and a tensor that a dispatch mode watches all need the definition: what a kernel does to memory,
    they cannot see.
    """
    return (
        all(type(x) in (Tensor, Parameter) and x.device.type == device for x in tensors)
        and not torch.compiler.is_compiling()
        and torch.autograd.forward_ad._current_level < 0  # pyright: ignore[reportPrivateUsage]  (no public equivalent)
        and torch._C._len_torch_dispatch_stack() == 0  # pyright: ignore  (no public equivalent)
        and not _watched()
        and not any(
            torch._C._functorch.is_functorch_wrapped_tensor(x)  # pyright: ignore  (no public equivalent)
            for x in tensors
        )
    )


def _watched() -> bool:
    """Whether a mode stands between a call of torch and what it does; that of a default device changes nothing here."""
    if torch._C._len_torch_function_stack() == 0:  # pyright: ignore  (no public equivalent)
        return False
    return any(not isinstance(mode, DeviceContext) for mode in _get_current_function_mode_stack())
