"""Whether the gradient is that of the value.

A factor that was detached, a backward pass that was written by hand, a `.item()` in the middle: the value is right,
every comparison of values passes, and training follows another loss than the one that is reported. The derivative
that autograd gives along random directions is compared with differences of the value itself, at two distances; only
where these two agree is there a derivative to compare with.

A part that is held constant on purpose is accused as well, because from outside the two look the same: then what is
reported is not what is minimised, and whoever reads the number should know.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from ...findings import Finding, State
from ..measured import Measured
from ..subjects.draw import draw
from ..subjects.subject import CLASSES, Inputs, Subject
from .rule import Rule, regression, sloped, squared_error

_ROWS, _BATCHES, _DIRECTIONS = 6, 4, 3
#: Distance of the differences, and the relative difference of derivatives that is no rounding.
_STEP = {torch.float64: 1e-5, torch.float32: 4e-3}
_APART = {torch.float64: 1e-3, torch.float32: 5e-2}
#: The share of directions with another derivative from which it is no accident of one place.
_SHARE = 0.3


def look(measured: Measured) -> Iterator[Finding]:
    """A few batches, a few directions each; every other one with probabilities for class ids, where that may be."""
    subject = measured.subject
    compared, apart = 0, list[tuple[float, Inputs, float, float]]()
    generator = subject.generator()
    for number in range(_BATCHES):
        soft = number % 2 == 1 and _takes_probabilities(subject)
        inputs = _batch(subject, generator, soft=soft)
        slope = _slope(subject, inputs)
        if slope is None and soft:
            # A form without any gradient is not seen where the other form is looked at.
            slope = torch.zeros_like(inputs[0])
        if slope is None:
            continue
        for _ in range(_DIRECTIONS):
            direction = torch.randn(inputs[0].shape, generator=generator, dtype=torch.float64).to(inputs[0])
            if subject.prediction.normalised == "linear":
                direction = inputs[0] * (direction - (inputs[0] * direction).sum(-1, keepdim=True))
            measured_, told = _difference(subject, inputs, direction), float((slope * direction).sum())
            if measured_ is None:
                continue
            compared += 1
            size = float((slope.abs() * direction.abs()).sum()) + abs(measured_)
            off = abs(measured_ - told) / max(size, 1e-12)
            if off > _APART[subject.dtype] and size > 1e-6:
                apart.append((off, inputs, told, measured_))
    yield _judged(subject, compared, apart)


def _judged(subject: Subject, compared: int, apart: list[tuple[float, Inputs, float, float]]) -> Finding:
    if not compared:
        return _finding("not_applicable", "it has no derivative that values could be held against")
    if len(apart) <= _SHARE * compared:
        told = f" (but for {len(apart)}, near a kink)" if apart else ""
        return _finding("pass", f"along {compared} directions the gradient is that of the value{told}")
    off, inputs, told, found = max(apart, key=lambda one: one[0])
    return _finding(
        "fail",
        f"its gradient is not that of its value: along one direction autograd gives {told:.4g} where the value changes "
        f"by {found:.4g}, and so along {len(apart)} of {compared}",
        effect=off,
        fix="Look for detach(), .item(), .data, no_grad or a backward written by hand in what depends on the "
        "prediction; if a part is held constant on purpose, report the value of what is minimised.",
        evidence={"reproduce": sloped(subject, tuple(x[:2] for x in inputs)), "autograd": told, "differences": found},
    )


def _takes_probabilities(subject: Subject) -> bool:
    """Whether class ids may also be given as probabilities, which often have a branch of their own."""
    return subject.loss is not None and any(domain.soft for _, domain in subject.domains)


def _batch(subject: Subject, generator: Generator, *, soft: bool) -> Inputs:
    if soft and subject.loss is not None:
        return draw(subject.loss, _ROWS, generator, classes=CLASSES, soft=True)
    return subject.inputs(_ROWS, generator)


def _slope(subject: Subject, inputs: Inputs) -> Tensor | None:
    x = inputs[0].detach().clone().requires_grad_()
    try:
        value = subject.batch(x, *inputs[1:])
        if not value.requires_grad:
            return None
        (slope,) = torch.autograd.grad(value.sum(), x, materialize_grads=True)
    except (RuntimeError, ValueError):
        return None
    return slope.detach() if bool(slope.isfinite().all()) else None


def _difference(subject: Subject, inputs: Inputs, direction: Tensor) -> float | None:
    """The derivative of the value along a direction, if differences at two distances agree on one."""

    def value(step: float) -> float:
        return float(subject.batch(inputs[0] + step * direction, *inputs[1:]).detach().double().sum())

    step, found = _STEP[subject.dtype], list[float]()
    try:
        for distance in (step, step / 2):
            found.append((value(distance) - value(-distance)) / (2 * distance))
    except (RuntimeError, ValueError):
        return None
    wide, narrow = found
    close = _APART[subject.dtype] / 4
    return narrow if abs(wide - narrow) <= close * (abs(wide) + abs(narrow)) + 1e-9 else None


def _finding(
    state: State, says: str, *, effect: float | None = None, fix: str = "", evidence: dict[str, object] | None = None
) -> Finding:
    return Finding(
        code="W803",
        state=state,
        question="dead parts",
        says=says,
        fix=fix,
        effect=effect,
        unit="" if effect is None else "share of the gradient",
        evidence=evidence or {},
        method="central differences at two distances along random directions",
    )


def _detached(prediction: Tensor, target: Tensor) -> Tensor:
    error = (prediction - target).abs()
    return (error.detach() * error).mean()


RULE = Rule(
    codes={"W803": "the gradient is not that of the value"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_detached),
    clean=lambda: regression(squared_error),
)
