"""Gradients in the memory of the prediction, for a caller who has no further use for it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from .one_pass import Compute, scaled

_overwriting = False


@contextmanager
def overwriting_predictions() -> Generator[None]:
    """Let a loss write the gradient over the prediction within a `with` block, so that it needs no memory of its own.

    The numbers of the prediction are lost by the call of the loss: nothing may read them afterwards, and only one
    backward is possible. torch notices where something else still needs them, and raises. Means and sums of large
    batches do this, by an implementation of their own (`wald.which`): cross-entropy over classes and the elementwise
    losses, for a contiguous prediction in fp32 that was computed (for a leaf, and for all else, the gradient gets
    fresh memory as ever).

    >>> import torch, wald
    >>> weight = torch.zeros(64, 1000, requires_grad=True)
    >>> hidden, target = torch.randn(512, 64), torch.zeros(512, dtype=torch.long)
    >>> with wald.overwriting_predictions():
    ...     loss = wald.CrossEntropy()(hidden @ weight, target)
    >>> loss.backward()
    """
    global _overwriting
    before, _overwriting = _overwriting, True
    try:
        yield
    finally:
        _overwriting = before


def may_overwrite(prediction: Tensor) -> bool:
    """Whether the caller said so, and the memory of the prediction is its own and has a gradient's layout."""
    root = prediction if prediction._base is None else prediction._base
    return (
        _overwriting
        and torch.is_grad_enabled()
        and prediction.requires_grad
        and not root.is_leaf
        and prediction.is_contiguous()
        and prediction.dtype is torch.float32
    )


def overwritten(compute: Compute, prediction: Tensor, *others: Tensor) -> Tensor:
    """As `one_pass`, where `compute` writes the gradient of the first tensor over that tensor."""
    return _Overwritten.apply(compute, prediction, *others)  # pyright: ignore[reportReturnType]


class _Overwritten(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, compute: Compute, prediction: Tensor, *others: Tensor) -> Tensor:
        needed = (True,) + (False,) * len(others)
        value, (ctx.gradient, *_) = compute(needed, prediction.detach(), *(x.detach() for x in others))
        # Whoever has saved the prediction for a backward of its own finds out.
        torch.autograd.graph.increment_version(prediction)
        ctx.others = len(others)
        return value

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor) -> tuple[Tensor | None, ...]:
        gradient: Tensor | None = ctx.gradient
        ctx.gradient = None
        if gradient is None or torch.is_grad_enabled():
            raise RuntimeError(
                "the gradient was written over the prediction, so it is there for one backward, and not to be "
                "differentiated again. Leave out wald.overwriting_predictions()."
            )
        return None, scaled(gradient, upstreams[0]), *(None,) * ctx.others
