"""InfoNCE: one way, value and gradient in one go over strips of rows; both ways, one block serves rows and columns."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...core import implements
from ...losses import InfoNCE
from ..eligible import eligible
from ..two_passes import two_passes
from . import bounded, rows
from .directions import Directions
from .together import among_kept, mean_of


def _ready(loss: InfoNCE, query: Tensor, key: Tensor) -> bool:
    return query.ndim == 2 and eligible(query, key, device=query.device.type)


def _at_once(
    loss: InfoNCE, counts: Tensor, needed: tuple[bool, ...], query: Tensor, key: Tensor
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    """Σ counts · cost, and its gradient."""
    queries, keys = (Directions.of(x, normalise=loss.normalise) for x in (query, key))
    scale = 1 / loss.temperature
    scaled = queries.vectors * scale
    if not any(needed):
        tops, logs = rows.totals(scaled, keys.vectors)
        costs = (tops - (scaled * keys.vectors).sum(-1) + logs).clamp_(min=0)
        return (costs * counts).sum(), (None, None)
    small = _small(loss, queries.vectors, keys.vectors)
    costs, by_query, by_key = rows.at_once(scaled, keys.vectors, counts, small=small)
    by_query.mul_(scale)
    return (costs * counts).sum(), (
        queries.back(by_query) if needed[0] else None,
        keys.back(by_key) if needed[1] else None,
    )


def _small(loss: InfoNCE, q: Tensor, k: Tensor) -> bool:
    """Whether no score can be so large that its row's largest must be taken away."""
    scale = bounded.Scale.of(1 / loss.temperature, q, k, unit=loss.normalise)
    return scale is not None and scale.shift == 0


def _values(loss: InfoNCE, query: Tensor, key: Tensor) -> tuple[Tensor, Any]:
    q, k = (Directions.of(x, normalise=loss.normalise).vectors for x in (query, key))
    factor, ways = 1 / loss.temperature, 2 if loss.symmetric else 1
    scale = bounded.Scale.of(factor, q, k, unit=loss.normalise)
    if scale is not None:
        *sums, chosen = bounded.sums_between(q, k, scale)
        if scale.held(*sums[:ways]):
            return _of_ways(*(scale.logs(x) - chosen for x in sums[:ways])), (scale, *sums)
    scaled = q * factor
    chosen = (scaled * k).sum(-1)
    pairs = [(scaled, k), (k, scaled)][:ways]
    found = [rows.totals(*pair) for pair in pairs]
    return _of_ways(*((tops - chosen) + logs for tops, logs in found)), (None, *found)


def _of_ways(*costs: Tensor) -> Tensor:
    """The mean of what both directions cost; rounding must not make a clear case cost less than 0."""
    return torch.stack(costs).clamp_(min=0).mean(0)


def _slopes(
    loss: InfoNCE, needed: tuple[bool, ...], upstream: Tensor, kept: Any, query: Tensor, key: Tensor
) -> tuple[Tensor | None, ...]:
    queries, keys = (Directions.of(x, normalise=loss.normalise) for x in (query, key))
    q, k, factor = queries.vectors, keys.vectors, 1 / loss.temperature
    each = 0.5 * upstream if loss.symmetric else upstream
    scale, *found = kept
    if scale is not None:
        by_row, by_column = found
        columns = each / by_column if loss.symmetric else torch.zeros_like(by_column)
        by_query, by_key = bounded.pull_between(q, k, scale, each / by_row, columns)
    else:
        scaled = q * factor
        tops, logs = found[0]
        by_query, by_key = rows.pull(scaled, k, tops, logs, each)
        if loss.symmetric:
            tops, logs = found[1]
            back_key, back_query = rows.pull(k, scaled, tops, logs, each)
            by_query.add_(back_query)
            by_key.add_(back_key)
        by_query.mul_(factor)
    by_query.addcmul_(k, upstream.unsqueeze(-1), value=-factor)
    by_key.addcmul_(q, upstream.unsqueeze(-1), value=-factor)
    return queries.back(by_query) if needed[0] else None, keys.back(by_key) if needed[1] else None


# Both ways the sum of a key is complete only after the last query, so there is nothing to gain in one pass.
@implements(
    InfoNCE,
    name="blocks of scores",
    accepts=_ready,
    mean=mean_of(_at_once, unless=lambda loss: loss.symmetric),
    skips=True,
)
def _info_nce(loss: InfoNCE, query: Tensor, key: Tensor, *, keep: Tensor | None = None) -> Tensor:
    computed = partial(two_passes, partial(_values, loss), partial(_slopes, loss), loss.per_example)
    return among_kept(computed, keep, query, key)
