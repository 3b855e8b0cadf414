"""A loss that is checked, with what it is said to be: called as that is called, where it can be."""

from __future__ import annotations

from dataclasses import replace

from ...core import Loss
from ..subjects.discovery.forms import Argument, Form
from ..subjects.discovery.names import parameters_of, swapped
from ..subjects.discovery.sweep import swept
from ..subjects.discovery.trial import Unknown
from ..subjects.subject import Subject
from ..subjects.target import Target
from .battery import learned
from .claim import Claim
from .claimed import Claimed
from .reading import ReadAs


def held(target: Target, subject: Subject | Unknown, claim: Claim, *, domain: str | None) -> Subject | Unknown:
    """The subject with what it is said to be; called as that is called, where it can be.

    Args:
        target: the loss.
        subject: how it was found to be called, or that no way was found.
        claim: what it is said to be.
        domain: where its prediction was said to live.
    """
    calls, recipes = [target.loss], [target.recipe]
    parameters = parameters_of(target.loss)
    if isinstance(subject, Subject) and subject.call is not target.loss:
        if len(parameters) == 2 and swapped(parameters):
            # Names that put the target first are believed: in the other order it would be another loss.
            calls, recipes = [subject.call], [subject.recipe]
        else:
            calls.append(subject.call)
            recipes.append(subject.recipe)
    claimed = Claimed(
        calls=tuple(calls),
        recipes=tuple(recipes),
        claim=claim,
        names=tuple(one.name for one in parameters),
        holder=target.loss,
        strict=domain in ("logit", "logits"),
    )
    match = claimed.match
    reading = match.reading
    if reading is None or not reading.convention.plain or reading.call is not target.loss or _read_in_order(reading):
        return replace(subject, claimed=claimed) if isinstance(subject, Subject) else subject
    if isinstance(subject, Subject) and not bool(reading.alone.finite.all()):
        # What it was found to take suits it better than what it is said to take.
        return replace(subject, claimed=claimed)
    loss = match.loss or reading.loss
    task = str(loss.card.task)
    if isinstance(subject, Subject) and subject.task == task and _alike(subject, reading.loss):
        return replace(subject, claimed=claimed)
    form = Form(
        domains=reading.loss.named_domains,
        arguments=tuple(Argument(place=i) for i in range(len(reading.inputs))),
        task=task,
        emitted=learned(reading.loss),
    )
    start = Subject(
        name=target.name,
        recipe=target.recipe,
        call=target.loss,
        task=task,
        domains=form.domains,
        emitted=form.emitted,
        dtype=reading.dtype,
        seed=subject.seed if isinstance(subject, Subject) else 0,
        note=f"called as {claim} is",
        claimed=claimed,
    )
    return swept(start, form, target.loss, start.inputs(7))


def _read_in_order(reading: ReadAs) -> bool:
    """Whether an example is a sequence, which only the catalogue knows how to lay out."""
    first = reading.loss.named_domains[0][1]
    return reading.inputs[0].ndim > 1 + len(first.axes)


def _alike(subject: Subject, loss: Loss) -> bool:
    mine, its = ([domain for _, domain in domains] for domains in (subject.domains, loss.named_domains))
    return len(mine) == len(its) and all(
        (a.axes, a.integer, a.low, a.high) == (b.axes, b.integer, b.low, b.high) for a, b in zip(mine, its, strict=True)
    )
