"""The smallest part of a batch that still shows what the whole one does, found by halving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from .run import Run

Shows = Callable[[Run], bool]

#: So many parts are tried, and so many single rows first.
_TRIES: Final = 48
_SINGLE: Final = 6
#: A row with more entries than this is cut down too, where that is possible.
_LONG: Final = 16


def smallest(run: Run, shows: Shows, first: Tensor | None = None) -> tuple[Tensor, Run]:
    """The rows of a small part of the batch for which `shows` holds, and that part.

    Args:
        run: the whole batch, for which it holds.
        shows: what the part must show.
        first: rows that are likely to show it, which are tried alone before anything is halved.
    """
    for row in (first if first is not None else torch.zeros(0).long())[:_SINGLE]:
        part = run.take(row.reshape(1))
        if shows(part):
            return row.reshape(1), _shortened(part, shows)
    rows = torch.arange(run.rows)
    tries = pieces = 2
    # As delta debugging does: halves, then smaller pieces left out, while what is left still shows it.
    while len(rows) > 1 and tries < _TRIES:
        chunks = [chunk for chunk in rows.tensor_split(pieces) if len(chunk)]
        tried = [*chunks, *(_but(chunks, i) for i in range(len(chunks)) if len(chunks) > 2)]
        kept = None
        for part in tried:
            tries += 1
            if 0 < len(part) < len(rows) and shows(run.take(part)):
                kept = part
                break
            if tries >= _TRIES:
                break
        if kept is None:
            if pieces >= len(rows):
                break
            pieces = min(2 * pieces, len(rows))
        else:
            rows, pieces = kept, 2
    return rows, _shortened(run.take(rows), shows) if len(rows) < run.rows else run


def _but(chunks: list[Tensor], out: int) -> Tensor:
    return torch.cat([chunk for i, chunk in enumerate(chunks) if i != out])


def _shortened(part: Run, shows: Shows) -> Run:
    """The same rows with fewer entries, where entries that line up can be left out together."""
    for cut in (_of_classes, _of_entries):
        shorter = cut(part, shows)
        if shorter is not None:
            return shorter
    return part


def _of_classes(part: Run, shows: Shows) -> Run | None:
    """Only the classes that matter: those of the targets, the largest, and what is not finite."""
    found, pair = part.classes, part.pair
    if found is None or pair is None or found[1].is_floating_point() or found[0].ndim != 2:
        return None
    scores, target, axis = found
    count = scores.shape[-1]
    if count <= _LONG or bool(((target < 0) | (target >= count)).any()):
        return None
    odd = (~scores.isfinite()).any(0).nonzero().flatten()[:4]
    keep = torch.cat([target.flatten(), odd, scores.nan_to_num().argmax(-1), torch.arange(2, device=target.device)])
    keep = keep.unique()
    shorter = part.put(
        **{
            pair[0].name: part.inputs[pair[0].name].index_select(axis, keep),
            pair[1].name: torch.searchsorted(keep, target.contiguous()).to(target.dtype),
        }
    )
    return shorter if shows(shorter) else None


def _of_entries(part: Run, shows: Shows) -> Run | None:
    """Only some entries, where every input has the same shape and so probably entry meets entry."""
    shapes = {x.shape for x in part.inputs.values()}
    if len(shapes) != 1 or next(iter(shapes)).numel() <= _LONG:
        return None
    flat = Run(part.call, {name: x.reshape(-1) for name, x in part.inputs.items()})
    if not shows(flat):
        return None
    rows, shorter = torch.arange(flat.rows), flat
    for _ in range(_TRIES):
        halves = rows.tensor_split(2)
        kept = next((half for half in halves if 0 < len(half) < len(rows) and shows(flat.take(half))), None)
        if kept is None:
            break
        rows, shorter = kept, flat.take(kept)
    return shorter
