"""A probe asks one thing of the evidence and answers with findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..findings import Figure, Finding
from .evidence import Evidence


@dataclass(frozen=True)
class Outcome:
    """What a probe found.

    Attributes:
        findings: the results.
        figures: pictures for the page.
        answer: what it adds to the answer of its question, in a sentence.
    """

    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Probe:
    """One thing that an audit measures.

    Attributes:
        name: what `only=` calls it.
        question: the question that it belongs to.
        code: the code of its main finding, under which it also says that it broke or was not run.
        asks: what it measures, in a few words.
        measure: does it.
        independent: whether it means something even where the model's predictions are not to be trusted.
    """

    name: str
    question: str
    code: str
    asks: str
    measure: Callable[[Evidence], Outcome]
    independent: bool = False
