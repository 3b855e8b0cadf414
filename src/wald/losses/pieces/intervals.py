"""Entries of a prediction that belong to intervals of time: one of them, those up to it, and those from it on."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import DomainError


def refuse_intervals(loss: str, prediction: Tensor, interval: Tensor) -> None:
    """Raise unless every interval is one of those that the prediction has an entry for.

    Raises:
        DomainError: one is beyond the last.
    """
    last = prediction.shape[-1] - 1
    beyond = interval[interval > last]
    if beyond.numel():
        raise DomainError(
            f"{loss}: interval contains {beyond[0].item()}, and prediction {tuple(prediction.shape)} has intervals 0 "
            f"to {last}. Times beyond the last interval are censored in it: interval.clamp(max={last}), with event 0. "
            "If intervals are counted from 1, use interval - 1."
        )


def up_to(x: Tensor, interval: Tensor) -> Tensor:
    """Which entries of the last axis belong to intervals up to this one, itself included."""
    return torch.arange(x.shape[-1], device=x.device) <= interval.unsqueeze(-1)


def at(x: Tensor, interval: Tensor) -> Tensor:
    """The entry of this interval."""
    return x.gather(-1, interval.unsqueeze(-1)).squeeze(-1)


def from_on(logits: Tensor, interval: Tensor) -> Tensor:
    """The log of the sum of exponentials from this interval on, and of one more entry, 0, for what comes after all."""
    gone = up_to(logits, interval - 1)
    return F.pad(logits.masked_fill(gone, -torch.inf), (0, 1)).logsumexp(-1)
