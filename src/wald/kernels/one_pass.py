"""Value and gradient in one pass over the data, under the whole contract of autograd.

A kernel that works out the gradient beside the value does so before it knows what is asked of it. Here that is kept
honest: any upstream gradient, a second backward, a derivative of the derivative, frozen inputs, and inputs that
nobody changes on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

#: For each tensor what the value changes by, or None where it is not needed.
Gradients = tuple[Tensor | None, ...]

#: `compute(needed, *tensors)`: the value, and the gradients that are needed, in memory that nobody else holds.
Compute = Callable[..., tuple[Tensor, Gradients]]

#: `definition(*tensors)`: the same value in differentiable torch.
Definition = Callable[..., Tensor]


def one_pass(compute: Compute, definition: Definition, *tensors: Tensor) -> Tensor:
    """The value of `definition(*tensors)`, with the gradients that `compute` makes beside it.

    Args:
        compute: `compute(needed, *tensors) -> (value, gradients)`; `needed` says of each tensor whether its gradient
            is wanted. For a value of one number the gradients are its own. A value of one number an example goes
            with gradients of the same leading axes, each example's of its own value.
        definition: the same value in differentiable torch; it serves what a kernel cannot, a gradient that is itself
            differentiated.
        tensors: what the value depends on.
    """
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return _OnePass.apply(compute, definition, *tensors)  # pyright: ignore[reportReturnType]
    return compute((False,) * len(tensors), *(x.detach() for x in tensors))[0]


class _OnePass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, compute: Compute, definition: Definition, *tensors: Tensor) -> Tensor:
        ctx.needed = ctx.needs_input_grad[2:]
        ctx.compute, ctx.definition = compute, definition
        ctx.save_for_backward(*tensors)
        value, ctx.gradients = compute(ctx.needed, *(x.detach() for x in tensors))
        return value

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor) -> tuple[Tensor | None, ...]:
        (upstream,) = upstreams
        tensors: tuple[Tensor, ...] = ctx.saved_tensors
        if torch.is_grad_enabled():
            return None, None, *differentiable(ctx.definition, tensors, ctx.needed, upstream)
        # The gradients are given away, so that autograd need not copy them; a second backward makes them anew.
        gradients: Gradients | None = ctx.gradients
        ctx.gradients = None
        if gradients is None:
            gradients = _again(ctx.compute, tensors, ctx.needed)
        return None, None, *(None if g is None else scaled(g, upstream) for g in gradients)


def _again(compute: Compute, tensors: tuple[Tensor, ...], needed: tuple[bool, ...]) -> Gradients:
    return compute(needed, *(x.detach() for x in tensors))[1]


def differentiable(
    definition: Callable[..., Tensor | list[Tensor]],
    tensors: tuple[Tensor, ...],
    needed: tuple[bool, ...],
    upstream: Tensor | list[Tensor],
) -> Gradients:
    """The gradients as the definition gives them, of one value or of several, in a graph of their own."""
    with torch.enable_grad():
        # Each under a name of its own: what one tensor owes to another that it was made from is asked for elsewhere,
        # and one that is given twice would answer for both.
        tensors = tuple(x.view_as(x) for x in tensors)
        value = definition(*tensors)
        wanted = [x for x, is_needed in zip(tensors, needed, strict=True) if is_needed]
        found = iter(torch.autograd.grad(value, wanted, upstream, create_graph=True, allow_unused=True))
    return tuple(next(found) if is_needed else None for is_needed in needed)


def batched(upstream: Tensor) -> bool:
    """Whether this is a batch of upstream gradients (`is_grads_batched`), each of which wants a gradient of its own."""
    return torch._C._functorch.is_legacy_batchedtensor(upstream)  # pyright: ignore  (no public equivalent)


def scaled(gradient: Tensor, upstream: Tensor) -> Tensor:
    """The gradient times what comes from above, in the memory of the gradient."""
    many = batched(upstream)
    if not many and upstream.ndim == 0:
        if upstream.is_cpu and upstream.item() == 1:
            return gradient
        if gradient.is_cuda and upstream.is_cuda:
            from .gpu.rescaling import rescaled

            return rescaled(gradient, upstream)
    factor = upstream.reshape(upstream.shape + (1,) * (gradient.ndim - upstream.ndim))
    return gradient * factor if many else gradient.mul_(factor)
