"""How a batch becomes a number, and whether its examples meet.

The value of a batch is compared with the values of its examples alone; where that says nothing, gradients on
overlapping parts of the batch are compared. If those of a part are those of the whole times one factor, the
batch is a transform of separate values; the mixed second derivative then tells a weighted mean from a transform
such as a root. Every example is missing from some part, since a maximum looks separable where its example is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .subject import Subject

#: Relative difference beyond which two values differ; single precision is no better than 1e-6.
_CLOSE = {torch.float64: 1e-9, torch.float32: 1e-4}
_ROWS = 7
#: No example is in all of them, so each that costs most is missing from one.
_PARTS = ([0, 1, 2, 3], [3, 4, 5, 6], [0, 2, 4, 5])


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What was found.

    Attributes:
        reduction: none, mean, sum, weighted mean, transform of mean, other or unresolved.
        coupling: separable, coupled or unresolved.
        ordered: whether the value of a batch depends on the order of its examples.
        why: what shows it.
        weights: what each of `inputs` counts beside the others, where that differs.
        inputs: the batch that it was found on.
    """

    reduction: str
    coupling: str
    ordered: bool = False
    why: str = ""
    weights: Tensor | None = None
    inputs: tuple[Tensor, ...] = field(default=())


def measure_reduction(subject: Subject) -> Reduction:
    """How `subject` reduces a batch, and whether an example's value depends on the others."""
    inputs = subject.inputs(_ROWS)
    close = _CLOSE[subject.dtype]
    if subject.loss is not None:
        return _of_catalogue(subject, inputs, close)
    whole = subject.batch(*inputs).detach()
    close = max(close, _CLOSE.get(whole.dtype, 1e-2))
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    shuffled = subject.batch(*(x[order] for x in inputs)).detach()
    if whole.ndim and whole.shape[0] == _ROWS:
        return _of_values(subject, inputs, whole, shuffled[order.argsort()], close)
    ordered = not torch.allclose(whole, shuffled, rtol=close, atol=close)
    try:
        alone = torch.stack([subject.batch(*(x[i : i + 1] for x in inputs)).detach().sum() for i in range(_ROWS)])
    except Exception:
        alone = torch.full((_ROWS,), torch.nan)
    total = whole.sum()
    if bool(alone.isfinite().all()) and bool(alone.std() > 0):
        if torch.allclose(total, alone.mean(), rtol=close):
            return Reduction(reduction="mean", coupling="separable", ordered=ordered, inputs=inputs)
        if torch.allclose(total, alone.sum(), rtol=close):
            return Reduction(reduction="sum", coupling="separable", ordered=ordered, inputs=inputs)
    return _by_gradients(subject, inputs, ordered, close)


def _of_catalogue(subject: Subject, inputs: tuple[Tensor, ...], close: float) -> Reduction:
    mean, values = subject.call(*inputs).detach(), subject.values(*inputs).detach()
    changed = tuple(torch.cat([x[:1], x[1:].flip(0)]) for x in inputs)
    fewer = tuple(x[:3] for x in inputs)
    apart = [subject.values(*changed)[:1], subject.values(*fewer)[:1]]
    meets = any(not torch.allclose(values[:1], other, rtol=close, atol=close) for other in apart)
    plain = torch.allclose(mean, values.mean(), rtol=close, atol=close * 1e-3)
    return Reduction(
        reduction="mean" if plain else "weighted mean",
        coupling="coupled" if meets else "separable",
        why="the value of an example changes with the other examples" if meets else "",
        inputs=inputs,
    )


def _of_values(
    subject: Subject, inputs: tuple[Tensor, ...], whole: Tensor, unshuffled: Tensor, close: float
) -> Reduction:
    """One value an example: does it change with the others?"""
    few = subject.batch(*(x[:3] for x in inputs)).detach()
    same = few.shape[0] == 3 and torch.allclose(few, whole[:3], rtol=close, atol=close)
    ordered = not torch.allclose(whole, unshuffled, rtol=close, atol=close)
    return Reduction(
        reduction="none",
        coupling="separable" if same else "coupled",
        ordered=ordered,
        why="" if same else "the value of an example changes with the other examples",
        inputs=inputs,
    )


def _by_gradients(subject: Subject, inputs: tuple[Tensor, ...], ordered: bool, close: float) -> Reduction:
    def found(reduction: str, coupling: str, why: str, weights: Tensor | None = None) -> Reduction:
        return Reduction(
            reduction=reduction, coupling=coupling, ordered=ordered, why=why, weights=weights, inputs=inputs
        )

    try:
        whole = _gradient(subject.batch, inputs)
        pairs = [(whole[rows], _gradient(subject.batch, tuple(x[rows] for x in inputs))) for rows in _PARTS]
    except Exception as error:
        return found("unresolved", "unresolved", f"{type(error).__name__}: {error}")
    if not all(bool(part.isfinite().all()) for _, part in pairs) or bool((whole == 0).all()):
        return found("unresolved", "unresolved", "it has no finite gradient to compare")
    if not all(_proportional(a, b, max(close, 1e-7)) for a, b in pairs):
        return found("other", "coupled", "the gradient of an example changes with the other examples")
    if _mixed(subject.batch, inputs) > max(close, 1e-7):
        return found("transform of mean", "separable", "gradients of part and whole differ by one factor")
    return found("weighted mean", "separable", "it divides by a sum of weights", _weights(subject, inputs, whole))


def _gradient(call: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> Tensor:
    first = inputs[0].detach().clone().requires_grad_()
    return torch.autograd.grad(call(first, *inputs[1:]).sum(), first)[0].detach()


def _proportional(a: Tensor, b: Tensor, close: float) -> bool:
    """Whether one is the other times one factor; both zero in the same places."""
    a, b = a.flatten(), b.flatten()
    size = a.norm() * b.norm()
    return bool(size > 0) and bool((a @ b).abs() / size > 1 - close)


def _mixed(call: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> float:
    """The largest mixed second derivative between examples, as a share of the gradients that it mixes."""
    first = inputs[0].detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(call(first, *inputs[1:]).sum(), first, create_graph=True)
    if not slope.requires_grad:
        return 0.0
    size = slope.detach().abs().max()
    worst = 0.0
    for row in range(3):
        (across,) = torch.autograd.grad(slope[row].sum(), first, retain_graph=True, materialize_grads=True)
        others = torch.arange(len(first)) != row
        worst = max(worst, float(across.detach()[others].abs().max() / size))
    return worst


def _weights(subject: Subject, inputs: tuple[Tensor, ...], whole: Tensor) -> Tensor:
    """What each example counts: its gradient in the batch over its gradient alone."""
    alone = torch.cat([_gradient(subject.batch, tuple(x[i : i + 1] for x in inputs)) for i in range(_ROWS)])
    whole, alone = _rows(whole), _rows(alone)
    weights = (whole * alone).sum(1) / (alone * alone).sum(1)
    return weights / weights.nan_to_num().max()


def _rows(x: Tensor) -> Tensor:
    return x.reshape(len(x), -1)
