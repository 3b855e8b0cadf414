"""A program is believed on a device once it has shown, on the caller's own numbers, that it computes the definition.

Triton compiles on the user's machine, with the user's driver and compiler, for a device that its authors may never have
seen. One that cannot be built there, or gives other numbers, is told once and left alone; the definition runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
import warnings

import torch
from torch import Tensor

from ...core import Loss

#: So many examples are compared, once for each kind of loss, dtype and device.
_EXAMPLES: Final = 64

_believed: Final[dict[tuple[type[Loss], torch.dtype, torch.device], bool]] = {}


def believed(run: Callable[..., Tensor], loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    """Whether `run(loss, prediction, target)` gives the values and gradients of `per_example` here.

    The first call for a kind of loss waits for the device; all later ones look it up.
    """
    key = (type(loss), prediction.dtype, prediction.device)
    found = _believed.get(key)
    if found is None:
        # Nothing may be fetched while a graph is captured; a warm-up call before that settles the matter.
        if prediction.is_cuda and torch.cuda.is_current_stream_capturing():
            return False
        found = _believed[key] = _shown(run, loss, prediction, target)
    return found


def _shown(run: Callable[..., Tensor], loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    own = prediction.shape[target.ndim :]
    x = prediction.detach().reshape(-1, *own)[:_EXAMPLES].clone()
    truth = target.detach().reshape(-1)[:_EXAMPLES]
    try:
        value, slope = _value_and_slope(lambda z: run(loss, z, truth), x)
    except Exception as error:  # whatever a compiler on somebody's machine may raise
        _tell(loss, f"could not be run: {type(error).__name__}: {error}")
        return False
    wide = truth.double() if truth.is_floating_point() else truth
    exact, right = _value_and_slope(lambda z: loss.per_example(z, wide), x.double())
    coarse = 4 * torch.finfo(x.dtype).eps
    same = torch.allclose(value.double(), exact, rtol=1e-4, atol=1e-4, equal_nan=True) and torch.allclose(
        slope.double(), right, rtol=max(coarse, 1e-3), atol=max(coarse, 1e-4), equal_nan=True
    )
    if not same:
        _tell(loss, f"is off by {(value.double() - exact).abs().max().item():.3g} on {len(x)} examples")
    return same


def _value_and_slope(compute: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = x.requires_grad_()
        value = compute(leaf)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), slope


def _tell(loss: Loss, what: str) -> None:
    warnings.warn(
        f"{type(loss).__name__}: the Triton program {what}. The definition runs in its place: slower, and right.",
        RuntimeWarning,
        stacklevel=2,
    )
