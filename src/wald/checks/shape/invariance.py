"""What may be done to the inputs of a loss without changing it: tried on random batches.

Each change is made to typical inputs, several times and by different amounts. What is left the same every time, to
the precision of the loss, is an invariance; what is multiplied by the same power of the factor each time is a
homogeneous loss, and the power its degree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..subjects.subject import BATCH, CLASSES, Inputs, Subject

_TRIES = 4
_ROWS = 24
#: What a batch of examples that meet is tried on.
_BATCH = 4 * BATCH


@dataclass(frozen=True, kw_only=True)
class Invariances:
    """What was found.

    Attributes:
        words: in the words of a report: "shift", "scale(2)", "sign flip", "swap", "prediction scale", "prediction
            shift", "monotone", "labels", "logit shift", "classes", "examples", "rotation".
        degree: of the loss in prediction and target together, where it is homogeneous.
        shown: for some words, the inputs before and after.
    """

    words: tuple[str, ...] = ()
    degree: float | None = None
    shown: dict[str, tuple[Inputs, Inputs]] = field(default_factory=dict[str, tuple[Inputs, Inputs]])

    def __contains__(self, word: str) -> bool:
        return word in self.words


Change = Callable[[Inputs, float], Inputs]
_AMOUNTS = (0.37, 1.9, 2.6, 0.11)
_FACTORS = (0.5, 3.0, 1.7, 8.0)


def measure_invariances(subject: Subject) -> Invariances:
    """What leaves `subject` the same."""
    trial = _Trial(subject)
    words: list[str] = []
    shown: dict[str, tuple[Inputs, Inputs]] = {}
    for word, change, amounts in _changes(subject):
        pair = trial.same(change, amounts)
        if pair is not None:
            words.append(word)
            shown[word] = pair
    degree = None
    if _multiplies(subject):
        degree = trial.degree()
        if degree is not None:
            words.insert(0, f"scale({degree:g})")
    if subject.whole and trial.same(_shuffled, (0.0, 1.0, 2.0, 3.0)) is not None:
        words.append("examples")
    return Invariances(words=tuple(dict.fromkeys(words)), degree=degree, shown=shown)


class _Trial:
    """One batch, and what the loss makes of it after a change."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.inputs = subject.inputs(_BATCH if subject.whole else _ROWS)
        self.before = self._values(self.inputs)

    def _values(self, inputs: Inputs) -> Tensor | None:
        try:
            if self.subject.whole:
                return self.subject.batch(*inputs).detach().double().mean().reshape(1)
            return self.subject.values(*inputs).detach().double()
        except (RuntimeError, ValueError, IndexError):
            return None

    def same(self, change: Change, amounts: tuple[float, ...]) -> tuple[Inputs, Inputs] | None:
        """The inputs before and after a change that leaves the loss as it is, whatever the amount."""
        before = self.before
        if before is None or not bool(before.isfinite().all()):
            return None
        after: Inputs = self.inputs
        for amount in amounts:
            after = change(self.inputs, amount)
            found = self._values(after)
            if found is None or not self._close(found, before):
                return None
        if self.subject.whole:
            return self.inputs, after
        return tuple(x[:1] for x in self.inputs), tuple(x[:1] for x in after)

    def degree(self) -> float | None:
        """The power of a factor on all inputs by which the loss is multiplied; None where there is none."""
        before = self.before
        if before is None or not bool(before.isfinite().all()) or not bool(before.any()):
            return None
        powers: list[Tensor] = []
        for factor in _FACTORS:
            found = self._values(tuple(x * factor for x in self.inputs))
            if found is None or not bool(found.isfinite().all()):
                return None
            some = before.abs() > 1e-6 * before.abs().max()
            powers.append((found[some] / before[some]).log() / torch.tensor(factor).log())
        every = torch.cat(powers)
        degree = float(every.nan_to_num(nan=torch.inf).mean())
        loose = 1e-6 if self.subject.dtype is torch.float64 else 1e-3
        if not bool(((every - degree).abs() <= loose).all()):
            return None
        return round(degree, 4) + 0.0

    def _close(self, a: Tensor, b: Tensor) -> bool:
        loose = 10 * self.subject.close
        return bool(a.isfinite().all()) and bool(((a - b).abs() <= loose * (1 + b.abs())).all())


def _multiplies(subject: Subject) -> bool:
    """Whether a factor on all inputs stays in their domains and means something."""
    numbers = all(not d.integer and not d.normalised and d.high == torch.inf for _, d in subject.domains)
    return numbers and all(d.low in (0.0, -torch.inf) for _, d in subject.domains) and not subject.labelled


def _changes(subject: Subject) -> list[tuple[str, Change, tuple[float, ...]]]:
    """What can be tried on such inputs, in words, as a function of inputs and amount, and the amounts."""
    domains = [domain for _, domain in subject.domains]
    real = [d.low == -torch.inf and d.high == torch.inf and not d.integer and not d.normalised for d in domains]
    found: list[tuple[str, Change, tuple[float, ...]]] = []
    first = domains[0]
    vectors = (
        len(first.axes) == 1 and not first.logits and all(d.axes == first.axes for d in domains[: _vectors(subject)])
    )
    if subject.scalar and not subject.labelled and all(real):
        found += [("shift", _each(lambda x, a: x + a), _AMOUNTS), ("sign flip", _each(lambda x, a: -x), _AMOUNTS[:1])]
    if subject.scalar and not subject.labelled and first == domains[1]:
        found.append(("swap", lambda inputs, a: (inputs[1], inputs[0]), _AMOUNTS[:1]))
    if subject.labelled and not subject.whole:
        no, yes = subject.labels

        def flip(inputs: Inputs, a: float) -> Inputs:
            z = 1 - inputs[0] if first.high == 1 else -inputs[0]
            return (z, no + yes - inputs[1])

        if real[0] or first.high == 1:
            found.append(("labels", flip, _AMOUNTS[:1]))
    if real[0] and (subject.whole or first.axes) and len(domains) <= 2:
        scale, shift = (
            ("logit scale", "logit shift") if first.logits and first.axes else ("prediction scale", "prediction shift")
        )
        found += [(scale, _first(lambda x, a: a * x), _FACTORS), (shift, _first(lambda x, a: x + a), _AMOUNTS)]
        if subject.whole and not first.axes:
            found.append(("monotone", _first(lambda x, a: (x / a).sinh() + a * x**3), _FACTORS))
    if subject.task == "multiclass" and len(domains) == 2 and subject.prediction.size is None:
        found.append(("classes", lambda inputs, a: _permuted(subject, inputs, a), (0.0, 1.0, 2.0)))
    if vectors and all(real[: _vectors(subject)]):
        found += [
            ("shift", _vectors_changed(subject, lambda x, a: x + a), _AMOUNTS),
            ("rotation", _vectors_changed(subject, _rotated), _AMOUNTS[:2]),
            ("prediction scale", _vectors_changed(subject, lambda x, a: a * x), _FACTORS),
        ]
    return found


def _vectors(subject: Subject) -> int:
    """How many of the inputs are vectors that a model emits."""
    named = [name for name, _ in subject.domains]
    return sum(name not in ("target", "same") for name in named)


def _each(change: Callable[[Tensor, float], Tensor]) -> Change:
    return lambda inputs, amount: tuple(change(x, amount) for x in inputs)


def _first(change: Callable[[Tensor, float], Tensor]) -> Change:
    return lambda inputs, amount: (change(inputs[0], amount), *inputs[1:])


def _vectors_changed(subject: Subject, change: Callable[[Tensor, float], Tensor]) -> Change:
    n = _vectors(subject)
    return lambda inputs, amount: (*(change(x, amount) for x in inputs[:n]), *inputs[n:])


def _rotated(x: Tensor, amount: float) -> Tensor:
    generator = torch.Generator().manual_seed(int(100 * amount))
    square = torch.randn(x.shape[-1], x.shape[-1], generator=generator, dtype=torch.float64)
    return x @ torch.linalg.qr(square)[0].to(x.dtype)


def _permuted(subject: Subject, inputs: Inputs, amount: float) -> Inputs:
    """The classes in another order, in the prediction and in the target."""
    scores, target = inputs
    order = torch.randperm(scores.shape[-1], generator=torch.Generator().manual_seed(int(amount) + 3))
    if int(scores.shape[-1]) != CLASSES and subject.target.integer:
        return inputs
    place = order.argsort()
    return (scores[..., order], place[target] if subject.target.integer else target[..., order])


def _shuffled(inputs: Inputs, amount: float) -> Inputs:
    order = torch.randperm(len(inputs[0]), generator=torch.Generator().manual_seed(int(amount)))
    return tuple(x[order] for x in inputs)
