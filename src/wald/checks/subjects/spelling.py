"""Tensors as Python text, for the two lines that show a finding."""

from __future__ import annotations

import math
from typing import Any, Final, cast

import torch
from torch import Tensor

#: What `torch.tensor` makes of Python's numbers without being told.
_UNTOLD: Final = (torch.float32, torch.int64, torch.bool)


def literal(x: Tensor) -> str:
    """A tensor as Python text that makes it again."""
    if x.numel() == 0:
        return f"torch.empty({tuple(x.shape)}, dtype={x.dtype})"
    dtype = "" if x.dtype in _UNTOLD else f", dtype={x.dtype}"
    return f"torch.tensor({_text(x.tolist())}{dtype})"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, cast('list[Any]', value)))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
