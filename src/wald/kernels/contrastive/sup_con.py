"""SupCon: the sums over negatives as in NT-Xent; the mean over positives is a product with the sum of a class."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...core import implements
from ...losses import SupCon
from ..eligible import eligible
from ..two_passes import two_passes
from . import bounded, rows
from .directions import Directions
from .together import among_kept


def _ready(loss: SupCon, embedding: Tensor, label: Tensor) -> bool:
    return embedding.ndim == 2 and eligible(embedding, label, device=embedding.device.type)


@implements(SupCon, name="blocks of scores (two matrix products)", accepts=_ready)
def _sup_con(loss: SupCon, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
    def computed(embedding: Tensor, label: Tensor) -> Tensor:
        own = label.unique(return_inverse=True)[1]
        return two_passes(
            partial(_values, loss, own),
            partial(_slopes, loss, own),
            lambda x: loss.per_example(x, label),
            embedding,
        )

    return among_kept(computed, keep, embedding, label)


def _values(loss: SupCon, own: Tensor, embedding: Tensor) -> tuple[Tensor, Any]:
    x, factor = Directions.of(embedding, normalise=loss.normalise).vectors, 1 / loss.temperature
    others = _others(x.new_ones(len(x), 1), own).squeeze(-1)
    near = (x * _others(x, own)).sum(-1).mul_(factor).div_(others.clamp(min=1))
    totals, kept = _totals(x, factor, unit=loss.normalise)
    values = totals - near
    return torch.where(others > 0, values, torch.zeros_like(values)), (others, kept)


def _totals(x: Tensor, factor: float, *, unit: bool) -> tuple[Tensor, Any]:
    """The logarithm of the sum of exponentials of each vector's scores with all others."""
    scale = bounded.Scale.of(factor, x, x, unit=unit) if len(x) > 1 else None
    if scale is not None:
        sums = bounded.sums_among(x, scale, ahead=0)[0]
        if scale.held(sums):
            return scale.logs(sums), (scale, sums)
    tops, logs = rows.totals(x * factor, x, alone=True)
    return tops + logs, (None, tops, logs)


def _slopes(
    loss: SupCon, own: Tensor, needed: tuple[bool, ...], upstream: Tensor, kept: Any, embedding: Tensor
) -> tuple[Tensor | None, ...]:
    directions = Directions.of(embedding, normalise=loss.normalise)
    x, factor = directions.vectors, 1 / loss.temperature
    others, (scale, *found) = kept
    counts = torch.where(others > 0, upstream, torch.zeros_like(upstream))
    if scale is not None:
        gradient = bounded.pull_among(x, scale, counts / found[0])
    else:
        # Only who is alone in the batch has no score at all.
        tops, logs = (torch.where(found[0].isneginf(), torch.zeros_like(part), part) for part in found)
        by_query, by_key = rows.pull(x * factor, x, tops, logs, counts, alone=True)
        gradient = by_key.add_(by_query, alpha=factor)
    share = (counts / others.clamp(min=1)).unsqueeze(-1)
    gradient.addcmul_(_others(x, own), share, value=-factor)
    gradient.sub_(_others(x * share, own), alpha=factor)
    return (directions.back(gradient),)


def _others(x: Tensor, own: Tensor) -> Tensor:
    """For each example the sum over all others of its label."""
    of_label = x.new_zeros(len(x), x.shape[-1]).index_add_(0, own, x)
    return of_label.index_select(0, own).sub_(x)
