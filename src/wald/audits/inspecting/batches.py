"""What a loss makes of a real batch: in every precision, and with weights that stand for copies of rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Called = Callable[..., Tensor]

#: Precisions in which predictions arrive: of single models, of mixed precision on new and on older devices.
PRECISIONS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def precision_error(loss: Called, prediction: Tensor, target: Tensor) -> tuple[float, str]:
    """How far the loss of a batch is off at worst, as a share of what it is in float64, and in which precision.

    In each precision the predictions are rounded first, and the same rounded numbers are then given in float64, so that
    only what the loss itself loses is counted. A precision that the loss refuses is passed over.
    """
    worst, where = 0.0, ""
    for precision in PRECISIONS[1:]:
        rounded = prediction.to(precision)
        if not bool(rounded.isfinite().all()):
            # The model's predictions are beyond this precision, which is no fault of the loss.
            continue
        exact = _value(loss, rounded.double(), _like(target, torch.float64))
        found = _value(loss, rounded, _like(target, precision))
        if exact is None or found is None or exact != exact or abs(exact) == torch.inf:
            continue
        error = abs(found - exact) / max(abs(exact), 1e-6) if found == found else torch.inf
        if error > worst:
            worst, where = error, str(precision).removeprefix("torch.")
    return worst, where


def copy_error(loss: Called, prediction: Tensor, target: Tensor, copies: Tensor) -> float:
    """How far weights 0, 1, 2 ... are from leaving rows out and repeating them, as a share of the loss."""
    rows = torch.arange(len(target)).repeat_interleave(copies)
    plain = _value(loss, prediction[rows], target[rows])
    found = _value(loss, prediction, target, weight=copies.to(prediction.dtype))
    if plain is None or found is None:
        return 0.0
    if found != found:
        return torch.inf if plain == plain else 0.0
    return abs(found - plain) / max(abs(plain), 1e-6)


def _value(loss: Called, prediction: Tensor, target: Tensor, **more: Tensor) -> float | None:
    """The mean of what the loss gives; None where it refuses."""
    try:
        return float(loss(prediction, target, **more).detach().double().mean())
    except Exception:
        return None


def _like(target: Tensor, precision: torch.dtype) -> Tensor:
    return target.to(precision) if target.is_floating_point() else target
