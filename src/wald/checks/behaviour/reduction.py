"""How a batch becomes a number, and whether its examples meet.

The value of a batch is compared with the values of its examples alone, on two batches, then with that of the batch
twice over. Where that says nothing, the gradients say whether separate examples were added up (see `coupling`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..subjects.subject import Inputs, Subject
from .coupling import Bond, bond_of

#: Relative difference beyond which two values differ; single precision is no better than 1e-6.
_CLOSE = {torch.float64: 1e-9, torch.float32: 1e-4}
#: Rows of the batch that is taken apart, and of the one by which what was seen is confirmed.
_ROWS, _MORE_ROWS = 7, 12


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What was found.

    Attributes:
        reduction: none, mean, sum, weighted mean, transform of mean, other or unresolved.
        coupling: separable, coupled or unresolved.
        ordered: whether the value of a batch depends on the order of its examples.
        why: what shows it.
        copies: the value of a batch twice over, as a multiple of its value: 1 for a mean, 2 for a sum; None where
            it is no number, or zero.
        weights: what each of `inputs` counts beside the others, where that differs.
        inputs: the batch that it was found on.
    """

    reduction: str
    coupling: str
    ordered: bool = False
    why: str = ""
    copies: float | None = None
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
    if not torch.allclose(whole, subject.batch(*inputs).detach(), rtol=close, equal_nan=True):
        return Reduction(
            reduction="unresolved",
            coupling="unresolved",
            why="the same batch has another value at every call",
            inputs=inputs,
        )
    copies = _copies(subject, inputs, whole)
    plain = {_added_up(subject, batch, close) for batch in (inputs, _near_and_far(subject))} - {None}
    if len(plain) == 1 and (word := plain.pop()):
        return Reduction(reduction=word, coupling="separable", ordered=ordered, copies=copies, inputs=inputs)
    return _of_bond(subject, inputs, ordered, copies, close)


def _alone(subject: Subject, inputs: Inputs) -> Tensor:
    """What each example costs in a batch of its own; NaN where it may not stand alone."""
    try:
        rows = [subject.batch(*(x[i : i + 1] for x in inputs)).detach().sum() for i in range(len(inputs[0]))]
    except Exception:
        return torch.full((len(inputs[0]),), torch.nan)
    return torch.stack(rows)


def _added_up(subject: Subject, inputs: Inputs, close: float) -> str | None:
    """Mean or sum, if the value of the batch is that of its examples alone; None where all of them cost the same."""
    total, alone = subject.batch(*inputs).detach().sum(), _alone(subject, inputs)
    if not bool(alone.isfinite().all()):
        return ""
    if not bool(alone.std() > 0):
        return None
    if torch.allclose(total, alone.mean(), rtol=close):
        return "mean"
    return "sum" if torch.allclose(total, alone.sum(), rtol=close) else ""


def _near_and_far(subject: Subject) -> Inputs:
    """Another batch, half of which is predicted well, so that thresholds and selections show."""
    generator = subject.generator().manual_seed(subject.seed + 1)
    x, *rest = subject.inputs(_MORE_ROWS, generator)
    if rest and rest[0].shape == x.shape and rest[0].is_floating_point():
        near = rest[0].to(x) + 0.1 * (x - rest[0].to(x))
        even = (torch.arange(_MORE_ROWS) % 2 == 0).reshape(-1, *[1] * (x.ndim - 1))
        x = torch.where(even & bool(subject.prediction.normalised == ""), near, x)
        x = x.clamp(min=subject.prediction.low, max=subject.prediction.high)
    return x, *rest


def _copies(subject: Subject, inputs: Inputs, whole: Tensor) -> float | None:
    """The value of the batch twice over as a multiple of its value."""
    try:
        twice = subject.batch(*(torch.cat([x, x]) for x in inputs)).detach().sum()
    except Exception:
        return None
    ratio = float(twice / whole.sum())
    return ratio if ratio == ratio and abs(ratio) != float("inf") else None


def _of_catalogue(subject: Subject, inputs: Inputs, close: float) -> Reduction:
    mean, values = subject.call(*inputs).detach(), subject.values(*inputs).detach()
    changed = tuple(torch.cat([x[:1], x[1:].flip(0)]) for x in inputs)
    fewer = tuple(x[:3] for x in inputs)
    apart = [subject.values(*changed)[:1], subject.values(*fewer)]
    meets = any(not torch.allclose(values[: len(other)], other, rtol=close, atol=close) for other in apart)
    plain = torch.allclose(mean, values.mean(), rtol=close, atol=close * 1e-3)
    return Reduction(
        reduction="mean" if plain else "weighted mean",
        coupling="coupled" if meets else "separable",
        why="the value of an example changes with the other examples" if meets else "",
        inputs=inputs,
    )


def _of_values(subject: Subject, inputs: Inputs, whole: Tensor, unshuffled: Tensor, close: float) -> Reduction:
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


def _of_bond(subject: Subject, inputs: Inputs, ordered: bool, copies: float | None, close: float) -> Reduction:
    def found(reduction: str, coupling: str, why: str, weights: Tensor | None = None) -> Reduction:
        return Reduction(
            reduction=reduction,
            coupling=coupling,
            ordered=ordered,
            why=why,
            copies=copies,
            weights=weights,
            inputs=inputs,
        )

    try:
        bond = bond_of(subject, inputs, max(close, 1e-7))
    except Exception as error:
        return found("unresolved", "unresolved", f"{type(error).__name__}: {error}")
    if bond.word == "unknown":
        return found("unresolved", "unresolved", "it has no finite gradient to compare")
    if bond.word == "coupled":
        return found("other", "coupled", "the gradient of an example changes with the other examples")
    if bond.word == "transformed":
        return found("transform of mean", "separable", "gradients of part and whole differ by one factor")
    if not _is_weighted_mean(subject, inputs, bond, close):
        return found("other", "separable", "it divides by something other than a sum of weights", bond.weights)
    return found("weighted mean", "separable", "it divides by a sum of weights", bond.weights)


def _is_weighted_mean(subject: Subject, inputs: Inputs, bond: Bond, close: float) -> bool:
    """Whether the value is Σ w · ℓ / Σ w with the weights that the gradients show and the values of examples alone."""
    weights = bond.weights
    if weights is None:
        return False
    alone = _alone(subject, inputs).double()
    counts = weights.isfinite() & (weights > 0)
    if not bool(counts.any()) or not bool(alone[counts].isfinite().all()):
        return False
    mean = (weights * alone)[counts].sum() / weights[counts].sum()
    return torch.allclose(subject.batch(*inputs).detach().sum().double(), mean, rtol=1e3 * close)
