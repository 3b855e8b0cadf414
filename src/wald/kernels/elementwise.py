"""Elementwise losses: value and gradient in one pass over the data, in C++ or piece by piece in torch.

A loss is one line in programs.py and one struct in native/source/losses.hpp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from .. import losses
from ..core import Loss
from .chunks import in_pieces
from .eligible import eligible
from .engine import Pass
from .fused import fused
from .native import calls, library
from .programs import PROGRAMS
from .worthwhile import worthwhile

#: From so many numbers on a call of C++ costs less than it saves: at once where the definition has many steps, later
#: where it has few, or torch a function of its own.
_LEAST: Final = 1
_LEAST_BESIDE: Final[dict[type[Loss], int]] = {
    losses.Gamma: 1_024,
    losses.Percentage: 1_024,
    losses.SquaredLog: 1_024,
    losses.Absolute: 16_384,
    losses.BinaryCrossEntropy: 16_384,
    losses.Poisson: 16_384,
    losses.Huber: 65_536,
    losses.Squared: 65_536,
}

#: In pieces a loss gains once its steps leave the cache. Of these two torch has no steps to save.
_LEAST_PIECES: Final = 1_000_000
_ONE_STEP: Final = (losses.Huber, losses.Squared)


def _is_native(loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    return (
        worthwhile(prediction.numel(), _LEAST_BESIDE.get(type(loss), _LEAST))
        and prediction.dtype is torch.float32
        and target.dtype is torch.float32
        and not target.requires_grad
        and library() is not None
        and PROGRAMS[type(loss)](loss) is not None
        and eligible(prediction, target)
    )


def _gains(loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    return (
        worthwhile(prediction.numel(), _LEAST_PIECES)
        and prediction.shape == target.shape
        and prediction.numel() > 0
        and not target.requires_grad
        and eligible(prediction, target)
    )


def _in_cpp(asked: Pass) -> float:
    program = PROGRAMS[type(asked.loss)](asked.loss)
    assert program is not None  # noqa: S101  (`_is_native` has asked)
    return calls.elementwise(program, asked)


def _in_torch(asked: Pass) -> float:
    prediction = asked.prediction
    # The last axis stays: there may be a parameter, or a label, for each of its entries.
    shape = (-1, *prediction.shape[1:][-1:])
    batch = (-1,) if asked.loss.named_domains[0][1].axes else shape
    weight, values = (None if x is None else x.reshape(batch) for x in (asked.weight, asked.values))
    return in_pieces(
        replace(
            asked,
            prediction=prediction.reshape(shape),
            target=asked.target.reshape(shape),
            weight=weight,
            values=values,
            gradient=None if asked.gradient is None else asked.gradient.view(shape),
        )
    )


for _of in PROGRAMS:
    fused(_of, _in_cpp, name="wald.kernels.native", accepts=_is_native)
    if _of not in _ONE_STEP:
        fused(_of, _in_torch, name="wald.kernels.chunks", accepts=_gains)
