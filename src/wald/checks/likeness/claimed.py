"""What a loss is said to be, and what it turns out to be: that loss, a known mistake of it, or something else.

The loss and its canonical form are held beside each other on the same inputs, value and gradient, in every
convention in which the loss may want them. Fields that nobody named are searched for. What is equal passes, what is
equal up to a scale is told, and only then the known mistakes are tried, at the fields that were said, then at usual
ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from ...core import Loss
from ..mistakes import Mistake, mistakes_of
from .agreement import adds_up, factors, held_beside, in_batches, meets, nothing, partly, worst
from .canon import canonical, worked_out
from .claim import Found, Match
from .fields import has_field
from .fitting import fitted, numeric, round_fields, same_inputs
from .reading import ReadAs
from .said import Candidate
from .telling import Telling
from .traces import Likeness, compared
from .words import call_of, choices, same_fields

#: So many conventions in which a candidate gives numbers are searched for mistakes.
MOST = 3
#: How much the best mistake must explain to be named as the nearest.
NEAR = 0.1
#: So many sets of fields are tried for mistakes.
TRIED = 14


@dataclass(frozen=True, eq=False, kw_only=True)
class Claimed(Candidate):
    """A candidate, held beside what it is said to be."""

    def recipe(self, reading: ReadAs) -> str:
        """The line of Python that makes what a reading called."""
        return next((text for call, text in zip(self.calls, self.recipes, strict=False) if call is reading.call), "")

    @cached_property
    def match(self) -> Match:
        """What it is."""
        return _Search(self).match()


class _Search(Telling):
    """The way from what a candidate gives to what it is, the likeliest first."""

    def __init__(self, candidate: Candidate) -> None:
        super().__init__(candidate)
        self.mistaken_as: dict[tuple[ReadAs, Loss, Mistake], Likeness] = {}
        self.fitted_to: dict[ReadAs, list[Found]] = {}

    def match(self) -> Match:
        readings = self.readings()
        if not readings:
            said = self.refused or "it gave no number"
            return Match(
                state="fail",
                says=f"it does not take what {self.claim} takes: {said}",
                fix="Claim what it is, or wrap it in a function that takes the same inputs.",
            )
        for find in (self.as_said, self.equal, self.mistaken, self.scaled, self.nearly, self.in_batches):
            if (found := find(readings)) is not None:
                return found
        return self.different(readings)

    def as_said(self, readings: list[ReadAs]) -> Match | None:
        """The very loss that was said, or a mistake of it."""
        for reading in readings:
            said = self.said(reading)
            if said is None or same_inputs(said) != same_inputs(reading.loss):
                continue
            if (one := held_beside(reading, said)).relation == "equal":
                return self.equal_to(Found(reading, said, one))
            for loss in self.usual(reading):
                fits = same_fields(loss, said, self.named(reading))
                if fits and (one := held_beside(reading, loss)).relation == "equal":
                    return self.equal_to(Found(reading, loss, one))
        found: list[Found] = []
        for reading in readings[:MOST]:
            said = self.said(reading)
            if said is not None and same_inputs(said) == same_inputs(reading.loss):
                found += self.mistakes(reading, [said])
        return self.mistake(found) if found else None

    def equal(self, readings: list[ReadAs]) -> Match | None:
        """The loss at some usual fields, or at fields that are searched for."""
        for reading in readings:
            for loss in self.usual(reading):
                if (one := held_beside(reading, loss)).relation == "equal":
                    return self.equal_to(Found(reading, loss, one))
        for reading in readings[:MOST]:
            for found in self.fits(reading):
                if found.likeness.relation != "equal":
                    continue
                if not round_fields(found.loss):
                    mistaken = self.mistakes(reading, self.usual(reading))
                    if mistaken:
                        return self.mistake(mistaken)
                return self.equal_to(found)
        return self.by_class(readings)

    def by_class(self, readings: list[ReadAs]) -> Match | None:
        """The loss with one factor for each class."""
        for reading in readings:
            loss = reading.loss
            target = reading.inputs[1] if len(reading.inputs) == 2 else None
            name = next((n for n in ("alpha", "class_weight") if has_field(loss, n)), "")
            if not name or target is None or target.is_floating_point() or target.ndim != 1:
                continue
            for base in self.usual(reading):
                if getattr(base, name) is not None or (trace := canonical(base)) is None:
                    continue
                each = factors(reading.alone, trace, target)
                if each is None:
                    continue
                weighted = base.replace(**{name: each})
                found = Found(reading, weighted, held_beside(reading, weighted))
                if name == "alpha":
                    return self.equal_to(found) if found.likeness.relation == "equal" else None
                if reading.value.numel() == 7:
                    return self.passed(found, "class weights inside the values, and no reduction")
                mistake = next(m for m in mistakes_of(weighted) if m.name == "weights not divided by their sum")
                return self.mistake([replace(found, mistakes=(mistake,))])
        return None

    def mistaken(self, readings: list[ReadAs]) -> Match | None:
        found = [one for reading in readings[:MOST] for one in self.mistakes(reading, self.usual(reading))]
        return self.mistake(found) if found else None

    def scaled(self, readings: list[ReadAs]) -> Match | None:
        """The loss up to a factor and a constant."""
        for reading in readings[:MOST]:
            tried = [(loss, held_beside(reading, loss)) for loss in self.usual(reading)]
            tried += [(one.loss, one.likeness) for one in self.fits(reading)]
            for loss, likeness in tried:
                if likeness.relation in ("affine", "flipped"):
                    return self.affine(Found(reading, loss, likeness))
        return None

    def nearly(self, readings: list[ReadAs]) -> Match | None:
        """A mistake up to a factor; a right value with a wrong gradient; a right gradient with another value."""
        for reading in readings[:MOST]:
            found = [
                one
                for one in self.mistakes(reading, self.usual(reading), relations=("affine", "slopes"))
                if one.likeness.scale > 0
            ]
            if found:
                return self.mistake(found)
        for reading in readings:
            for loss in self.usual(reading):
                likeness = held_beside(reading, loss)
                if likeness.relation == "gradient":
                    return self.bent(Found(reading, loss, likeness))
                if likeness.relation == "slopes" and likeness.scale > 0:
                    return self.sloped(Found(reading, loss, likeness))
        return None

    def in_batches(self, readings: list[ReadAs]) -> Match | None:
        """A mistake that shows in batches only; exactly, else up to a factor."""
        alone = [reading for reading in readings[:MOST] if not reading.coupled]
        for relations in (("equal",), ("affine",)):
            for reading in alone:
                for loss in self.usual(reading):
                    if (found := in_batches(reading, loss, relations)) is not None:
                        return self.mistake([found])
        return None

    def fits(self, reading: ReadAs) -> list[Found]:
        """The loss at the fields that fit best, from the usual fields that are nearest, one for each set of fields."""
        if reading in self.fitted_to:
            return self.fitted_to[reading]
        nearest: dict[tuple[str, ...], tuple[float, Loss]] = {}
        for loss in self.usual(reading):
            trace = canonical(loss)
            names = (*(axis.name for axis in numeric(loss)), *choices(loss))
            if trace is None or not numeric(loss):
                continue
            left = compared(reading.alone, trace).left
            if names not in nearest or left < nearest[names][0]:
                nearest[names] = (left, loss)
        found: list[Found] = []
        for _, loss in sorted(nearest.values(), key=lambda each: each[0])[:2]:
            fit, likeness = fitted(reading.alone, loss, lambda at: worked_out(at) or nothing(reading))
            found.append(Found(reading, fit, likeness))
        self.fitted_to[reading] = found
        return found

    def mistakes(self, reading: ReadAs, losses: list[Loss], relations: tuple[str, ...] = ("equal",)) -> list[Found]:
        """The mistakes that the candidate is, at the first of these fields at which it is one."""
        for loss in losses[:TRIED]:
            same: list[Found] = []
            for mistake in mistakes_of(loss):
                if mistake.whole or (trace := canonical(loss, mistake)) is None:
                    continue
                key = (reading, loss, mistake)
                if (likeness := self.mistaken_as.get(key)) is None:
                    likeness = self.mistaken_as[key] = compared(reading.alone, trace)
                if likeness.relation in relations and adds_up(reading, trace, likeness):
                    same.append(Found(reading, loss, likeness, (mistake,)))
            if same:
                least = min(one.likeness.gap + one.likeness.bend for one in same)
                return [one for one in same if one.likeness.gap + one.likeness.bend <= 10 * least + 1e-7]
        return []

    def different(self, readings: list[ReadAs]) -> Match:
        """It is none of these: where it differs most, and the nearest mistake if that explains most of it."""
        best: Found | None = None
        for reading in readings[:MOST]:
            for loss in self.usual(reading)[:6]:
                for mistake in (None, *mistakes_of(loss)):
                    if mistake is not None and mistake.whole:
                        continue
                    trace = canonical(loss, mistake)
                    if trace is None or (like := compared(reading.alone, trace)).scale <= 0:
                        continue
                    if best is None or like.left < best.likeness.left - 1e-6:
                        best = Found(reading, loss, like, () if mistake is None else (mistake,))
        reading = readings[0] if best is None else best.reading
        loss = self.usual(reading)[0] if best is None else best.loss
        told = ""
        if best is not None and best.mistakes and best.likeness.left < NEAR:
            told = f". The nearest known mistake is '{best.mistakes[0].name}': {best.mistakes[0].says}"
        return Match(
            state="fail",
            says=f"it differs from {self.claim if self.claim.loss is not None else loss}, and from every known "
            f"mistake of it{told}{meets(reading)}{partly(reading, loss)}",
            loss=loss,
            likeness=Likeness(relation="different") if best is None else best.likeness,
            reading=reading,
            worst=worst(reading, loss),
            fix=f"Use {call_of(loss)}, or claim what it is.",
        )
