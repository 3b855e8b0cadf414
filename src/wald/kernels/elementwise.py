"""Elementwise losses: value and gradient in one pass over the data, in C++ or piece by piece in torch.

A loss is one line here and one struct in native/source/losses.hpp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from .. import losses
from ..core import Loss
from .chunks import in_pieces
from .eligible import eligible
from .fused import fused
from .native import calls, library
from .worthwhile import worthwhile

#: The name of a loss in C++ and its parameters there; None where it is not there.
Native = tuple[str, tuple[float, ...]] | None


def _levels(level: float) -> tuple[float, float]:
    return level, 1 - level


def _pinball(loss: losses.Pinball) -> Native:
    return None if isinstance(loss.level, tuple) else ("Pinball", _levels(loss.level))


def _binary_cross_entropy(loss: losses.BinaryCrossEntropy) -> Native:
    if isinstance(loss.pos_weight, tuple):
        return None
    return "BinaryCrossEntropy", (loss.pos_weight, 1 - loss.label_smoothing, loss.label_smoothing / 2)


def _focal(loss: losses.Focal) -> Native:
    if loss.kind != "binary" or isinstance(loss.alpha, tuple):
        return None
    return "Focal", (loss.gamma, *((1.0, 1.0) if loss.alpha is None else _levels(loss.alpha)))


def _tweedie(loss: losses.Tweedie) -> Native:
    if loss.power == 2:
        return ("Gamma" if loss.log_input else "GammaMean"), ()
    if loss.power == 1:
        return ("Poisson" if loss.log_input else "PoissonRate"), ()
    return ("Tweedie", (2 - loss.power, 1 - loss.power)) if loss.log_input else None


_NATIVE: Final[dict[type[Loss], Callable[[Any], Native]]] = {
    losses.Absolute: lambda loss: ("Absolute", ()),
    losses.AsymmetricFocal: lambda loss: ("AsymmetricFocal", (loss.gamma_pos, loss.gamma_neg, loss.clip)),
    losses.BinaryCrossEntropy: _binary_cross_entropy,
    losses.Expectile: lambda loss: ("Expectile", _levels(loss.level)),
    losses.Focal: _focal,
    losses.Gamma: lambda loss: ("Gamma" if loss.log_input else "GammaMean", ()),
    losses.Hinge: lambda loss: ("Hinge", (loss.margin,)),
    losses.Huber: lambda loss: ("Huber", (loss.delta,)),
    losses.Linex: lambda loss: ("Linex", (loss.steepness,)),
    losses.LogCosh: lambda loss: ("LogCosh", (loss.scale,)),
    losses.Percentage: lambda loss: ("Percentage", (loss.floor if loss.zero == "floor" else 0.0,)),
    losses.Pinball: _pinball,
    losses.Poisson: lambda loss: None if loss.full else ("Poisson" if loss.log_input else "PoissonRate", ()),
    losses.PseudoHuber: lambda loss: ("PseudoHuber", (loss.delta,)),
    losses.SmoothedPinball: lambda loss: ("SmoothedPinball", (*_levels(loss.level), loss.width)),
    losses.Squared: lambda loss: ("Squared", ()),
    losses.SquaredHinge: lambda loss: ("SquaredHinge", (loss.margin,)),
    losses.SquaredLog: lambda loss: ("SquaredLog", ()),
    losses.Tweedie: _tweedie,
}

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
        and _NATIVE[type(loss)](loss) is not None
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


def _in_cpp(
    loss: Loss,
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    scale: float = 1.0,
    values: Tensor | None = None,
    gradient: Tensor | None = None,
) -> float:
    found = _NATIVE[type(loss)](loss)
    assert found is not None  # noqa: S101  (`_is_native` has asked)
    return calls.elementwise(
        *found,
        prediction.contiguous(),
        target.contiguous(),
        weight=None if weight is None else weight.contiguous(),
        scale=scale,
        values=values,
        gradient=gradient,
    )


def _in_torch(
    loss: Loss,
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    scale: float = 1.0,
    values: Tensor | None = None,
    gradient: Tensor | None = None,
) -> float:
    # The last axis stays: there may be a parameter, or a label, for each of its entries.
    shape = (-1, *prediction.shape[1:][-1:])
    batch = (-1,) if loss.named_domains[0][1].axes else shape
    counts, found = (None if x is None else x.reshape(batch) for x in (weight, values))
    slopes = None if gradient is None else gradient.view(shape)
    x, truth = prediction.reshape(shape), target.reshape(shape)
    return in_pieces(loss, x, truth, weight=counts, scale=scale, values=found, gradient=slopes)


for _of in _NATIVE:
    fused(_of, _in_cpp, name="wald.kernels.native", accepts=_is_native)
    if _of not in _ONE_STEP:
        fused(_of, _in_torch, name="wald.kernels.chunks", accepts=_gains)
