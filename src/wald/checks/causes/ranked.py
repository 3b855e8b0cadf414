"""Which of the causes that were seen in a batch is the one: each is taken away, to see whether the batch is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

from ..batches import Run
from . import CAUSES
from .cause import Cause, Suspect


@dataclass(frozen=True)
class Explained:
    """A suspect with its cause, and the batch without it."""

    cause: Cause
    suspect: Suspect
    cured: Run | None
    seconds: float

    @property
    def proved(self) -> bool:
        """Whether the batch is whole without it."""
        return self.cured is not None and not self.cured.outcome.broken


def ranked(run: Run) -> list[Explained]:
    """The causes of a batch, the surest and most telling first; what another explains is left out."""
    seen = list(_suspected(run))
    if not run.outcome.broken:
        return _unexplained_by_others(run, seen)
    proved = [one for one in seen if one.proved]
    if proved:
        # Whatever else takes the symptom away is another word for the same thing, or says less.
        rest = [one for one in seen if not one.proved and not one.cause.generic]
        return [proved[0], *_once(rest, {proved[0].suspect.code})]
    together = _together(run, seen)
    rest = [one for one in seen if one not in together]
    return [*together, *_once(rest, {one.suspect.code for one in together})]


def _suspected(run: Run) -> Iterator[Explained]:
    for cause in CAUSES:
        if not cause.applies(run):
            continue
        start = perf_counter()
        for suspect in cause.look(run):
            cured = without(run, suspect)
            yield Explained(cause, suspect, cured, perf_counter() - start)
            start = perf_counter()
            if run.outcome.broken and cured is not None and not cured.outcome.broken:
                return  # what comes later in the order says less


def without(run: Run, suspect: Suspect) -> Run | None:
    """The batch without a cause; None where it cannot be taken away."""
    if suspect.cure is None:
        return None
    try:
        cured = suspect.cure(run)
        _ = cured.outcome
    except (ValueError, RuntimeError, IndexError, TypeError):
        return None
    return cured


def _once(found: list[Explained], known: set[str]) -> Iterator[Explained]:
    for one in found:
        if one.suspect.code not in known:
            known.add(one.suspect.code)
            yield one


def _unexplained_by_others(run: Run, seen: list[Explained]) -> list[Explained]:
    """Those that are still seen once the ones before them are taken away."""
    kept: list[Explained] = []
    left = run
    for one in seen:
        codes = {again.code for again in one.cause.look(left)} if left is not run and one.cause.applies(left) else None
        if codes is not None and one.suspect.code not in codes:
            continue
        if any(one.suspect.code == other.suspect.code for other in kept):
            continue
        kept.append(one)
        cured = without(left, one.suspect)
        left = cured if cured is not None and not cured.outcome.broken else left
    return kept


def _together(run: Run, seen: list[Explained]) -> list[Explained]:
    """The fewest suspects that take the symptom away together, where none does alone."""
    chosen: list[Explained] = []
    left = run
    for one in seen:
        cured = without(left, one.suspect)
        if cured is None:
            continue
        chosen.append(one)
        left = cured
        if not left.outcome.broken:
            break
    if left.outcome.broken:
        return []
    for one in list(chosen):
        others = [other for other in chosen if other is not one]
        if others and (whole := _all_cured(run, others)) is not None and not whole.outcome.broken:
            chosen = others
    final = _all_cured(run, chosen)
    return [replace(one, cured=final) for one in chosen]


def _all_cured(run: Run, causes: list[Explained]) -> Run | None:
    left: Run | None = run
    for one in causes:
        left = without(left, one.suspect) if left is not None else None
    return left
