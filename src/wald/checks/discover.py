"""Finding out how a foreign loss wants to be called, and on what kind of problem.

Small batches are tried: class ids against scores, then numbers against numbers, then distributions. Where it is
finite says in which domain an input lives; what it does there says which problem it is for (see `tasks`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import torch
from torch import Tensor

from ..cards import (
    AboveMinusOne,
    BinaryTarget,
    ClassId,
    Domain,
    Logit,
    Logits,
    LogProbabilities,
    NonNegative,
    Positive,
    Probabilities,
    Real,
)
from ..core import Loss
from .grids import inside, pairs
from .subject import CLASSES, Subject, sweeps
from .target import Target
from .tasks import ROWS, Probability, Sign, numbers, told_apart

#: What `domain=` may say of the prediction.
DOMAINS: Final[dict[str, Domain]] = {
    "real": Real,
    "positive": Positive,
    "non-negative": NonNegative,
    "above -1": AboveMinusOne,
    "probability": Probability,
    "logit": Logit,
    "logits": Logits,
    "probabilities": Probabilities,
    "log-probabilities": LogProbabilities,
}
TASKS: Final = ("regression", "binary", "multiclass", "multilabel", "ranking", "pairwise", "other")

#: Numbers that tell the domains apart, and the domains in the order in which they are tried.
_NUMBERS: Final[dict[str, tuple[float, ...]]] = {
    # No larger, as the exponential of a product of two of them must be finite in single precision.
    "real": (-8.0, -3.0, -0.5, 0.3, 0.7, 2.0, 8.0),
    "above -1": (-0.5, 0.3, 0.7, 2.0, 8.0),
    "positive": (0.3, 0.7, 2.0, 8.0),
    "probability": (0.3, 0.7),
}


@dataclass(frozen=True)
class Unknown:
    """No way to call a loss was found.

    Attributes:
        why: what it said to the last attempt.
    """

    why: str


def subject_of(
    target: Target, *, task: str | None = None, domain: str | None = None, seed: int = 0
) -> Subject | Unknown:
    """How to call the loss, and on what kind of problem; `task` and `domain` (of the prediction) are believed.

    Raises:
        ValueError: `task` or `domain` is not a word that is known.
    """
    for word, given, known in (("task", task, TASKS), ("domain", domain, tuple(DOMAINS))):
        if given is not None and given not in known:
            raise ValueError(f"{word}={given!r} is not known; it is one of {', '.join(known)}.")
    if isinstance(target.loss, Loss):
        return _of_catalogue(target, target.loss, task, seed)
    start = Subject(name=target.name, recipe=target.recipe, call=target.loss, task="other", domains=(), seed=seed)
    return _discovered(start, task, DOMAINS.get(domain or ""))


def _of_catalogue(target: Target, loss: Loss, task: str | None, seed: int) -> Subject:
    subject = Subject(
        name=target.name,
        recipe=target.recipe,
        call=loss,
        task=task or str(loss.card.task),
        domains=loss.named_domains,
        loss=loss,
        claims=loss.card.to_dict(),
        seed=seed,
    )
    if type(loss).arranged is not Loss.arranged:
        # Layout is no property of a loss: its twin in plain layout is what is measured.
        twin = loss.arranged(subject.inputs(ROWS), None, None)[0]
        subject = replace(subject, call=twin, loss=twin, domains=twin.named_domains)
    return _of_one_label(subject)


def _of_one_label(subject: Subject) -> Subject:
    """Several labels that are judged alike are measured as one."""
    domains = [domain for _, domain in subject.domains]
    alike = all(len(domain.axes) == 1 and domain.axes == domains[0].axes and not domain.size for domain in domains)
    if subject.task != "multilabel" or not alike:
        return subject
    return replace(subject, column=True, domains=tuple((name, replace(d, axes=())) for name, d in subject.domains))


def _discovered(start: Subject, task: str | None, hint: Domain | None) -> Subject | Unknown:
    attempt = _Attempt(start)
    classes = task in (None, "multiclass") and (hint is None or hint.axes)
    plain = task != "multiclass" and not (hint is not None and hint.axes)
    if classes and (found := _of_classes(attempt, hint)) is not None:
        return found
    found = _of_numbers(attempt, task, hint) if plain else None
    if found is not None and (found.task != "other" or task is not None):
        return found
    if classes and (distributions := _of_distributions(attempt, hint)) is not None:
        return distributions
    return found or Unknown(attempt.why or "it gave no finite number for anything that was tried")


class _Attempt:
    """Calls that may fail, and the reason for which the last one did."""

    def __init__(self, start: Subject) -> None:
        self.start = start
        self.why = ""

    def value(self, subject: Subject, *inputs: Tensor) -> Tensor | None:
        """What the loss gives, if that is finite and has to do with the prediction."""
        first = inputs[0].detach().clone().requires_grad_()
        try:
            found: Any = subject.batch(first, *(x.clone() for x in inputs[1:]))
        except Exception as error:
            self.why = f"{type(error).__name__}: {error}"
            return None
        if not isinstance(found, Tensor):
            self.why = f"it returned a {type(found).__name__}, not a tensor"
            return None
        return found.detach() if bool(found.isfinite().all()) else None

    def wide(self, subject: Subject, *inputs: Tensor) -> Subject | None:
        """The subject in the widest dtype in which it takes these inputs."""
        for dtype in (torch.float64, torch.float32):
            cast = [x.to(dtype) if x.is_floating_point() else x for x in inputs]
            value = self.value(subject, *cast)
            # What answers in single precision whatever it is asked in is no more precise than that.
            if value is not None and (value.dtype is dtype or dtype is torch.float32):
                return replace(subject, dtype=dtype)
        return None


def _of_classes(attempt: _Attempt, hint: Domain | None) -> Subject | None:
    generator = attempt.start.generator()
    scores = 3 * torch.randn(ROWS, CLASSES, generator=generator, dtype=torch.float64)
    ids = torch.arange(ROWS) % CLASSES
    for domain in [hint] if hint else [Logits, Probabilities]:
        x = inside(domain, scores)
        subject = replace(attempt.start, task="multiclass", domains=(("prediction", domain), ("target", ClassId)))
        wide = attempt.wide(subject, x, ids)
        if wide is None or not _moves(wide, x.to(wide.dtype), ids, (ids + 1) % CLASSES):
            continue
        wide = replace(wide, together=sweeps(wide.batch, (x.to(wide.dtype), ids)))
        if domain is Logits and _linear(wide, x.to(wide.dtype), ids):
            # What is linear in its scores has no best ones; it must be meant for log-probabilities.
            wide = replace(wide, domains=(("prediction", LogProbabilities), ("target", ClassId)))
        return wide
    return None


def _of_distributions(attempt: _Attempt, hint: Domain | None) -> Subject | None:
    generator = attempt.start.generator()
    scores = 2 * torch.randn(2, ROWS, CLASSES, generator=generator, dtype=torch.float64)
    truth = scores[1].softmax(-1)
    for domain in [hint] if hint else [Logits, LogProbabilities, Probabilities]:
        near, far = (inside(domain, x) for x in (truth.log(), scores[0]))
        subject = replace(attempt.start, task="multiclass", domains=(("prediction", domain), ("target", Probabilities)))
        wide = attempt.wide(subject, near, truth)
        if wide is None:
            continue
        near, far, target = (x.to(wide.dtype) for x in (near, far, truth))
        at_truth, elsewhere = attempt.value(wide, near, target), attempt.value(wide, far, target)
        if at_truth is not None and elsewhere is not None and at_truth.mean() < elsewhere.mean():
            return replace(wide, together=sweeps(wide.batch, (near, target)))
    return None


def _moves(subject: Subject, x: Tensor, one: Tensor, other: Tensor) -> bool:
    """Whether another target gives another value."""
    return not torch.equal(subject.batch(x, one), subject.batch(x, other))


def _linear(subject: Subject, x: Tensor, target: Tensor) -> bool:
    try:
        here, *others = (subject.slopes(at, target) for at in (x, 2 * x + 1, -x, x.flip(0)))
    except Exception:
        return False
    return bool(here.isfinite().all()) and all(torch.allclose(here, there, rtol=1e-6, atol=1e-9) for there in others)


def _of_numbers(attempt: _Attempt, task: str | None, hint: Domain | None) -> Subject | None:
    subject = _callable_with_numbers(attempt, hint)
    return None if subject is None else told_apart(subject, task, hint)


def _callable_with_numbers(attempt: _Attempt, hint: Domain | None) -> Subject | None:
    """The widest domains in which it is finite for every pair of numbers, in the first shape that it takes."""
    targets = [(DOMAINS[name], ys) for name, ys in _NUMBERS.items()]
    targets += [(BinaryTarget, (0.0, 1.0)), (Sign, (-1.0, 1.0))]
    predictions = [(DOMAINS[name], xs) for name, xs in _NUMBERS.items()]
    if hint is not None:
        predictions = [(hint, xs) for domain, xs in predictions if (domain.low, domain.high) == (hint.low, hint.high)]
    for column, (target, ys), (domain, xs) in product((False, True), targets, predictions):
        x, y = pairs(numbers(xs), numbers(ys))
        start = replace(attempt.start, domains=(("prediction", domain), ("target", target)), column=column)
        subject = attempt.wide(start, x, y)
        if subject is not None and _alone_too(attempt, subject, x, y):
            x, y = x.to(subject.dtype), y.to(subject.dtype)
            return replace(subject, together=sweeps(subject.batch, (x, y)))
    return None


def _alone_too(attempt: _Attempt, subject: Subject, x: Tensor, y: Tensor) -> bool:
    """Whether every pair is finite by itself, or none is, as with losses whose examples need each other."""
    rows = zip(x.to(subject.dtype), y.to(subject.dtype), strict=True)
    each = [attempt.value(subject, one.unsqueeze(0), other.unsqueeze(0)) is not None for one, other in rows]
    return all(each) or not any(each)
