"""exp(x) - 1 - x: what an exponential is above its tangent."""

import torch
from torch import Tensor

#: Below this it is summed as a series: there its terms would cancel.
_NEAR = 0.5
#: Terms of that series that still show in double precision.
_TERMS = 15


def above_tangent(x: Tensor) -> Tensor:
    """exp(x) - 1 - x, exact to rounding near 0, in value and slope."""
    near = x.clamp(-_NEAR, _NEAR)
    series = torch.ones_like(x)
    for k in range(_TERMS, 2, -1):
        series = 1 + near / k * series
    # In each branch the other's values are replaced, so that neither overflows where it is not used.
    far = torch.where(x.abs() > _NEAR, x, torch.ones_like(x))
    return torch.where(x.abs() > _NEAR, far.expm1() - far, 0.5 * near.square() * series)
