"""From the values of a head's examples to what the caller wants of them, by a kernel or by the definition."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ...core import Reduction
from ...core.call import Examples, divisor, summarised
from ...core.reduction import Empty, nonzero, or_nothing
from ..one_pass import Gradients, one_pass
from ..two_passes import two_passes


class Job(Protocol):
    """One call of a head: the same values by a definition and by a kernel."""

    def defined(self, weights: Tensor | None, *tensors: Tensor) -> Tensor:
        """Σ weight · value, or without weights all values, in differentiable torch."""
        ...

    def passed(self, needed: tuple[bool, ...], weights: Tensor | None, *tensors: Tensor) -> tuple[Tensor, Gradients]:
        """All values, and with weights the gradients of Σ weight · value."""
        ...


def reduced(
    job: Job,
    tensors: tuple[Tensor, ...],
    keep: Tensor,
    weight: Tensor | None,
    reduction: Reduction,
    normalizer: str | float | Tensor | None,
    empty: Empty,
    *,
    kernel: bool,
) -> Tensor:
    """The values of a job, reduced; the names are those of `Loss.__call__`.

    Args:
        job: what is computed.
        tensors: what the values depend on.
        keep: which examples count, of the shape of the batch.
        weight: the caller's weights; None for 1.
        reduction: "mean", "sum", "none" or a functional.
        normalizer: what the mean divides by.
        empty: what the mean of nothing is.
        kernel: whether a kernel may read the tensors; else the definition is what runs.
    """
    dtype = torch.promote_types(tensors[0].dtype, torch.float32)
    weight = None if weight is None else weight.to(dtype)
    blank = torch.zeros((), dtype=dtype, device=keep.device).expand(keep.shape)
    found = Examples(blank, keep, weight, None)
    learned = any(isinstance(x, Tensor) and x.requires_grad for x in (weight, normalizer))
    if learned or reduction not in ("mean", "sum") or (reduction == "sum" and normalizer is not None):
        found.values = _values(job, tensors, kernel=kernel).reshape(keep.shape)
        return summarised(found, reduction, normalizer, empty)
    counts = found.mass().reshape(-1)
    if reduction == "sum":
        return _total(job, counts, tensors, kernel=kernel)
    denominator = divisor(found, normalizer)
    mean = _total(job, counts / nonzero(denominator, empty), tensors, kernel=kernel)
    return or_nothing(mean, denominator, empty)


def _total(job: Job, weights: Tensor, tensors: tuple[Tensor, ...], *, kernel: bool) -> Tensor:
    """Σ weight · value. How much each value counts is known, so the gradient is made beside it."""
    if not kernel:
        return job.defined(weights, *tensors)

    def at_once(needed: tuple[bool, ...], *given: Tensor) -> tuple[Tensor, Gradients]:
        values, gradients = job.passed(needed, weights, *given)
        return (values * weights).sum(), gradients

    return one_pass(at_once, partial(job.defined, weights), *tensors)


def _values(job: Job, tensors: tuple[Tensor, ...], *, kernel: bool) -> Tensor:
    """All values. The gradient of a matrix cannot be kept for each of them, so it waits for the backward pass."""
    if not kernel:
        return job.defined(None, *tensors)

    def first(*given: Tensor) -> tuple[Tensor, None]:
        return job.passed((False,) * len(given), None, *given)[0], None

    def second(needed: tuple[bool, ...], upstream: Tensor, _: None, *given: Tensor) -> Gradients:
        return job.passed(needed, upstream, *given)[1]

    return two_passes(first, second, partial(job.defined, None), *tensors)
