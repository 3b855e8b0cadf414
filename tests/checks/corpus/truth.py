"""The losses of which theorems say what they are: how often is the card right?"""

from __future__ import annotations

from dataclasses import dataclass

import torch

import wald
from wald.findings import Report

from .. import known

WORDS = ("calibrated", "proper", "invertible", "symmetric")


@dataclass(frozen=True, kw_only=True)
class Score:
    """How the facts of one table came out.

    Attributes:
        table: which.
        losses: how many there are in it.
        right: facts that were measured as they are.
        unresolved: facts that were left open.
        wrong: facts that were measured otherwise: the loss, the fact, what was measured and what is true.
    """

    table: str
    losses: int
    right: int
    unresolved: int
    wrong: tuple[str, ...]


def score_of(table: str) -> Score:
    """Check every loss of a table."""
    torch.set_num_threads(1)
    facts = [fact for name in TABLES[table] for fact in _facts(table, name)]
    return Score(
        table=table,
        losses=len(TABLES[table]),
        right=sum(found == true for _, found, true in facts),
        unresolved=sum(found == "unresolved" != true for _, found, true in facts),
        wrong=tuple(
            f"{name}: measured {found}, true is {true}"
            for name, found, true in facts
            if found not in (true, "unresolved")
        ),
    )


TABLES = {
    "statistics of numbers": tuple(known.STATISTICS),
    "losses of labels": tuple(known.LABELS),
    "losses of classes": tuple(known.CLASSES),
}


def _facts(table: str, name: str) -> list[tuple[str, object, object]]:
    """Each fact of a loss: its name, as measured, as it is."""
    if table == "statistics of numbers":
        loss, statistic = known.STATISTICS[name]
        return [(name, wald.check(loss).card.get("elicits", "unresolved"), statistic)]
    if table == "losses of classes":
        loss, words = known.CLASSES[name]
        return _words(name, wald.check(loss), words)
    loss, words, threshold = known.LABELS[name]
    report = wald.check(loss)
    found = report.card.get("threshold")
    close = threshold is not None and isinstance(found, float) and abs(found - threshold) <= 1e-3
    return [*_words(name, report, words), (f"{name}, threshold", threshold if close else found, threshold)]


def _words(name: str, report: Report, words: str) -> list[tuple[str, object, object]]:
    return [
        (f"{name}, {word}", report.card.get(word, "unresolved"), true)
        for word, true in zip(WORDS, words.split(), strict=True)
    ]
