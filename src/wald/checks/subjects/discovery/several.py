"""Losses of one input, or of three and more: triplets, pairs with a label, preferences, policies, distributions.

Names say which family a loss belongs to; where they say nothing every family of that many inputs is tried, and only
one that also behaves as it should is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch

from ....cards import BinaryTarget, ClassId, Domain, Logits, LogProbabilities, NonNegative, Positive, Real, Vector
from ..domains import MeanAndSpread, Probability, parameters
from ..subject import Inputs, Subject
from .families import FAMILIES, Family
from .forms import Argument, Form
from .names import Parameter
from .trial import ROWS, Trial

#: Losses of a mean and a spread, each an argument of its own, by the places of prediction and target.
_ORDERS: Final = (("mean", "target", "spread"), ("mean", "spread", "target"), ("target", "mean", "spread"))


def of_family(trial: Trial, found: tuple[Parameter, ...], task: str | None) -> Subject | None:
    """The subject of a loss whose parameters have the names of a family."""
    if len(found) == 3 and (spread := _of_spread(trial, found, task)) is not None:
        return spread
    for family in FAMILIES:
        order = family.arranged(found)
        named = order is not None and all(one.role for one in found)
        if order is not None and named and (subject := _of(trial, found, family, order, task)) is not None:
            return subject
    return None


def of_several(trial: Trial, found: tuple[Parameter, ...], task: str | None, hint: Domain | None) -> Subject | None:
    """The subject of a loss whose parameters have no telling names: what behaves as a family does, or anything."""
    if len(found) == 1:
        return _of_one(trial, found[0], task, hint)
    for family in FAMILIES:
        if family.proof is None or len(family.roles) != len(found):
            continue
        order = family.arranged(found)
        orders = [order] if order is not None else [] if any(one.role for one in found) else [(0, 1, 2)]
        for each in orders:
            if (subject := _of(trial, found, family, each, task, prove=True)) is not None:
                return subject
    if len(found) == 3 and not any(one.role for one in found):
        for order in _ORDERS:
            if (subject := _mean_and_spread(trial, found, order, task, logs=(False, True), prove=True)) is not None:
                return subject
    return _of_anything(trial, found, task) if len(found) > 2 else None


def _of(
    trial: Trial,
    found: tuple[Parameter, ...],
    family: Family,
    order: tuple[int, ...],
    task: str | None,
    *,
    prove: bool = False,
) -> Subject | None:
    """The subject, if the loss takes the inputs of this family, and depends on what a model emits."""
    accepted: tuple[tuple[Subject, Inputs], Form] | None = None
    for domains in family.domains:
        form = Form(
            domains=tuple(zip(family.inputs, domains, strict=True)),
            arguments=_arguments(found, order),
            task=task or family.task,
            emitted=family.emitted,
        )
        subject = trial.subject(form)
        wide = trial.wide(subject, *subject.inputs(ROWS))
        if wide is None or not _answers(trial, *wide):
            continue
        # Names may fit where the meaning of a label does not, so that another way may fit better.
        if family.proof is None or family.proof(trial, *wide):
            return trial.settled(wide[0], form, wide[1])
        accepted = accepted or (wide, form)
    if accepted is None or prove:
        return None
    (subject, inputs), form = accepted
    return trial.settled(subject, form, inputs)


def _arguments(found: tuple[Parameter, ...], order: tuple[int, ...]) -> tuple[Argument, ...]:
    return tuple(
        Argument(place=place, keyword=one.name if one.keyword else "") for one, place in zip(found, order, strict=True)
    )


def _answers(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether something that a model emits changes the value."""
    here = trial.value(subject, *inputs)
    for place in subject.emitted:
        moved = tuple(x.roll(1, 0) * 0.9 if i == place else x for i, x in enumerate(inputs))
        there = trial.value(subject, *moved)
        if here is not None and there is not None and not torch.equal(here, there):
            return True
    return False


def _of_spread(trial: Trial, found: tuple[Parameter, ...], task: str | None) -> Subject | None:
    """A mean and a spread, if names say that one of the inputs is a spread."""
    spreads = [i for i, one in enumerate(found) if one.role in ("spread", "log_spread")]
    if len(spreads) != 1:
        return None
    others = [i for i in range(3) if i != spreads[0]]
    observed = [i for i in others if found[i].role in ("target", "label") or found[i].name.lower() in ("y", "t")]
    # The target comes second where names do not say which it is.
    target = observed[0] if len(observed) == 1 else others[1]
    order = tuple("spread" if i == spreads[0] else "target" if i == target else "mean" for i in range(3))
    logs = (True, False) if found[spreads[0]].role == "log_spread" else (False, True)
    return _mean_and_spread(trial, found, order, task, logs=logs, prove=False)


def _mean_and_spread(
    trial: Trial,
    found: tuple[Parameter, ...],
    order: tuple[str, ...],
    task: str | None,
    *,
    logs: tuple[bool, ...],
    prove: bool,
) -> Subject | None:
    places = {"mean": (0, 0), "spread": (0, 1), "target": (1, None)}
    arguments = tuple(
        Argument(place=places[name][0], entry=places[name][1], keyword=one.name if one.keyword else "")
        for name, one in zip(order, found, strict=True)
    )
    for log in logs:
        for target in (Real, Positive):
            domains = (("prediction", parameters(2) if log else MeanAndSpread), ("target", target))
            form = Form(domains=domains, arguments=arguments, task=task or "regression")
            subject = trial.subject(form)
            wide = trial.wide(subject, *subject.inputs(ROWS))
            if wide is None or not _answers(trial, *wide):
                continue
            if prove and not (_spread if not log else _log_spread)(trial, *wide):
                continue
            return trial.settled(wide[0], form, wide[1])
    return None


def _log_spread(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    x, y = inputs
    free = replace(subject, call=lambda at, y: subject.call(torch.stack([at[:, 0], at[:, 1].log()], 1), y), each=None)
    return _spread(trial, free, (x, y))


def _of_one(trial: Trial, found: Parameter, task: str | None, hint: Domain | None) -> Subject | None:
    """A loss of what a model emits alone, as the generator of an adversarial pair has."""
    name = found.role if found.role in ("real", "fake") else found.name or "prediction"
    image = Domain(says="an image", axes=("channels", "height", "width"))
    domains = [Real, Logits, Vector, Probability, Positive, LogProbabilities, image]
    if "logit" in found.name.lower() and name == found.name:
        domains.insert(0, Logits)
    for domain in [hint] if hint is not None else domains:
        form = Form(
            domains=((name, domain),),
            arguments=(Argument(place=0, keyword=found.name if found.keyword else ""),),
            task=task or "other",
        )
        subject = trial.subject(form)
        wide = trial.wide(subject, *subject.inputs(ROWS))
        if wide is None or not _answers(trial, *wide):
            continue
        if domain is Real and trial.value(wide[0], wide[1][0].sign() * 8) is None:
            continue  # a few typical numbers may all have been inside a smaller domain
        return trial.settled(wide[0], form, wide[1])
    return None


def _spread(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether it costs least at the target, whatever the spread, and a spread that is too large or small costs more."""
    _, y = inputs

    def cost(shift: float, spread: float) -> float:
        at = torch.stack([y + shift, torch.full_like(y, spread)], 1)
        value = trial.value(subject, at, y)
        return float("nan") if value is None else float(value.mean())

    near = cost(0.1, 0.3) < cost(2.0, 0.3) and cost(-0.1, 0.3) < cost(-2.0, 0.3)
    return near and cost(2.0, 3.0) < cost(2.0, 0.1) and cost(0.01, 3.0) > cost(0.01, 0.3)


#: What an input of a role is, where the whole is of no family that is known.
_ALONE: Final[dict[str, tuple[Domain, ...]]] = {
    "label": (BinaryTarget, ClassId, Real),
    "spread": (Positive, Positive.of("features"), Positive),
    "weight": (NonNegative, NonNegative.of("features"), NonNegative),
}
_FIXED: Final = (
    "target", "label", "teacher", "old_log_prob", "advantage", "reference_chosen", "reference_rejected", "weight",
    "relevance",
)  # fmt: skip


def _of_anything(trial: Trial, found: tuple[Parameter, ...], task: str | None) -> Subject | None:
    """All inputs of one kind, under the names that their author gave them."""
    unit = replace(Probability, axes=("features",))
    half = len(found) // 2
    kinds: Iterator[tuple[Domain, ...]] = iter(
        (
            (Real,) * len(found),
            (Vector,) * len(found),
            (unit,) * half + (Vector,) * (len(found) - half),
            (Positive,) * len(found),
            (Probability,) * len(found),
            (Logits,) * (len(found) - 1) + (ClassId,),
        )
    )
    names = tuple(one.name if one.name.isidentifier() else f"input{i}" for i, one in enumerate(found))
    emitted = tuple(i for i, one in enumerate(found) if one.role not in _FIXED) or (0,)
    for kind, domains in enumerate(kinds):
        own = (
            _ALONE[one.role][min(kind, 2)] if one.role in _ALONE and kind < 2 else domain
            for one, domain in zip(found, domains, strict=True)
        )
        form = Form(
            domains=tuple(zip(names, own, strict=True)),
            arguments=_arguments(found, tuple(range(len(found)))),
            task=task or "other",
            emitted=emitted,
        )
        subject = trial.subject(form)
        wide = trial.wide(subject, *subject.inputs(ROWS))
        if wide is not None and _answers(trial, *wide):
            return trial.settled(wide[0], form, wide[1])
    return None
