"""Several outputs of a model against one observed number: quantiles, or the parameters of a distribution."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from ....cards import Domain, Positive, Real
from ..domains import MeanAndSpread, parameters, quantiles
from ..subject import Inputs, Subject
from .apart import separate, slope
from .asked import Asked
from .forms import PLAIN, Layout
from .trial import ROWS, Trial

#: How many outputs are tried: many first, as a loss that takes a few of them by their places takes those.
_SIZES: Final = (9, 2, 3, 5, 4, 6, 10, 19, 21, 11, 99)


def of_outputs(trial: Trial, asked: Asked, layout: Layout = PLAIN) -> Subject | None:
    """Rows of outputs against numbers, if rows are separate examples."""
    if asked.task not in (None, "regression", "other"):
        return None
    generator = trial.start.generator()
    target = 2 * torch.rand(ROWS, generator=generator, dtype=torch.float64) + 0.5
    for size in _SIZES:
        for positive in (False, True):
            x = torch.randn(ROWS, size, generator=generator, dtype=torch.float64)
            x = x.exp() if positive else x
            form = asked.form(parameters(size), Real, PLAIN, layout, task="regression")
            wide = trial.wide(trial.subject(form), x, target)
            if wide is None or not separate(*wide):
                continue
            used = _used(*wide)
            if not used or used == 1:
                continue
            domain = _named(wide[0], wide[1], used, size, positive)
            form = asked.form(domain, Real, PLAIN, layout, task="regression")
            inputs = (wide[1][0][:, : domain.size or size], wide[1][1])
            subject = replace(trial.subject(form), dtype=wide[0].dtype)
            if trial.value(subject, *inputs) is None:
                continue
            if trial.value(subject, inputs[0], -inputs[1]) is None:
                form = replace(form, domains=(form.domains[0], ("target", Positive)))
                subject = replace(subject, domains=form.domains)
            return trial.settled(subject, form, inputs)
    return None


def _used(subject: Subject, inputs: Inputs) -> int:
    """How many of the outputs are used, which come first."""
    found = slope(subject, inputs)
    if found is None:
        return 0
    places = found.ne(0).any(0).nonzero().flatten()
    return int(places[-1]) + 1 if len(places) else 0


def _named(subject: Subject, inputs: Inputs, used: int, size: int, positive: bool) -> Domain:
    """Quantiles where the outputs are judged one by one and alike, parameters else."""
    x, y = inputs
    moved = x.clone()
    moved[:, 0] += 0.37
    here, there = slope(subject, inputs), slope(subject, (moved, y))
    apart = here is not None and there is not None and torch.allclose(here[:, 1:], there[:, 1:], rtol=1e-5, atol=1e-9)
    if apart and not positive and _takes_two_sides(subject, x, y):
        return quantiles(used)
    if positive:
        return replace(MeanAndSpread, size=used) if used != 2 else MeanAndSpread
    return parameters(used)


def _takes_two_sides(subject: Subject, x: Tensor, y: Tensor) -> bool:
    """Whether every output is drawn towards the target from both sides."""
    low, high = (slope(subject, (torch.zeros_like(x) + y[:, None] + shift, y)) for shift in (-30.0, 30.0))
    if low is None or high is None:
        return False
    used = low.ne(0).any(0) | high.ne(0).any(0)
    return bool((low[:, used] < 0).all() & (high[:, used] > 0).all())
