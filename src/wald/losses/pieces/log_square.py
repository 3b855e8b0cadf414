"""log(1 + x²): how the losses grow whose pull fades like 1 / error."""

import torch
from torch import Tensor

#: From here on 1 + x² is x² to the last digit of double precision, and its square still fits into float32.
_FAR = 1e9


def log1p_square(x: Tensor) -> Tensor:
    """log(1 + x²), exact to rounding near 0 and without overflow far from it."""
    near = x.clamp(-_FAR, _FAR)
    # The two parts just add: what the clamp holds back is a logarithm, and exactly 0 until there.
    return torch.log1p(near.square()) + 2 * (x.abs().clamp(min=_FAR) / _FAR).log()
