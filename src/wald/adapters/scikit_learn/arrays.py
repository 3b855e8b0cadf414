"""Arrays as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def tensor_of(values: Any) -> Tensor:
    """The same numbers in float64. A tensor cannot be read-only, as the columns of a table or shared memory may be."""
    found = np.ascontiguousarray(values, dtype=np.float64)
    return torch.from_numpy(found if found.flags.writeable else found.copy())
