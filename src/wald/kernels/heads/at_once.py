"""A loss of a linear head by way of all scores at once, for whoever must see every operation."""

from __future__ import annotations

from typing import Any

import torch

from ...core.call import which_count
from .admitting import Given
from .definition import outputs_of
from .examples import laid_out
from .output import LinearOutput
from .reducing import How
from .rows import Scores
from .truth import Truth


def at_once(given: Given, how: How) -> Any:
    """The loss under torch.func and torch.compile and of subclasses of tensors, as `linear` gives it."""
    loss, hidden = given.loss, given.hidden
    logits = given.head.to(hidden.dtype).logits(hidden)
    scores = Scores(given.softcap, given.temperature).of(logits.to(given.wide), given.temperature)
    few = given.target if isinstance(given.target, tuple) else None
    target: Any = given.target if few is None else Truth(few[1], few[0]).dense(logits.shape[-1], scores.dtype)
    common: Any = {"weight": given.token_weight, "mask": given.mask, "normalizer": how.normalizer, "empty": how.empty}
    if how.tallies():
        found: Any = loss.tally(scores, target, **common)
    else:
        found = loss(scores, target, **common, reduction=how.reduction)  # pyright: ignore[reportArgumentType]
    if not given.outputs:
        return found
    plain, arranged, weight, mask = laid_out(loss, (scores, target), given.token_weight, given.mask)
    scores, told = arranged
    keep = which_count(plain, plain.kept(scores, told), scores.shape[:-1], weight, mask)
    if keep is not None and not told.is_floating_point():
        told = torch.where(keep, told, torch.zeros_like(told))
    truth = Truth(told)
    outputs = outputs_of(scores, truth, given.outputs)
    if keep is not None:
        outputs = {n: torch.where(keep, x, torch.full_like(x, -1 if n == "argmax" else 0)) for n, x in outputs.items()}
    return LinearOutput(loss=found, **outputs)
