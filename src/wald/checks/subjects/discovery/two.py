"""Losses of two inputs, which is most of them: what a model emits against what was observed.

The kinds of problem are tried from the most particular to the most general: scores against class ids, numbers
against numbers, several outputs against one number, rows against rows, and the same laid out as images. What a loss
takes is seldom proof of what it is for, as numbers broadcast; so where examples meet although the loss would also
take them as rows, rows are what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final

import torch
from torch import Tensor

from ....cards import BinaryTarget, Domain
from ...behaviour.reduction import measure_reduction
from ..domains import DOMAINS, Label, Probability, Sign
from ..grids import pairs
from ..subject import Inputs, Subject
from .asked import Asked
from .classes import of_classes, of_lists_of_classes
from .distributions import of_distributions
from .forms import COLUMN, PLAIN, Form, Layout
from .names import Parameter, speaks_of, swapped, unswapped
from .outputs import of_outputs
from .rows import of_rows, rows_instead
from .tasks import numbers, told_apart, told_together
from .trial import Trial

#: Numbers that tell the domains apart, and the domains in the order in which they are tried.
_NUMBERS: Final[dict[str, tuple[float, ...]]] = {
    # No larger, as the exponential of a product of two of them must be finite in single precision.
    "real": (-8.0, -3.0, -0.5, 0.3, 0.7, 2.0, 8.0),
    "above -1": (-0.5, 0.3, 0.7, 2.0, 8.0),
    "positive": (0.3, 0.7, 2.0, 8.0),
    "probability": (0.3, 0.7),
}


def of_two(trial: Trial, parameters: tuple[Parameter, ...], task: str | None, hint: Domain | None) -> Subject | None:
    """The subject that a loss of two inputs is; None if no way to call it was found."""
    second: Subject | None = None
    sure = swapped(parameters) or unswapped(parameters)
    sure = sure or any(one.role in ("advantage", "action") for one in parameters)
    for target_first in (True, False) if swapped(parameters) else (False, True):
        asked = Asked(parameters=parameters, target_first=target_first, task=task, hint=hint)
        found = _in_order(trial, asked)
        if found is not None and found.task == "binary" and speaks_of(trial.start.name, "multilabel"):
            found = replace(found, task="multilabel")
        if found is not None and (found.task != "other" or sure or task is not None):
            return found
        second = second or found
        if found is None and trial.returned is not None:
            break
    return second


def _in_order(trial: Trial, asked: Asked) -> Subject | None:
    hint, task = asked.hint, asked.task
    classes = task in (None, "multiclass", "other", "pairwise") and (hint is None or bool(hint.axes))
    plain = task != "multiclass" and not (hint is not None and hint.axes)
    if classes and (found := of_classes(trial, asked)) is not None:
        return found
    if classes and (found := of_distributions(trial, asked, named=True)) is not None:
        return found
    last: Subject | None = None
    for layout in (PLAIN, COLUMN) if plain else ():
        if layout is COLUMN and last is None and (found := of_outputs(trial, asked)) is not None:
            return found
        if (found := _of_numbers(trial, asked, layout, layout)) is not None:
            if found.task != "other" or task is not None:
                return found
            last = last or found
    if (classes or task in ("regression", "ranking")) and (
        found := of_rows(trial, asked, sure=last is None)
    ) is not None:
        return found
    if (found := last or _laid_out(trial, asked, classes=classes, plain=plain)) is not None:
        return found
    # What no prediction moves is called all the same, so that it can be told.
    reached = _finite(trial, asked, PLAIN, PLAIN, moves=False) if plain else None
    return None if reached is None else trial.settled(*reached)


def _laid_out(trial: Trial, asked: Asked, *, classes: bool, plain: bool) -> Subject | None:
    """Examples as the pixels of an image, the places of a sequence, or with labels as whole numbers."""
    if classes:
        for size in (2, 3, 10, 5, 8, 20, 100, 1000):
            if (found := of_classes(trial, asked, size=size)) is not None:
                return found
    if plain:
        for first, second in _layouts():
            if (found := _of_numbers(trial, asked, first, second)) is not None:
                return found
        if (found := of_outputs(trial, asked, COLUMN)) is not None:
            return found
    if classes:
        for image in (2, 1, 3):
            for ahead in (image, image + 1):
                if (found := of_classes(trial, asked, Layout(image=image), Layout(ahead=ahead))) is not None:
                    return found
            if (found := of_rows(trial, asked, Layout(image=image), sure=True)) is not None:
                return found
        if (found := of_classes(trial, asked, Layout(ahead=1), Layout(ahead=1))) is not None:
            return found
        if (found := of_classes(trial, asked, PLAIN, COLUMN)) is not None:
            return found
        for size in (4, 2, 3, 6, 8, 10, 16, 20, 32, 64, 128):
            if (found := of_rows(trial, asked, sure=True, size=size)) is not None:
                return found
        return of_lists_of_classes(trial, asked)
    return None


def _layouts() -> Iterator[tuple[Layout, Layout]]:
    """The shapes of prediction and target, beside the plain ones."""
    for whole in (False, True):
        if whole:
            yield PLAIN, Layout(whole=True)
            yield COLUMN, Layout(column=True, whole=True)
        yield COLUMN, Layout(whole=whole)
        yield PLAIN, Layout(column=True, whole=whole)
        for ahead in (3, 2, 1, 4):
            yield Layout(ahead=ahead), Layout(ahead=ahead, whole=whole)
        yield Layout(ahead=3), Layout(ahead=2, whole=whole)


def _of_numbers(trial: Trial, asked: Asked, first: Layout, second: Layout) -> Subject | None:
    """Numbers against numbers; rows against rows where those are what the loss means."""
    reached = _finite(trial, asked, first, second)
    if reached is None:
        return None
    subject, form, (x, y) = reached
    column = first == second == COLUMN
    try:
        reduced = measure_reduction(subject)
    except Exception:
        return None  # it takes batches of some sizes only, so this axis is not that of the batch
    meets = reduced.coupling == "coupled"
    if reduced.reduction == "sum" and first == PLAIN and (rows := _mean_of_rows(trial, asked)) is not None:
        return rows
    if meets and first == PLAIN and (found := of_outputs(trial, asked)) is not None:
        return found
    if column or (first == PLAIN and (meets or reduced.reduction == "transform of mean")):
        rows = rows_instead(trial, asked, subject, column=column)
        if rows is not None:
            return rows
    if column:
        # A subject says itself that its examples are rows of one entry.
        form = asked.form(subject.prediction, subject.target)
        subject = replace(subject, call=form.bind(trial.start.call), recipe=trial.subject(form).recipe, column=True)
        subject = replace(subject, note=trial.subject(form).note)
    subject = trial.settled(subject, form, (x, y))
    if asked.observed.role in ("advantage", "action"):
        return replace(subject, task=asked.task or "other")  # nothing that could be predicted
    if meets:
        return told_together(subject, asked.task, asked.hint)
    return told_apart(subject, asked.task, asked.hint)


def _mean_of_rows(trial: Trial, asked: Asked) -> Subject | None:
    """The loss of rows of one entry, if it is a mean over them: then what it sums are the entries of a row."""
    reached = _finite(trial, asked, COLUMN, COLUMN)
    if reached is None or measure_reduction(reached[0]).reduction not in ("mean", "none"):
        return None
    return _of_numbers(trial, asked, COLUMN, COLUMN)


def _finite(
    trial: Trial, asked: Asked, first: Layout, second: Layout, *, moves: bool = True
) -> tuple[Subject, Form, Inputs] | None:
    """The widest domains in which it is finite for every pair of numbers, if it depends on the prediction."""
    if not _thinkable(trial, asked, first, second):
        return None
    labels = (Label, (0.0, 1.0)) if second.whole else (BinaryTarget, (0.0, 1.0))
    targets = [] if second.whole else [(DOMAINS[name], ys) for name, ys in _NUMBERS.items()]
    targets += [labels, (Sign, (-1.0, 1.0))]
    predictions = [(DOMAINS[name], xs) for name, xs in _NUMBERS.items()]
    if asked.hint is not None:
        low, high = asked.hint.low, asked.hint.high
        predictions = [(asked.hint, xs) for domain, xs in predictions if (domain.low, domain.high) == (low, high)]
    for (target, ys), (domain, xs) in product(targets, predictions):
        form = asked.form(domain, target, first, second)
        wide = trial.wide(trial.subject(form), *pairs(numbers(xs), numbers(ys)))
        if wide is not None and _alone_too(trial, *wide):
            # What does not move over the widest domain moves over none.
            return (wide[0], form, wide[1]) if not moves or _depends(trial, *wide) else None
    return None


def _thinkable(trial: Trial, asked: Asked, first: Layout, second: Layout) -> bool:
    """Whether this layout is taken at all, by numbers of which some are in every domain."""
    subject = trial.subject(asked.form(Probability, BinaryTarget, first, second))
    x = numbers((0.3, 0.7, 0.4, 0.6))
    return any(
        trial.wide(subject, x, y) is not None
        for y in (numbers((0.0, 1.0, 1.0, 0.0)), numbers((0.6, 0.3, 0.7, 0.4)), numbers((-1.0, 1.0, 1.0, -1.0)))
    )


def _alone_too(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether every pair is finite by itself, or none is, as with losses whose examples need each other."""
    x, y = inputs
    # On an exact hit a ratio may be 0 / 0.
    rows = [i for i in range(len(x)) if x[i] != y[i]]
    each = [trial.value(subject, x[i : i + 1], y[i : i + 1]) is not None for i in rows]
    return all(each) or not any(each)


def _depends(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether other predictions give another value."""
    x, y = inputs
    # Pairs are all with all, so that orders may be equal; smaller predictions stay inside every domain.
    smaller = x * torch.linspace(0.5, 1, len(x), dtype=x.dtype)
    mixed = x[torch.randperm(len(x), generator=subject.generator())]
    if _differ([trial.value(subject, at, y) for at in (x, smaller, mixed)]):
        return True
    # A loss that sees only signs may have told none of these apart.
    alone = [[trial.value(subject, at.reshape(1), one.reshape(1)) for at in x.unique()] for one in (y.min(), y.max())]
    return any(map(_differ, alone))


def _differ(values: list[Tensor | None]) -> bool:
    found = [value for value in values if value is not None]
    return any(not torch.equal(found[0], value) for value in found[1:])
