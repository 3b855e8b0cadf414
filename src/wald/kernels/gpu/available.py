"""Whether Triton programs can run on these tensors."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Final

import torch
from torch import Tensor

from ..eligible import eligible

#: What the programs read, as it is; they compute in fp32. A loss of fp64 keeps its definition.
DTYPES: Final = (torch.float32, torch.bfloat16, torch.float16)


def on_gpu(*tensors: Tensor) -> bool:
    """Whether all are plain tensors on one GPU for which Triton has programs."""
    first = tensors[0]
    # On the CPU, where every call asks, this is all that it costs.
    if not first.is_cuda:
        return False
    device = first.device
    return has_triton() and eligible(*tensors, device="cuda") and all(x.device == device for x in tensors)


@cache
def has_triton() -> bool:
    """Whether Triton is installed, without loading it. The CUDA builds of torch for Linux bring it."""
    return find_spec("triton") is not None
