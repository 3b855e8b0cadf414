"""Two losses on common ground: the inputs that both can be given, each in its own convention."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ...cards import BinaryTarget, Domain, Logit, Logits
from ...core import Loss
from ..subjects.domains import Label, Sign
from ..subjects.subject import Subject
from .battery import Named, drawn
from .conventions import LOG_SOFTMAX, SAME, SIGMOID, SIGNS, SOFTMAX, Change, Convention, conventions
from .reading import ReadAs, Reading, answering, read_as


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Two losses, read on the same inputs.

    Attributes:
        one: the first.
        other: the second.
        names: what the inputs are called.
    """

    one: Reading
    other: Reading
    names: tuple[str, ...]


def beside(one: Subject, other: Subject, *, coupled: bool) -> Beside | str:
    """The two losses on common ground, or why there is none.

    Args:
        one: a loss, and how it is called.
        other: another.
        coupled: whether examples of one of them meet, so that batches are compared.
    """
    names = tuple(name for name, _ in one.domains)
    domains = _common(one, other)
    if domains is None:
        # What was found out about calling a loss may be wrong, where the catalogue knows.
        return _as_catalogued(one, other) or _as_catalogued(other, one, swapped=True) or _apart(one, other)
    inputs = drawn(domains)
    readings: list[Reading] = []
    for subject in (one, other):
        convention = _convention(subject, domains)
        if convention is None:
            return _apart(one, other)
        found = answering(
            Reading(
                call=subject.batch,
                convention=convention,
                inputs=inputs,
                learned=one.emitted,
                coupled=coupled,
                dtype=torch.float64,
            )
        )
        if isinstance(found, str):
            return _as_catalogued(one, other) or _as_catalogued(other, one, swapped=True) or f"{subject.name}: {found}"
        readings.append(found)
    return Beside(one=readings[0], other=readings[1], names=names)


def _common(one: Subject, other: Subject) -> Named | None:
    """The widest domains that both take, as scores and labels 0 and 1 where they differ in that."""
    if len(one.domains) != len(other.domains):
        return None
    found: list[tuple[str, Domain]] = []
    for (name, mine), (_, its) in zip(one.domains, other.domains, strict=True):
        both = _both(mine, its)
        if both is None:
            return None
        found.append((name, both))
    return tuple(found)


def _both(mine: Domain, its: Domain) -> Domain | None:
    if mine == its:
        return {Sign: BinaryTarget, Label: BinaryTarget}.get(mine, mine)
    labels = (Sign, Label, BinaryTarget)
    if mine in labels or its in labels:
        inside = all(one in labels or (one.low <= 0 and one.high >= 1 and not one.axes) for one in (mine, its))
        return BinaryTarget if inside else None
    if mine.integer or its.integer:
        if not (mine.integer and its.integer):
            return None
        return mine if mine.axes else its
    if mine.axes != its.axes:
        return None
    if mine.normalised or its.normalised:
        if mine.normalised == its.normalised:
            return mine
        return Logits if mine.axes == ("classes",) else None
    if _is_probability(mine) != _is_probability(its):
        return Logit if not mine.axes and (mine.logits or its.logits or _is_wide(mine) or _is_wide(its)) else None
    narrow, wide = sorted((mine, its), key=lambda one: one.high - one.low)
    if not (wide.low <= narrow.low and narrow.high <= wide.high):
        return None
    # Of two that are as wide, the one that says more.
    return next((one for one in (mine, its) if one.logits), narrow) if _is_wide(narrow) else narrow


def _is_probability(domain: Domain) -> bool:
    return (domain.low, domain.high) == (0.0, 1.0) and not domain.axes


def _is_wide(domain: Domain) -> bool:
    return domain.low == -torch.inf and domain.high == torch.inf


def _convention(subject: Subject, domains: Named) -> Convention | None:
    changes = [change_between(mine, its) for (_, mine), (_, its) in zip(subject.domains, domains, strict=True)]
    return None if any(one is None for one in changes) else Convention(tuple(one for one in changes if one is not None))


def change_between(mine: Domain, its: Domain) -> Change | None:
    """How a value of the domain `its` becomes one of `mine`; None where it does not."""
    if mine.axes != its.axes and not (len(mine.axes) == len(its.axes) == 1 and mine.size == its.size is not None):
        return None
    if mine.integer or its.integer:
        return SAME if mine.integer and its.integer else None
    if its.logits and (mine.normalised or (mine.low, mine.high) == (0.0, 1.0)):
        return {"linear": SOFTMAX, "log": LOG_SOFTMAX}.get(mine.normalised, SIGMOID)
    if mine.normalised or its.normalised:
        return SAME if mine.normalised == its.normalised else None
    if its == BinaryTarget and mine == Sign:
        return SIGNS
    return SAME if mine.low <= its.low and mine.high >= its.high else None


def _as_catalogued(one: Subject, other: Subject, *, swapped: bool = False) -> Beside | None:
    """Both as the first is called, which is a loss of the catalogue; the second in whatever convention it answers."""
    loss = one.loss
    if not isinstance(loss, Loss):
        return None
    plain = next(conventions(loss))
    mine = read_as(one.batch, plain, loss)
    if isinstance(mine, str):
        return None
    for convention in conventions(loss):
        its = read_as(other.call, convention, loss)
        if isinstance(its, ReadAs) and bool(its.alone.finite.all()):
            pair = (its, mine) if swapped else (mine, its)
            return Beside(one=pair[0], other=pair[1], names=tuple(name for name, _ in loss.named_domains))
    return None


def _apart(one: Subject, other: Subject) -> str:
    """What each takes, where that cannot be brought together."""
    return f"{one.name} takes {_takes(one)}, and {other.name} takes {_takes(other)}"


def _takes(subject: Subject) -> str:
    return ", ".join(f"{name}: {domain.says}" for name, domain in subject.domains)


def coupled(reading: Reading) -> Reading:
    """The same reading with batches as units."""
    return replace(reading, coupled=True)
