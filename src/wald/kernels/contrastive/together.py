"""A loss whose examples meet each other, over those of them that take part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ...core.implementation import Mean
from ..one_pass import Gradients, one_pass


def among_kept(compute: Callable[..., Tensor], keep: Tensor | None, *inputs: Tensor) -> Tensor:
    """`compute(*inputs)` of the examples that are kept, and 0 for the others, which are never looked at."""
    if keep is None:
        return compute(*inputs)
    rows = keep.nonzero().squeeze(-1)
    values = compute(*(x.index_select(0, rows) for x in inputs))
    return values.new_zeros(len(keep)).index_copy(0, rows, values)


def mean_of(at_once: Callable[..., tuple[Tensor, Gradients]], *, unless: Callable[[Any], bool] | None = None) -> Mean:
    """The mean of an implementation in one pass, over the examples of a weight that is not 0.

    Args:
        at_once: `at_once(loss, counts, needed, *inputs)`: Σ counts · value and its gradients.
        unless: for which losses there is nothing to gain by it.
    """

    def mean(
        loss: Any, *inputs: Tensor, weight: Tensor | None = None, denominator: Tensor | float | None = None
    ) -> Tensor | None:
        if unless is not None and unless(loss):
            return None
        first = inputs[0]
        if weight is None:
            counts = first.new_ones(len(first))
        else:
            rows = weight.nonzero().squeeze(-1)
            counts = weight.index_select(0, rows).to(first.dtype)
            inputs = tuple(x.index_select(0, rows) for x in inputs)
        counts = counts / (counts.sum() if denominator is None else denominator)

        def compute(needed: tuple[bool, ...], *inputs: Tensor) -> tuple[Tensor, Gradients]:
            return at_once(loss, counts, needed, *inputs)

        return one_pass(compute, lambda *inputs: (loss.per_example(*inputs) * counts).sum(), *inputs)

    return mean
