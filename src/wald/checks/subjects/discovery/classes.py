"""Scores of classes against the class that was observed, and embeddings against the class that they belong to."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
import re

import torch
from torch import Tensor

from ....cards import ClassId, Domain, Logits, LogProbabilities, Probabilities, Vector
from ..domains import ClassList
from ..grids import inside
from ..subject import CLASSES, Inputs, Subject
from .asked import Asked
from .forms import PLAIN, Layout
from .trial import ROWS, Trial


def of_classes(
    trial: Trial, asked: Asked, first: Layout = PLAIN, second: Layout = PLAIN, *, size: int | None = None
) -> Subject | None:
    """Scores against class ids, if the loss takes whole numbers for classes and not for numbers."""
    generator = trial.start.generator()
    classes = size or CLASSES
    ids = torch.arange(ROWS) % classes
    scores = 2 * torch.randn(ROWS, classes, generator=generator, dtype=torch.float64)
    # The right class leads most of the time, so that a count of errors moves with the ids.
    scores = scores + 3 * torch.nn.functional.one_hot(ids, classes)
    for domain in _domains(asked):
        sized = domain if size is None else replace(domain, size=size)
        form = asked.form(sized, ClassId, first, second, task="multiclass")
        wide = trial.wide(trial.subject(form), inside(domain, scores), ids)
        if wide is None:
            continue
        subject, inputs = wide
        if _of_amounts(trial, subject, inputs):
            return None
        if not any(_moves(trial, subject, inputs, (ids + shift) % classes) for shift in (1, 2, 3)):
            if _moves(trial, subject, inputs, torch.arange(ROWS) // 2 % classes) and first == PLAIN:
                return _of_members(trial, asked)
            continue
        if _alike(trial, subject, inputs):
            return None
        if asked.hint is None and (better := _normalised(trial, subject, inputs)) is not domain:
            sized = better if size is None else replace(better, size=size)
            form = asked.form(sized, ClassId, first, second, task="multiclass")
            subject = replace(trial.subject(form), dtype=subject.dtype)
            inputs = (inside(better, scores).to(subject.dtype), ids)
        return trial.settled(subject, form, inputs)
    return None


def _domains(asked: Asked) -> list[Domain]:
    if asked.hint is not None:
        return [asked.hint]
    predicted = asked.predicted
    if predicted.role != "log_prob" and re.search(r"prob|^p$|^ps$|softmax", predicted.name.lower()):
        return [Probabilities, Logits]
    return [Logits, Probabilities]


def _of_amounts(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether it takes any numbers for targets, and makes a difference between 1 and 1.3, and 1.3 and 1.4."""
    x, ids = inputs
    found = [trial.value(subject, x, ids.to(x.dtype) + shift) for shift in (0.0, 0.3, 0.4, -7.7)]
    values = [one for one in found if one is not None]
    apart = all(not torch.equal(a, b) for a, b in combinations(values, 2))
    return len(values) == len(found) and apart


def _moves(trial: Trial, subject: Subject, inputs: Inputs, other: Tensor) -> bool:
    """Whether other targets give another value."""
    here, there = trial.value(subject, *inputs), trial.value(subject, inputs[0], other)
    return here is not None and there is not None and not torch.allclose(here, there, rtol=1e-6, atol=1e-9)


def _alike(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether the scores of all classes are treated alike, so that none of them belongs to a class."""
    x, ids = inputs
    here, there = trial.value(subject, x, ids), trial.value(subject, x.flip(1), ids)
    return x.shape[1] > 1 and here is not None and there is not None and torch.allclose(here, there, rtol=1e-6)


def _of_members(trial: Trial, asked: Asked) -> Subject | None:
    """Embeddings and the class of each, where only who belongs together matters."""
    form = asked.form(Vector, ClassId)
    form = replace(form, domains=(("embedding", Vector), ("label", ClassId)))
    subject = trial.subject(form)
    wide = trial.wide(subject, *subject.inputs(ROWS))
    return None if wide is None else trial.settled(wide[0], form, wide[1])


def _normalised(trial: Trial, subject: Subject, inputs: Inputs) -> Domain:
    """Where its scores live: those of a loss that is linear, or flat below zero, are not free."""
    x, target = inputs
    domain = replace(subject.prediction, size=None)
    if domain is not Logits and domain != Logits:
        return domain
    sure = torch.nn.functional.one_hot(target, x.shape[1]).to(x)
    if _linear(subject, x, target):
        # What is linear in its scores has no best ones. It is least at 1 for a probability, at 0 for its logarithm.
        certain = trial.value(subject, sure, target)
        costless = certain is not None and bool((certain.abs() < 1e-6).all())
        return Probabilities if costless else LogProbabilities
    below = [trial.value(subject, -1 - size * x.abs().roll(size, 1), target) for size in (0, 1, 2, 3)]
    if all(one is not None and below[0] is not None and torch.equal(one, below[0]) for one in below):
        return Probabilities  # clamped above zero, as before a logarithm
    return Logits


def _linear(subject: Subject, x: Tensor, target: Tensor) -> bool:
    def slope(at: Tensor) -> Tensor:
        at = at.detach().clone().requires_grad_()
        return torch.autograd.grad(subject.batch(at, target).sum(), at)[0]

    try:
        here, *others = (slope(at) for at in (x, 2 * x + 1, -x, x.flip(0)))
    except Exception:
        return False
    return bool(here.isfinite().all()) and all(torch.allclose(here, there, rtol=1e-6, atol=1e-9) for there in others)


def of_lists_of_classes(trial: Trial, asked: Asked) -> Subject | None:
    """Scores against the ids of all the classes that an example has, ended by -1."""
    form = asked.form(Logits, ClassList, task="multilabel")
    scores = torch.randn(ROWS, CLASSES, generator=trial.start.generator(), dtype=torch.float64)
    target = torch.tensor([[i % CLASSES, (i + 1) % CLASSES, -1, -1] for i in range(ROWS)])
    wide = trial.wide(trial.subject(form), scores, target)
    if wide is None or trial.value(wide[0], wide[1][0], target.to(wide[0].dtype)) is not None:
        return None  # what takes any numbers takes them for something else
    return trial.settled(wide[0], form, wide[1])
