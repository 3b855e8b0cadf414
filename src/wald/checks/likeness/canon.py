"""What the catalogue and its known mistakes give on their batteries, each computed once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ...core import Loss, value_checks
from ..mistakes import Mistake
from .battery import Inputs, batches, battery, learned
from .traces import Trace, trace


@lru_cache(maxsize=8192)
def canonical(loss: Loss, mistake: Mistake | None = None, *, together: bool = False) -> Trace | None:
    """What `worked_out` says, remembered."""
    return worked_out(loss, mistake, together=together)


def worked_out(loss: Loss, mistake: Mistake | None = None, *, together: bool = False) -> Trace | None:
    """What a loss, or a mistake of it, gives for each unit of its battery; None where it cannot be had.

    Args:
        loss: the loss, with its fields.
        mistake: the way in which it is written wrong; None for the loss itself.
        together: batches of a few examples as units, also where examples do not meet.
    """
    inputs = battery(loss)
    batched = together or loss.card.coupling == "coupled"

    def values(*given: Tensor) -> Tensor:
        if not batched:
            return _each(loss, mistake, given)
        return torch.stack([_whole(loss, mistake, few) for few in batches(given)])

    try:
        return trace(values, inputs, learned(loss))
    except (ValueError, RuntimeError, TypeError, IndexError, ArithmeticError):
        return None


def mean(loss: Loss, inputs: Inputs) -> Tensor:
    """The mean of a loss over a batch, its class weights in the denominator."""
    with value_checks(False):
        return loss(*inputs)


def _each(loss: Loss, mistake: Mistake | None, inputs: Inputs) -> Tensor:
    """The value of each example as it would be in a batch of its own."""
    if mistake is not None:
        return mistake.values(loss, *inputs)
    found: Any = loss.per_example(*inputs)
    share = loss.share(*inputs)
    return found if share is None else found / share


def _whole(loss: Loss, mistake: Mistake | None, inputs: Inputs) -> Tensor:
    if mistake is None:
        return mean(loss, inputs)
    found = mistake.values(loss, *inputs)
    return found.mean()
