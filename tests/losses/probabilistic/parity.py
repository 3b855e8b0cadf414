"""Value and gradient of a loss against those of somebody else's code for the same function."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

import wald

#: How far apart derivatives taken from values by differences may be.
STEP = 1e-6


def holds(
    loss: wald.Loss, theirs: Callable[..., object], *inputs: Tensor, relative: float = 1e-9, slope: bool = True
) -> None:
    """Assert that `theirs`, a function of the same tensors to one value per example, is the loss in value and slope.

    The slope of what is no torch code is taken by central differences.
    """
    first = inputs[0].detach().clone().requires_grad_()
    value = loss.per_example(first, *inputs[1:])
    given = theirs(first, *inputs[1:])
    told = given.detach() if isinstance(given, Tensor) else torch.as_tensor(given)
    torch.testing.assert_close(value.detach(), told.to(value.dtype).reshape(value.shape), rtol=relative, atol=1e-11)
    if not slope:
        return
    (ours,) = torch.autograd.grad(value.sum(), first)
    if isinstance(given, Tensor) and given.requires_grad:
        (other,) = torch.autograd.grad(given.sum(), first)
        torch.testing.assert_close(ours, other, rtol=1e-7, atol=1e-9)
        return
    direction = torch.randn(first.shape, generator=torch.Generator().manual_seed(3), dtype=first.dtype)
    ahead, behind = (torch.as_tensor(theirs(first.detach() + sign * STEP * direction, *inputs[1:])) for sign in (1, -1))
    other = (ahead - behind).sum() / (2 * STEP)
    torch.testing.assert_close((ours * direction).sum(), other.to(ours.dtype), rtol=1e-4, atol=1e-5)
