"""The CRPS of an ensemble: one sort of each ensemble, and each member's gradient from its rank."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...core import implements
from ...losses import CRPS
from ...losses.pieces.ties import runs
from ...losses.probabilistic.crps import ranked_share
from ..eligible import eligible
from ..one_pass import Gradients, one_pass


def _accepts(loss: CRPS, prediction: Tensor, target: Tensor) -> bool:
    return prediction.shape[-1] > loss.fair and eligible(prediction, target)


@implements(CRPS, name="numpy sort and ranks", accepts=_accepts)
def _crps(loss: CRPS, prediction: Tensor, target: Tensor) -> Tensor:
    def compute(needed: tuple[bool, ...], prediction: Tensor, target: Tensor) -> tuple[Tensor, Gradients]:
        residual = prediction - target.unsqueeze(-1)
        order = torch.from_numpy(np.argsort(residual.numpy(), axis=-1))
        ordered = residual.gather(-1, order)
        share = _shares(ordered, fair=loss.fair)
        values = (ordered.abs() * share).sum(-1)
        if not any(needed):
            return values, (None, None)
        slopes = torch.empty_like(residual).scatter_(-1, order, ordered.sign_().mul_(share))
        return values, (slopes if needed[0] else None, -slopes.sum(-1) if needed[1] else None)

    return one_pass(compute, loss.per_example, prediction, target)


def _shares(ordered: Tensor, *, fair: bool) -> Tensor:
    """What each member counts: by its place, and where members are equal by the middle of their places."""
    share = ranked_share(ordered, 2 * torch.arange(ordered.shape[-1]), fair=fair)
    tied = (ordered[..., 1:] == ordered[..., :-1]).any(-1)
    if tied.any():
        first, last = runs(ordered[tied])
        share[tied] = ranked_share(ordered[tied], first + last, fair=fair)
    return share
