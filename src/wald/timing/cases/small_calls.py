"""Calls so small that nothing but their overhead counts: 32 elements, as in reinforcement learning and in tests."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...losses import (
    Absolute,
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    Huber,
    LogCosh,
    Pinball,
    Poisson,
    Squared,
)
from ..case import Bar, Case, Sides, step

Compute = Callable[[Tensor, Tensor], Tensor]


def _real(rows: int, rng: torch.Generator) -> Tensor:
    return torch.randn(rows, generator=rng)


def _positive(rows: int, rng: torch.Generator) -> Tensor:
    return torch.rand(rows, generator=rng) + 0.5


def _labels(rows: int, rng: torch.Generator) -> Tensor:
    return (torch.rand(rows, generator=rng) < 0.3).float()


def _focal(prediction: Tensor, target: Tensor) -> Tensor:
    """As it is usually written; torch has none."""
    each = F.binary_cross_entropy_with_logits(prediction, target, reduction="none")
    return (each * (1 - torch.exp(-each)) ** 2).mean()


def _pinball(prediction: Tensor, target: Tensor) -> Tensor:
    error = target - prediction
    return torch.maximum(0.9 * error, -0.1 * error).mean()


def _log_cosh(prediction: Tensor, target: Tensor) -> Tensor:
    error = prediction - target
    return (error + F.softplus(-2 * error) - 0.6931471805599453).mean()


def _of(ours: Compute, theirs: Compute, drawn: Callable[[int, torch.Generator], Tensor]) -> Callable[..., Sides]:
    def prepare(rows: int) -> Sides:
        rng = torch.Generator().manual_seed(0)
        prediction = torch.randn(rows, generator=rng).requires_grad_()
        target = drawn(rows, rng)
        return Sides(
            ours=step(lambda: ours(prediction, target), prediction),
            rivals={"torch": step(lambda: theirs(prediction, target), prediction)},
        )

    return prepare


def _of_classes(rows: int, classes: int) -> Sides:
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(rows, classes, generator=rng).requires_grad_()
    target = torch.randint(classes, (rows,), generator=rng)
    loss = CrossEntropy()
    return Sides(
        ours=step(lambda: loss(logits, target), logits),
        rivals={"torch": step(lambda: F.cross_entropy(logits, target), logits)},
    )


def _small(name: str, prepare: Callable[..., Sides], *bars: Bar, **sizes: int) -> Case:
    return Case(
        name=f"small call: {name}, {'×'.join(map(str, sizes.values()))}",
        losses=(name,),
        sizes={"full": sizes, "quick": sizes, "tiny": sizes},
        prepare=prepare,
        bars=bars,
        row=11,
        rounds=20,
    )


CASES = (
    _small("Squared", _of(Squared(), F.mse_loss, _real), Bar("time", 1.4, "torch"), rows=32),
    _small("Absolute", _of(Absolute(), F.l1_loss, _real), rows=32),
    _small("Huber", _of(Huber(), F.huber_loss, _real), rows=32),
    _small("Poisson", _of(Poisson(), F.poisson_nll_loss, _positive), rows=32),
    _small("BinaryCrossEntropy", _of(BinaryCrossEntropy(), F.binary_cross_entropy_with_logits, _labels), rows=32),
    _small("CrossEntropy", _of_classes, rows=32, classes=10),
    _small("Focal", _of(Focal(gamma=2.0), _focal, _labels), rows=32),
    _small("Pinball", _of(Pinball(level=0.9), _pinball, _real), rows=32),
    _small("LogCosh", _of(LogCosh(), _log_cosh, _real), rows=32),
)
