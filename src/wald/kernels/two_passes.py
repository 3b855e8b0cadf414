"""Values in a first pass, their gradient in a second that looks at the data again, under the contract of autograd.

For losses whose examples meet each other: what an example passes back depends on what is asked of all others, so no
gradient can be made beside the values. What is kept between the passes is small, a number or two an example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .one_pass import Definition, Gradients, batched, differentiable

#: `values(*tensors)`: one value an example, and whatever the second pass can use of the first.
Values = Callable[..., tuple[Tensor, Any]]

#: `slopes(needed, upstream, kept, *tensors)`: the gradients of Σ upstream · values that are needed, in fresh memory.
Slopes = Callable[..., Gradients]


def two_passes(values: Values, slopes: Slopes, definition: Definition, *tensors: Tensor) -> Tensor:
    """The values of `definition(*tensors)`, with the gradients that `slopes` makes when they are asked for.

    Args:
        values: `values(*tensors) -> (values, kept)`; `kept` must not be one of the tensors.
        slopes: `slopes(needed, upstream, kept, *tensors) -> gradients`; `needed` says of each tensor whether its
            gradient is wanted.
        definition: the same values in differentiable torch; it serves a gradient that is itself differentiated, and
            a whole batch of upstream gradients.
        tensors: what the values depend on.
    """
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return _TwoPasses.apply(values, slopes, definition, *tensors)  # pyright: ignore[reportReturnType]
    return values(*(x.detach() for x in tensors))[0]


class _TwoPasses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Values, slopes: Slopes, definition: Definition, *tensors: Tensor) -> Tensor:
        ctx.needed = ctx.needs_input_grad[3:]
        ctx.slopes, ctx.definition = slopes, definition
        ctx.save_for_backward(*tensors)
        found, ctx.kept = values(*(x.detach() for x in tensors))
        return found

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor) -> tuple[Tensor | None, ...]:
        (upstream,) = upstreams
        tensors: tuple[Tensor, ...] = ctx.saved_tensors
        if batched(upstream) or torch.is_grad_enabled():
            return None, None, None, *differentiable(ctx.definition, tensors, ctx.needed, upstream)
        return None, None, None, *ctx.slopes(ctx.needed, upstream, ctx.kept, *(x.detach() for x in tensors))
