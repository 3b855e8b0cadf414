"""Elementwise losses on many numbers: value and gradient in one pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import Supervised
from ...losses import AsymmetricFocal, BinaryCrossEntropy, Focal, Huber, Pinball
from ..case import Bar, Case, Sides, Step, size_of, step, step_without_gradient


def _focal(logit: Tensor, target: Tensor) -> Tensor:
    """As torchvision writes it."""
    p = torch.sigmoid(logit)
    cost = F.binary_cross_entropy_with_logits(logit, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    return ((0.25 * target + 0.75 * (1 - target)) * cost * (1 - p_t) ** 2).mean()


def _smoothed(logit: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logit, target * 0.9 + 0.05)


def _asymmetric(logit: Tensor, target: Tensor) -> Tensor:
    """As timm writes it, with the gradient of the weight."""
    p = torch.sigmoid(logit)
    rest = (1 - p + 0.05).clamp(max=1)
    cost = target * torch.log(p.clamp(min=1e-8)) + (1 - target) * torch.log(rest.clamp(min=1e-8))
    p_t = p * target + rest * (1 - target)
    return -(cost * torch.pow(1 - p_t, 4 * (1 - target))).mean()


def _pinball(prediction: Tensor, target: Tensor) -> Tensor:
    error = target - prediction
    return torch.maximum(0.9 * error, -0.1 * error).mean()


#: The loss, whether its target is 0 or 1, what people write in torch, and the bar as a multiple of the fresh floor.
_LOSSES: Final[tuple[tuple[str, Supervised, bool, Callable[[Tensor, Tensor], Tensor], float], ...]] = (
    ("focal", Focal(alpha=0.25), True, _focal, 1.6),
    ("binary cross-entropy", BinaryCrossEntropy(), True, F.binary_cross_entropy_with_logits, 1.4),
    ("Huber", Huber(), False, F.huber_loss, 1.25),
    ("smoothed binary cross-entropy", BinaryCrossEntropy(label_smoothing=0.1), True, _smoothed, 1.55),
    ("asymmetric", AsymmetricFocal(), True, _asymmetric, 1.9),
    ("pinball", Pinball(level=0.9), False, _pinball, 1.25),
)


def _sides(loss: Supervised, binary: bool, eager: Callable[[Tensor, Tensor], Tensor], numbers: int) -> Sides:
    rng = torch.Generator().manual_seed(0)
    prediction = torch.randn(numbers, generator=rng).requires_grad_()
    target = torch.randn(numbers, generator=rng)
    target = (target < -1).float() if binary else target
    rivals: dict[str, Step | str] = {"torch": step(lambda: eager(prediction, target), prediction)}
    return Sides(
        ours=step(lambda: loss(prediction, target), prediction),
        # Two tensors are read and a gradient in fresh memory is written.
        floor=step_without_gradient(lambda: prediction.detach() + target),
        rivals=rivals,
        compiled=lambda: _compiled(eager, prediction, target),
        input_bytes=size_of(prediction),
        input_name="prediction",
    )


def _compiled(eager: Callable[[Tensor, Tensor], Tensor], prediction: Tensor, target: Tensor) -> Step:
    compiled = torch.compile(eager)
    return step(lambda: compiled(prediction, target), prediction)


CASES: Final = tuple(
    Case(
        name=f"{name}, 16M numbers",
        losses=(type(loss).__name__,),
        sizes={"full": {"numbers": 1 << 24}, "quick": {"numbers": 1 << 22}, "tiny": {"numbers": 3_000}},
        prepare=partial(_sides, loss, binary, eager),
        bars=(Bar("time", bar), Bar("memory", 1.05)),
        row=6,
        # The formula of timm holds probabilities away from 0, which costs digits.
        tolerance=1e-3,
    )
    for name, loss, binary, eager, bar in _LOSSES
)
