"""Downhill from one constant prediction to a better one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def downhill(
    cost: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    steps: int,
    gradient: float = 1e-7,
    change: float = 1e-9,
) -> Tensor:
    """Where L-BFGS ends, whether or not that is better; a cost without a slope stays where it began.

    Args:
        cost: of a constant, differentiable, one number.
        start: the first constant; it is not changed.
        steps: how many at most.
        gradient: a slope below this ends it.
        change: so does a step or a gain below this.

    >>> downhill(lambda x: (x - 3).square().sum(), torch.zeros(1), steps=20)
    tensor([3.])
    """
    moved = start.detach().clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS(
        [moved], max_iter=steps, tolerance_grad=gradient, tolerance_change=change, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = cost(moved)
        if value.requires_grad:
            value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    return moved.detach()
