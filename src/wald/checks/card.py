"""The card of a report: every fact that was measured of a loss, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from .measured import Measured
from .probabilities.binary import Margins

Fact = Callable[[Measured], Any]


def card_of(measured: Measured) -> dict[str, Any]:
    """Every fact; None where it has no meaning, "unresolved" where it could not be measured."""
    return {name: _told(fact, measured) for name, fact in FACTS.items()}


def _told(fact: Fact, measured: Measured) -> Any:
    try:
        return fact(measured)
    except Exception:
        # What broke is told by the rows of the report; a card says what is known.
        return "unresolved"


def _steadily(fact: Fact) -> Fact:
    """A fact that has a meaning only for a loss that gives the same answer twice."""
    return lambda measured: fact(measured) if measured.steady else None


def _claim(name: str, measured: Measured) -> Any:
    return measured.claim(name).word


def _threshold(measured: Measured) -> float | None:
    found = measured.probabilities
    return found.threshold if isinstance(found, Margins) else None


def _link(measured: Measured) -> str | None:
    return None if measured.probabilities is None else measured.probabilities.link.name


def _noise(measured: Measured) -> float | None:
    return None if measured.probabilities is None else measured.probabilities.noise.rate


def _guarantee(measured: Measured) -> float | None:
    found = measured.probabilities
    return found.guarantee if isinstance(found, Margins) else None


def _known_as(measured: Measured) -> dict[str, Any] | None:
    known = measured.nearest.known
    return None if known is None else known.to_dict()


def _gradient_health(measured: Measured) -> dict[str, dict[str, float]] | None:
    """For each dtype the magnitude of the prediction from which the gradient dies or overflows, where it does."""
    if measured.health is None:
        return None
    ends = {strip.name: {"dies": strip.dies, "overflows": strip.overflows} for strip in measured.health.strips}
    known = {name: {what: at for what, at in end.items() if at is not None} for name, end in ends.items()}
    return {name: end for name, end in known.items() if end}


def _inputs(measured: Measured) -> dict[str, str]:
    return {name: f"{domain.says}, {domain.interval}" for name, domain in measured.subject.domains}


#: The facts, in the order in which a reader asks for them.
FACTS: Final[Mapping[str, Fact]] = {
    "task": lambda measured: measured.subject.task,
    "known_as": _known_as,
    "elicits": lambda measured: measured.statistic.name,
    "proper": partial(_claim, "proper"),
    "calibrated": partial(_claim, "calibrated"),
    "invertible": partial(_claim, "invertible"),
    "link": _steadily(_link),
    "threshold": _steadily(_threshold),
    "symmetric": partial(_claim, "symmetric"),
    "noise_tolerance": _steadily(_noise),
    "guarantee": _steadily(_guarantee),
    "convex": partial(_claim, "convex"),
    "strictly_convex": partial(_claim, "strictly_convex"),
    "strongly_convex": partial(_claim, "strongly_convex"),
    "quasi_convex": partial(_claim, "quasi_convex"),
    "bounded_below": partial(_claim, "bounded_below"),
    "perfect_is_minimal": partial(_claim, "perfect_is_minimal"),
    "growth": _steadily(lambda measured: measured.shape.growth.value),
    "slope": _steadily(lambda measured: measured.shape.growth.slope),
    "lipschitz": partial(_claim, "lipschitz"),
    "lipschitz_constant": _steadily(lambda measured: measured.shape.growth.constant),
    "smooth": _steadily(lambda measured: measured.shape.kinks.smooth),
    "kinks": _steadily(lambda measured: measured.shape.kinks.where or None),
    "gradient_health": _steadily(_gradient_health),
    "invariances": _steadily(lambda measured: list(measured.invariances.words)),
    "degenerate": _steadily(lambda measured: list(measured.degenerate.ways)),
    "reduction": lambda measured: measured.reduction.reduction if measured.steady else "unresolved",
    "coupling": lambda measured: measured.reduction.coupling if measured.steady else "unresolved",
    "deterministic": partial(_claim, "deterministic"),
    "pure": partial(_claim, "pure"),
    "inputs": _inputs,
}
