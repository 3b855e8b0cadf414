"""From the values of a head's examples to what the caller wants of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from ...core.call import Examples, divisor, summarised, tally_of
from ...core.reduction import Empty, Reduction, nonzero, or_nothing
from ...core.tensors import wide as widest
from .contract import Job, passed


@dataclass(frozen=True, slots=True, eq=False)
class How:
    """How values become a number."""

    reduction: Reduction | Literal["tally"]
    normalizer: str | float | Tensor | None
    empty: Empty

    def tallies(self) -> bool:
        """Whether a tally is asked for."""
        return isinstance(self.reduction, str) and self.reduction == "tally"


def shares(some: Examples, how: How) -> tuple[Tensor | None, Tensor | None]:
    """By how much the total depends on each value, and what a mean divides by; None where that comes later."""
    if not isinstance(how.reduction, str) or how.reduction not in ("mean", "sum", "tally"):
        return None, None
    if any(isinstance(x, Tensor) and x.requires_grad for x in (some.weight, how.normalizer)):
        return None, None
    if how.reduction != "mean" and how.normalizer is not None and not how.tallies():
        return None, None
    counts = some.values.new_ones(()) if some.weight is None else some.weight
    if some.keep is not None:
        counts = torch.where(some.keep, counts, torch.zeros_like(counts))
    if how.reduction != "mean":
        return counts, None
    denominator = divisor(some, how.normalizer)
    return counts / nonzero(denominator, how.empty), denominator


def reduced(found: Examples, how: How, total: Tensor | None, denominator: Tensor | None) -> Any:
    """What the examples come to.

    Args:
        found: all examples, with their values.
        how: what is wanted of them.
        total: Σ share · value, where the shares were known beforehand and this is what was differentiated.
        denominator: what a mean divides by, as `shares` gives it.
    """
    normalizer: Any = how.normalizer
    if how.tallies():
        tally = tally_of(found, normalizer, how.empty)
        return tally if total is None else replace(tally, total=widest(total))
    if total is None:
        reduction: Any = how.reduction
        return summarised(found, reduction, normalizer, how.empty)
    return total if denominator is None else or_nothing(total, denominator, how.empty)


def answered(
    job: Job, hidden: Tensor, keep: Tensor, weight: Tensor | None, how: How, *, kernel: bool
) -> tuple[Any, dict[str, Tensor]]:
    """The values of a job, one for each example of a batch, reduced, and the outputs.

    Args:
        job: what is computed.
        hidden: (rows, D).
        keep: which examples count, of the shape of the batch.
        weight: the caller's weights; None for 1.
        how: what is wanted of the values.
        kernel: whether a kernel may read the tensors; else the definition is what runs.
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    blank = torch.zeros((), dtype=wide, device=keep.device).expand(keep.shape)
    some = Examples(blank, keep, None if weight is None else weight.to(wide), None)
    if not kernel:
        outputs = job.defined(job.head, hidden)
        return reduced(replace(some, values=outputs.pop("loss").reshape(keep.shape)), how, None, None), outputs
    share, denominator = shares(some, how)
    flat = None if share is None else share.reshape(-1)
    first, outputs, values, _ = passed(job, flat, hidden, *job.head.tensors())
    found = replace(some, values=(first if share is None else values).reshape(keep.shape))
    return reduced(found, how, None if share is None else first, denominator), outputs
