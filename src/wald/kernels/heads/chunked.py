"""A loss of a linear head a few rows at a time: which rows, by which path, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...core import constant
from ...losses import CrossEntropy, NextToken
from .admitting import Given
from .budget import HeadPlan, head_plan
from .contract import passed
from .definition import DefinitionRows
from .examples import Asked, asked, counted, everyone, refuse_targets
from .head import Needed
from .linear_job import LinearJob
from .output import LinearOutput
from .reducing import How, reduced, shares
from .rows import Scores
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
    share, denominator = (None, None) if recompute else shares(some, how)
    scores = given.scores_at(asks.rows)
    by_definition = DefinitionRows(asks.loss, asks.truth, scores, some.keep)
    if filtering is not None:
        _refuse_filtering(filtering, share)
    job = LinearJob(
        head=head,
        rows=_special(given, asks, scores) or by_definition,
        definition=by_definition,
        shape=asks.shape,
        index=rows,
        names=given.outputs,
        plan=partial(_plan, given, asks.shape[0], memory_budget, filtering is None),
        filtering=filtering,
    )
    first, outputs, values, dropped = passed(job, share, flat, *head.tensors())
    full = everyone(asks, replace(some, values=first if share is None else values))
    if full.keep is not None:
        full = replace(full, values=torch.where(full.keep, full.values, torch.zeros_like(full.values)))
    found = reduced(full, how, None if share is None else first, denominator)
    if not given.outputs and filtering is None:
        return found
    spread = {n: asks.spread(x, -1 if n == "argmax" else 0) for n, x in outputs.items()}
    return LinearOutput(loss=found, dropped=None if filtering is None else dropped, **spread)


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
    # A class that cannot occur is left out of every sum, which costs a look at each logit. Whether there is one, a GPU
    # would have to be waited for to tell.
    if bias is not None and sums and (bias.device.type != "cpu" or bool(bias.detach().isinf().any())):
        return None
    like = given.hidden.new_zeros((), dtype=given.wide)
    return SoftmaxRows(
        truth=asks.truth,
        scores=scores,
        weight=None if weight is None else constant(weight, like),
        smoothing=loss.label_smoothing,
        z_loss=loss.z_loss,
    )


def _plan(given: Given, count: int, budget: int | None, lends: bool, needed: Needed) -> HeadPlan:
    classes, features = given.head.weight.shape
    return head_plan(
        count,
        features,
        classes,
        dtype=given.hidden.dtype,
        memory_budget=budget,
        matrix=needed.weight and lends,
        passes=1 + (given.softcap is not None or "entropy" in given.outputs) + ("entropy" in given.outputs),
    )
