"""NT-Xent: two views of a batch are one set against itself, of which each picks the vector half a set ahead."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...core import implements
from ...losses import NTXent
from ..eligible import eligible
from ..two_passes import two_passes
from . import bounded, rows
from .directions import Directions
from .together import among_kept


def _ready(loss: NTXent, first: Tensor, second: Tensor) -> bool:
    return first.ndim == 2 and eligible(first, second, device=first.device.type)


@implements(NTXent, name="blocks of scores (two matrix products)", accepts=_ready)
def _nt_xent(loss: NTXent, first: Tensor, second: Tensor, *, keep: Tensor | None = None) -> Tensor:
    computed = partial(two_passes, partial(_values, loss), partial(_slopes, loss), loss.per_example)
    return among_kept(computed, keep, first, second)


def _values(loss: NTXent, first: Tensor, second: Tensor) -> tuple[Tensor, Any]:
    views = Directions.of(torch.cat([first, second]), normalise=loss.normalise, inplace=True).vectors
    count, factor = len(first), 1 / loss.temperature
    scale = bounded.Scale.of(factor, views, views, unit=loss.normalise)
    if scale is not None:
        sums, chosen = bounded.sums_among(views, scale, ahead=count)
        if scale.held(sums):
            return _of_views(scale.logs(sums), chosen), (scale, sums)
    tops, logs = rows.totals(views * factor, views, alone=True)
    chosen = (views[:count] * views[count:]).sum(-1).mul_(factor)
    return _of_views(logs, chosen, tops), (None, tops, logs)


def _of_views(totals: Tensor, chosen: Tensor, tops: Tensor | None = None) -> Tensor:
    """The mean of what both views cost; rounding must not make a clear case cost less than 0."""
    lead = chosen.repeat(2) if tops is None else chosen.repeat(2) - tops
    values = (totals - lead).clamp_(min=0)
    return values.view(2, len(chosen)).mean(0)


def _slopes(
    loss: NTXent, needed: tuple[bool, ...], upstream: Tensor, kept: Any, first: Tensor, second: Tensor
) -> tuple[Tensor | None, ...]:
    directions = Directions.of(torch.cat([first, second]), normalise=loss.normalise, inplace=True)
    views, count, factor = directions.vectors, len(first), 1 / loss.temperature
    counts = (0.5 * upstream).repeat(2)
    scale, *found = kept
    if scale is not None:
        gradient = bounded.pull_among(views, scale, counts / found[0])
    else:
        tops, logs = found
        by_query, by_key = rows.pull(views * factor, views, tops, logs, counts, alone=True)
        gradient = by_key.add_(by_query, alpha=factor)
    # Each view pulls its partner, and is pulled by it.
    gradient[:count].addcmul_(views[count:], upstream.unsqueeze(-1), value=-factor)
    gradient[count:].addcmul_(views[:count], upstream.unsqueeze(-1), value=-factor)
    gradient = directions.back(gradient)
    return gradient[:count] if needed[0] else None, gradient[count:] if needed[1] else None
