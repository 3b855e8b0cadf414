"""Rows against rows: lists of relevances, masks of an image, several labels, vectors, embeddings."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ....cards import BinaryTarget, Domain, Probabilities, Real, Vector
from ..domains import Relevance, Scores
from ..draw import SIZE, sample
from ..subject import Inputs, Subject
from .apart import along, separate, slope
from .asked import Asked
from .distributions import of_distributions
from .forms import PLAIN, Form, Layout
from .names import speaks_of
from .tasks import told_apart, told_together
from .trial import ROWS, Trial


def of_rows(
    trial: Trial, asked: Asked, layout: Layout = PLAIN, *, sure: bool = False, size: int | None = None
) -> Subject | None:
    """Rows against rows.

    Args:
        trial: of the loss.
        asked: what is known of it.
        layout: how both inputs are laid out.
        sure: whether numbers against numbers were refused, so that rows of any meaning are welcome.
        size: how many entries a row has, where any number was refused.
    """
    if layout == PLAIN and _ranks(trial, asked) and (found := _of_lists(trial, asked)) is not None:
        return found
    if (found := of_distributions(trial, asked, layout)) is not None:
        return found
    reached = _accepted(trial, asked, layout, [(Vector, Vector), *_PAIRS], size) if sure else None
    return None if reached is None else _meaning(trial, asked, layout, *reached)


def rows_instead(trial: Trial, asked: Asked, numbers: Subject, *, column: bool) -> Subject | None:
    """The same for a loss that takes numbers, if rows are what it means: the entries of a row meet.

    Args:
        trial: of the loss.
        asked: what is known of it.
        numbers: what it is as a loss of numbers.
        column: whether it takes them as rows of one entry.
    """
    if _ranks(trial, asked) and (found := _of_lists(trial, asked)) is not None:
        return found
    own = (_of_entries(numbers.prediction), _of_entries(numbers.target))
    reached = _accepted(trial, asked, PLAIN, [own, *_PAIRS], None)
    if reached is None or not _meant(trial, asked, numbers, column, *reached):
        return None
    return of_distributions(trial, asked) or _meaning(trial, asked, PLAIN, *reached)


#: Rows of numbers, from the freest to those that are bound.
_PAIRS = ((Probabilities, Vector), (Vector, BinaryTarget.of("features")))


def _accepted(
    trial: Trial, asked: Asked, layout: Layout, domains: list[tuple[Domain, Domain]], size: int | None
) -> tuple[Subject, Inputs] | None:
    """Rows of numbers as the loss takes them."""
    generator = trial.start.generator()
    for pair in domains:
        prediction, target = (replace(domain, size=size) for domain in pair)
        drawn = [
            sample(domain, (ROWS,), generator, sizes={"features": SIZE, "classes": SIZE}, target=place > 0)
            for place, domain in enumerate((prediction, target))
        ]
        wide = trial.wide(trial.subject(asked.form(prediction, target, layout, layout)), *drawn)
        if wide is not None and _answers(trial, *wide):
            return wide
    return None


def _answers(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether other predictions give another value."""
    x, y = inputs
    here, there = trial.value(subject, x, y), trial.value(subject, 0.9 * x.roll(1, 0), y)
    return here is None or there is None or not torch.equal(here, there)


def _of_entries(domain: Domain) -> Domain:
    return Vector if domain == Real else domain.of("features")


def _meant(trial: Trial, asked: Asked, numbers: Subject, column: bool, subject: Subject, inputs: Inputs) -> bool:
    """Whether the entries of a row meet."""
    x, y = inputs
    plain = trial.subject(asked.form(numbers.prediction, numbers.target))
    like = (-1, 1) if column else (-1,)
    whole, flat = (trial.value(plain, *each) for each in (inputs, (x.reshape(like), y.reshape(like))))
    if whole is None or (flat is not None and torch.allclose(whole.sum(), flat.sum(), rtol=1e-5)):
        return False
    if not column:
        return separate(subject, inputs)
    every = slope(plain, inputs)
    if every is None or bool((every == 0).all(0).any()):
        return False  # where an entry is not used at all, the loss takes the others for what it names
    alone = [slope(plain, (x[:, d : d + 1], y[:, d : d + 1])) for d in range(x.shape[1])]
    return any(one is not None and not along(every[:, d], one) for d, one in enumerate(alone))


def _meaning(trial: Trial, asked: Asked, layout: Layout, subject: Subject, inputs: Inputs) -> Subject:
    """What rows mean that the loss takes."""
    if layout == PLAIN and separate(subject, inputs):
        found = _of_masks(trial, asked) or _of_labels(trial, asked, subject, inputs)
        if found is not None:
            return found
    return _of_vectors(trial, asked, layout, subject, inputs)


def _ranks(trial: Trial, asked: Asked) -> bool:
    named = speaks_of(trial.start.name, "listnet", "listmle", "ndcg", "lambdarank", "lambdaloss", "ranknet", "listwise")
    return named or asked.observed.role == "relevance"


def _of_lists(trial: Trial, asked: Asked) -> Subject | None:
    """Scores of lists of items against their relevances."""
    form = asked.form(Scores, Relevance, task="ranking")
    subject = trial.subject(form)
    wide = trial.wide(subject, *subject.inputs(ROWS))
    return None if wide is None else trial.settled(wide[0], form, wide[1])


def _of_masks(trial: Trial, asked: Asked) -> Subject | None:
    """The pixels of one image against 0 and 1, where overlap is what counts."""
    layout = Layout(ahead=1)
    free = trial.subject(asked.form(Real, Real, layout, layout))
    wide = trial.wide(free, *free.inputs(ROWS))
    if wide is not None and told_together(wide[0], None, None).task == "regression":
        return None
    for domain in (asked.hint or Vector, Probabilities):
        form = asked.form(replace(domain, axes=(), normalised=""), BinaryTarget, layout, layout, task="binary")
        subject = trial.subject(form)
        wide = trial.wide(subject, *subject.inputs(ROWS))
        if wide is None:
            continue
        told = told_together(wide[0], asked.task, asked.hint)
        if told.task == "binary":
            form = replace(form, domains=told.domains)
            return trial.settled(told, form, wide[1])
    return None


def _of_labels(trial: Trial, asked: Asked, subject: Subject, inputs: Inputs) -> Subject | None:
    """Several labels for each example, where each is treated as a label is."""
    x, y = inputs
    moved = torch.cat([x[:, :1], x[:, 1:].roll(1, 0) * 0.7], 1)
    here, there = slope(subject, inputs), slope(subject, (moved, y))
    if here is None or there is None or not torch.allclose(here[:, 0], there[:, 0], rtol=1e-5, atol=1e-9):
        return None  # the entries meet

    def first(prediction: Tensor, target: Tensor) -> Tensor:
        others = (len(prediction), x.shape[1] - 1)
        rows = (torch.cat([one[:, None], one.new_zeros(others)], 1) for one in (prediction, target))
        return subject.call(*rows)

    single = replace(subject, call=first, domains=(("prediction", Real), ("target", Real)), together=False)
    told = told_apart(single, asked.task, asked.hint)
    if told.task != "binary":
        return None
    size = subject.prediction.size
    domains = tuple(domain.of("labels", size=size) for _, domain in told.domains)
    form = asked.form(domains[0], domains[1], task="multilabel")
    subject = replace(trial.subject(form), dtype=subject.dtype)
    return trial.settled(subject, form, subject.inputs(ROWS))


def _of_vectors(trial: Trial, asked: Asked, layout: Layout, subject: Subject, inputs: Inputs) -> Subject:
    """Vectors against vectors: one is predicted, or both are embeddings that belong together."""
    paired = asked.predicted.role in ("embedding", "query", "anchor") and asked.observed.role != "target"
    paired = paired or not separate(subject, inputs)
    form: Form = asked.form(subject.prediction, subject.target, layout, layout, task="regression")
    if paired:
        # Nobody observed the second: a model emits both.
        names = ("query", "key")
        form = replace(
            form,
            domains=tuple((name, domain) for name, (_, domain) in zip(names, form.domains, strict=True)),
            task="other",
            emitted=(0, 1),
        )
    subject = replace(trial.subject(form), dtype=subject.dtype)
    return trial.settled(subject, form, inputs)
