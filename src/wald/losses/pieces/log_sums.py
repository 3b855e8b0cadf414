"""Running sums of exponentials, as logarithms."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from .softplus import softplus


def running_logsumexp(x: Tensor) -> Tensor:
    """The running log Σ exp(x_j) along the last axis, however far apart the numbers lie.

    By doubling: each step adds what stands 1, 2, 4, ... places before. torch's logcumsumexp cannot be differentiated
    twice where a gradient is 0, and gives NaN for an infinity at the beginning.
    """
    nothing = torch.finfo(x.dtype).min / 4
    total, reach = x.clamp(min=nothing), 1
    while reach < x.shape[-1]:
        before = F.pad(total[..., :-reach], (reach, 0), value=nothing)
        total = total + softplus(before - total)
        reach *= 2
    return total
