"""The loss of the catalogue that a foreign loss equals, exactly or up to a factor and a constant.

Every loss of the catalogue that takes the same inputs has its values and gradients on some fifty fixed points worked
out once. A foreign loss is held beside them at the fields that people use, then at fields that are searched for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ...core import Loss, catalogue
from ...wrappers._wrapper import Wrapper  # pyright: ignore[reportPrivateUsage]
from ..mistakes import Mistake, mistakes_of
from ..subjects.subject import Subject
from .beside import change_between
from .canon import canonical, worked_out
from .conventions import Convention
from .fitting import fitted, numeric, same_inputs, starts
from .reading import ReadAs, read_as
from .summing import summed
from .traces import Likeness, Trace, compared

#: Losses that are another one with its examples laid out otherwise, or with one more table.
_LAID_OUT: Final = ("NextToken", "CostSensitiveCrossEntropy")
#: A field that is found this many times as large or as small as it started is no field of anybody's loss.
_FAR: Final = 1e3
#: So many fields of a loss are tried for its mistakes where nobody said what it is.
_TRIED: Final = 6


@dataclass(frozen=True, kw_only=True)
class Known:
    """A loss of the catalogue that a foreign one equals: `scale` times it, plus `shift`."""

    loss: Loss
    scale: float = 1.0
    shift: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The same as the card of a report has it."""
        return {"loss": str(self.loss), "scale": _short(self.scale), "shift": _short(self.shift)}


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """What a loss is known as.

    Attributes:
        known: the loss that it equals; None where there is none.
        mistake: the known mistake that it is and no loss that is right could be; None where there is none.
        wrong: the loss that it would be without the mistake.
        reading: how it was called.
    """

    known: Known | None = None
    mistake: Mistake | None = None
    wrong: Loss | None = None
    reading: ReadAs | None = None


def nearest(subject: Subject) -> Nearest:
    """What `subject` is known as."""
    if subject.loss is not None and not isinstance(subject.loss, Wrapper):
        return Nearest(known=Known(loss=subject.loss)) if type(subject.loss) in catalogue() else Nearest()
    readings: list[tuple[ReadAs, tuple[Loss, ...]]] = []
    scaled: Known | None = None
    for reading, losses in _readings(subject):
        readings.append((reading, losses))
        for loss in losses:
            trace = canonical(loss)
            found = None if trace is None else _of(reading, loss, compared(reading.alone, trace))
            if found is not None and found.scale == 1 and not found.shift:
                return Nearest(known=found)
            scaled = scaled or found
    fitting = scaled or _fitting(readings)
    if fitting is not None and fitting.scale == 1 and not fitting.shift:
        return Nearest(known=fitting)
    return _mistaken(readings, fitting)


def _readings(subject: Subject) -> Iterator[tuple[ReadAs, tuple[Loss, ...]]]:
    """The subject, read once for each kind of inputs that it shares with losses of the catalogue."""
    for losses in _groups():
        loss = losses[0]
        fits = tuple(one for one in losses if str(one.card.task) == subject.task or subject.task == "other")
        convention = _convention(subject, loss) if fits else None
        if convention is None:
            continue
        one = read_as(subject.batch, convention, loss, subject.values)
        if isinstance(one, ReadAs) and int(one.alone.finite.sum()) * 2 > len(one.alone.values):
            yield one, fits


@cache
def _groups() -> tuple[tuple[Loss, ...], ...]:
    """Every loss of the catalogue at its usual fields, those that take the same inputs together."""
    found: dict[Any, list[Loss]] = {}
    for kind in catalogue():
        if kind.__name__ in _LAID_OUT or issubclass(kind, Wrapper):
            continue
        for loss in starts(kind):
            found.setdefault(same_inputs(loss), []).append(loss)
    # The defaults first, so that the plainest name is the one that is told.
    return tuple(tuple(sorted(losses, key=lambda one: one != starts(type(one))[0])) for losses in found.values())


def _convention(subject: Subject, loss: Loss) -> Convention | None:
    """How the inputs of `loss` become those of the subject; None where they do not."""
    mine, its = subject.domains, loss.named_domains
    if len(mine) != len(its):
        return None
    if "target" not in dict(its) and [name for name, _ in mine] != [name for name, _ in its]:
        return None
    changes = [change_between(domain, other) for (_, domain), (_, other) in zip(mine, its, strict=True)]
    return None if any(one is None for one in changes) else Convention(tuple(one for one in changes if one is not None))


def _fitting(readings: list[tuple[ReadAs, tuple[Loss, ...]]]) -> Known | None:
    """The loss that it is at fields that are searched for; one that it is exactly rather than up to a factor."""
    up_to: Known | None = None
    for reading, losses in readings:
        for loss in _nearest_of_each(reading, losses):
            nothing = Trace(reading.alone.values * float("nan"), reading.alone.slopes)
            fit, likeness = fitted(reading.alone, loss, lambda at, nothing=nothing: worked_out(at) or nothing)
            found = _of(reading, fit, likeness)
            if found is not None and found.scale == 1 and not found.shift:
                return found
            up_to = up_to or (found if _plausible(fit, loss) else None)
    return up_to


def _plausible(fit: Loss, start: Loss) -> bool:
    """Whether the fields are such as people use: far beyond them losses become other losses, up to a factor."""
    pairs = [(getattr(fit, axis.name), getattr(start, axis.name)) for axis in numeric(start)]
    return all(abs(there) <= _FAR * abs(here) and abs(here) <= _FAR * abs(there) for there, here in pairs if here)


def _nearest_of_each(reading: ReadAs, losses: tuple[Loss, ...]) -> list[Loss]:
    """Of each kind of loss that has numbers for fields, the one that is nearest; the nearest kinds first."""
    best: dict[Any, tuple[float, Loss]] = {}
    for loss in losses:
        trace = canonical(loss)
        names = (type(loss), tuple(axis.name for axis in numeric(loss)))
        if trace is None or not names[1]:
            continue
        left = compared(reading.alone, trace).left
        if names not in best or left < best[names][0]:
            best[names] = (left, loss)
    return [loss for left, loss in sorted(best.values(), key=lambda each: each[0])[:4] if left < 0.7]


def _of(reading: ReadAs, loss: Loss, likeness: Likeness) -> Known | None:
    """The loss, if the candidate equals it and adds its examples up as a loss does."""
    if likeness.relation not in ("equal", "affine"):
        return None
    summing = summed(reading, loss, likeness)
    if summing.state == "fail":
        return None
    if summing.fields:
        loss = loss.replace(**summing.fields)
    return Known(loss=loss, scale=likeness.scale, shift=likeness.shift)


def _mistaken(readings: list[tuple[ReadAs, tuple[Loss, ...]]], known: Known | None) -> Nearest:
    """The mistake that the candidate is, exactly, where no loss that is right looks like it."""
    for reading, losses in readings:
        tried: dict[type[Loss], int] = {}
        for loss in losses:
            tried[type(loss)] = tried.get(type(loss), 0) + 1
            if tried[type(loss)] > _TRIED:
                continue
            for mistake in mistakes_of(loss):
                silent = known is not None and not mistake.rescales
                if silent or not mistake.telling or mistake.whole or (trace := canonical(loss, mistake)) is None:
                    continue
                if compared(reading.alone, trace).relation == "equal":
                    return Nearest(known=known, mistake=mistake, wrong=loss, reading=reading)
    return Nearest(known=known)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
