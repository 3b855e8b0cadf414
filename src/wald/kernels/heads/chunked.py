"""A loss of a linear head a few rows at a time: which rows, by which path, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...core import constant
from ...core.call import Examples, divisor, summarised, tally_of
from ...core.reduction import nonzero, or_nothing
from ...core.tensors import wide as widest
from ...losses import CrossEntropy, NextToken
from .admitting import Given
from .budget import HeadPlan, head_plan
from .contract import Job, passed, total, without_autocast
from .definition import DefinitionRows
from .examples import Asked, asked, counted, everyone, refuse_targets
from .head import Head, Needed
from .output import How, LinearOutput
from .rows import SMOOTH, Scores
from .softmax_rows import SoftmaxRows


def by_chunks(given: Given, how: How, *, recompute: bool, filtering: float | None, memory_budget: int | None) -> Any:
    """The loss, as `linear` gives it."""
    head, wide, classes = given.head, given.wide, len(given.head.weight)
    asks = asked(given.loss, given.hidden, head, given.target, given.token_weight, given.mask)
    refuse_targets(asks, classes, wide)
    flat = given.hidden.reshape(-1, given.hidden.shape[-1])
    rows = asks.rows
    if asks.hides and asks.keep is not None and asks.loss.named_domains[0][1].axes:
        # Where nothing is left out, as it would mean to wait for the device, nothing hidden may be looked at.
        flat = flat if rows is None else flat[rows]
        flat, rows = torch.where(asks.keep.reshape(-1, 1), flat, torch.zeros_like(flat)), None
    some = counted(asks, classes, wide, flat.new_zeros((), dtype=wide).expand(asks.shape))
    share, denominator = (None, None) if recompute else _shares(some, how)
    scores = given.scores_at(asks.rows)
    by_definition = DefinitionRows(asks.loss, asks.truth, scores, some.keep)
    if filtering is not None:
        _refuse_filtering(filtering, share)
    job = Job(
        head=head,
        rows=_special(given, asks, scores) or by_definition,
        shape=asks.shape,
        index=rows,
        names=given.outputs,
        share=share,
        plan=partial(_plan, given, asks.shape[0], memory_budget, filtering is None),
        filtering=filtering,
        definition=partial(_whole, head, by_definition, rows, given.outputs, share),
    )
    first, outputs, values, dropped = passed(job, flat, *head.tensors())
    found = _reduced(asks, how, some, share, denominator, first, values)
    if not given.outputs and filtering is None:
        return found
    spread = {n: asks.spread(x, -1 if n == "argmax" else 0) for n, x in outputs.items()}
    return LinearOutput(loss=found, dropped=None if filtering is None else dropped, **spread)


def _reduced(
    asks: Asked,
    how: How,
    some: Examples,
    share: Tensor | None,
    denominator: Tensor | None,
    first: Tensor,
    values: Tensor,
) -> Any:
    """The values, or their total where that is what was differentiated, as the caller wants them."""
    full = everyone(asks, replace(some, values=first if share is None else values))
    if full.keep is not None:
        full = replace(full, values=torch.where(full.keep, full.values, torch.zeros_like(full.values)))
    normalizer: Any = how.normalizer
    if how.tallies():
        found = tally_of(full, normalizer, how.empty)
        return found if share is None else replace(found, total=widest(first))
    if share is None:
        reduction: Any = how.reduction
        return summarised(full, reduction, normalizer, how.empty)
    return first if denominator is None else or_nothing(first, denominator, how.empty)


def _whole(
    head: Head,
    rows: DefinitionRows,
    index: Tensor | None,
    names: tuple[str, ...],
    share: Tensor | None,
    *tensors: Tensor,
) -> tuple[Tensor, ...]:
    """The definition: all scores at once, in differentiable torch."""
    hidden, *held = tensors
    with without_autocast(hidden):
        logits = head.holding(tuple(held)).logits(hidden if index is None else hidden[index])
        logits = logits.to(torch.promote_types(torch.float32, hidden.dtype))
        found = rows.found(slice(0, len(logits)), logits, [name for name in names if name in SMOOTH])
    values, *outputs = found.values()
    return values if share is None else total(values, share), *outputs


def _shares(some: Examples, how: How) -> tuple[Tensor | None, Tensor | None]:
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


def _refuse_filtering(filtering: float, share: Tensor | None) -> None:
    if not 0 < filtering < 1:
        raise ValueError(
            f"filtering must be in (0, 1), the share of the gradient that may be left out; got {filtering}."
        )
    if share is None:
        raise ValueError(
            "filtering looks at the gradient beside the value, which is known beforehand for a mean, a sum or a tally "
            "without learned weights and without recompute. Use one of them, or filtering=None."
        )


def _special(given: Given, asks: Asked, scores: Scores) -> SoftmaxRows | None:
    """The path for softmax cross-entropy, where it means the same."""
    loss, bias = asks.loss, given.head.bias
    if not isinstance(loss, CrossEntropy | NextToken):
        return None
    weight = loss.class_weight if isinstance(loss, CrossEntropy) else None
    if isinstance(loss, CrossEntropy) and loss.class_mask is not None:
        return None
    sums = loss.label_smoothing or asks.truth.soft or "entropy" in given.outputs
    if bias is not None and sums and bool(bias.detach().isinf().any()):
        return None  # a class that cannot occur is left out of every sum, which costs a look at each logit
    like = given.hidden.new_zeros((), dtype=given.wide)
    return SoftmaxRows(
        truth=asks.truth,
        scores=scores,
        weight=None if weight is None else constant(weight, like),
        smoothing=loss.label_smoothing,
        z_loss=loss.z_loss,
    )


def _plan(given: Given, count: int, budget: int | None, lends: bool, needed: Needed, graded: bool) -> HeadPlan:
    classes, features = given.head.weight.shape
    return head_plan(
        count,
        features,
        classes,
        dtype=given.hidden.dtype,
        memory_budget=budget,
        matrix=needed.weight and graded and lends,
        passes=1 + (given.softcap is not None or "entropy" in given.outputs) + ("entropy" in given.outputs),
    )
