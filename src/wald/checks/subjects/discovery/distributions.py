"""Scores or probabilities of classes against probabilities, or against what a teacher says."""

from __future__ import annotations

from dataclasses import replace
import re

import torch
from torch import Tensor

from ....cards import Domain, Logits, LogProbabilities, Probabilities
from ..grids import inside
from ..subject import CLASSES, Subject
from .apart import slope
from .asked import Asked
from .forms import PLAIN, Layout
from .trial import ROWS, Trial


def of_distributions(trial: Trial, asked: Asked, layout: Layout = PLAIN, *, named: bool = False) -> Subject | None:
    """Scores or probabilities of classes against probabilities, or against the scores of a teacher.

    `named` asks for two distributions, where names say so.
    """
    if named and not _named(asked):
        return None
    generator = trial.start.generator()
    scores = 2 * torch.randn(2, ROWS, CLASSES, generator=generator, dtype=torch.float64)
    truth = scores[1].softmax(-1)
    for domain in [asked.hint] if asked.hint is not None else [Logits, LogProbabilities, Probabilities]:
        form = asked.form(domain, Probabilities, layout, layout, task="multiclass")
        wide = trial.wide(trial.subject(form), inside(domain, truth.log()), truth)
        if wide is None:
            continue
        subject, (near, target) = wide
        far = inside(domain, scores[0]).to(near)
        at_truth, elsewhere = trial.value(subject, near, target), trial.value(subject, far, target)
        if at_truth is None or elsewhere is None or not bool(at_truth.mean() < elsewhere.mean()):
            continue
        if not (domain is Probabilities and _named(asked)) and not _is_of(domain, trial, subject, near, target):
            continue
        shifted = trial.value(subject, near, scores[1].to(near) + 1.7)
        unshifted = trial.value(subject, near, scores[1].to(near))
        if shifted is not None and unshifted is not None and torch.allclose(shifted, unshifted, rtol=1e-5, atol=1e-7):
            # A target that may be shifted is made probabilities inside, as where a student learns from a teacher.
            form = asked.form(domain, Logits, layout, layout, task="multiclass")
            subject = replace(trial.subject(form), dtype=subject.dtype)
            target = scores[1].to(near)
        return trial.settled(subject, form, (near, target))
    return None


def _named(asked: Asked) -> bool:
    """Whether names say that both are distributions."""
    names = [asked.predicted.name.lower(), asked.observed.name.lower()]
    return sorted(names) == ["p", "q"] or all(re.search("prob|hist|distribution", name) for name in names)


def _is_of(domain: Domain, trial: Trial, subject: Subject, near: Tensor, target: Tensor) -> bool:
    """Whether it treats its predictions as this domain would have it: free of shifts, or bound to be normalised."""
    here, shifted = trial.value(subject, near, target), trial.value(subject, near + 1.7, target)
    if domain.logits:
        free = here is not None and shifted is not None and torch.allclose(here, shifted, rtol=1e-5, atol=1e-7)
        # Scores that may be scaled as well are no logits: a correlation is blind to both.
        larger = trial.value(subject, 2 * near, target)
        return free and larger is not None and here is not None and not torch.allclose(here, larger, rtol=1e-5)
    if domain.normalised == "log":
        flat, there = slope(subject, (near, target)), slope(subject, (2 * near - 1, target))
        straight = flat is not None and there is not None and torch.allclose(flat, there, rtol=1e-5, atol=1e-8)
        # A divergence may take the exponential of both.
        return straight or _least_at(trial, subject, near, target)
    negative = trial.value(subject, near - 1, target)
    return negative is None or _least_at(trial, subject, near, target)


def _least_at(trial: Trial, subject: Subject, near: Tensor, target: Tensor) -> bool:
    """Whether no other distribution costs less than the target itself, and numbers outside are refused."""
    here = trial.value(subject, near, target)
    if here is None or trial.value(subject, near - 1, target) is not None:
        return False
    for scale in (0.05, 0.3, 1.0):
        noise = scale * torch.randn(near.shape, generator=subject.generator(), dtype=torch.float64).to(near)
        moved = inside(subject.prediction, target.log() + noise)
        there = trial.value(subject, moved, target)
        if there is None or bool(there.mean() < here.mean()):
            return False
    return True
