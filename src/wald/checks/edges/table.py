"""The whole battery on one loss, each part of it tried when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ...findings import Figure
from . import broken, capture, hits, layouts, modes, sizes, targets, weights
from .bench import Bench
from .cell import Cells
from .judge import Grade, Row, judged
from .outcome import OUTCOMES, Outcome

#: What each rule of the battery tries, by its code.
BATTERY: Final[Mapping[str, tuple[Cells, ...]]] = {
    "W103": (hits.misses,),
    "W104": (hits.hits,),
    "W105": (broken.nan_predictions,),
    "W106": (sizes.empty,),
    "W110": (broken.nan_targets,),
    "W111": (broken.infinite,),
    "W112": (broken.masked_classes,),
    "W113": (sizes.few,),
    "W114": (sizes.one_class,),
    "W115": (sizes.nothing_counts,),
    "W116": (weights.weights,),
    "W120": (targets.out_of_range,),
    "W121": (targets.of_another_type,),
    "W122": (targets.in_another_form,),
    "W123": (layouts.layouts,),
    "W124": (modes.without_graph, modes.learnt_targets, modes.half),
    "W125": (modes.after_others,),
    "W126": (modes.second_derivative, modes.mapped),
    "W127": (capture.captured,),
    "W401": (layouts.columns,),
}

#: What is measured for other reasons too: large predictions in each dtype, and what calls leave behind.
_ELSEWHERE: Final = ("W101", "W404")

_BAD: Final[Mapping[Grade, int]] = {"pass": 0, "warn": 1, "fail": 2}


class Edges:
    """What a loss does with unusual inputs.

    Args:
        bench: the loss and an ordinary batch.
        elsewhere: the rows of a code that is measured elsewhere: W101 the magnitudes in each dtype, W404 the calls.
        lost: codes that are not tried, and have no rows.
    """

    def __init__(
        self,
        bench: Bench,
        elsewhere: Callable[[str], tuple[Row, ...]] | None = None,
        *,
        lost: frozenset[str] = frozenset(),
    ) -> None:
        self.bench = bench
        self._elsewhere = elsewhere
        self._known: dict[str, tuple[Row, ...]] = dict.fromkeys(lost, ())

    def of(self, code: str) -> tuple[Row, ...]:
        """The rows of one code of the battery, or of one that is measured elsewhere."""
        if code not in self._known:
            self._known[code] = self._measured(code)
        return self._known[code]

    def _measured(self, code: str) -> tuple[Row, ...]:
        if code in BATTERY:
            return tuple(judged(self.bench, code, cell) for part in BATTERY[code] for cell in part(self.bench))
        return () if self._elsewhere is None else self._elsewhere(code)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return tuple(row for code in (*_ELSEWHERE, *BATTERY) for row in self.of(code))

    def figure(self) -> Figure:
        """The table as a picture: a row a cell, a column an outcome, dark where it is a fault."""
        rows = self.rows
        used = [outcome for outcome in OUTCOMES if any(row.outcome == outcome for row in rows)]
        shade = {"pass": 1.0, "warn": 2.0, "fail": 3.0}
        return Figure(
            kind="heat",
            title="unusual inputs",
            caption="what the loss does with each; 1 as it should, 2 worth a look, 3 wrong",
            series=[
                {
                    "name": "cells",
                    "labels": [row.cell for row in rows],
                    "columns": used,
                    "z": [[shade[row.grade] if row.outcome == outcome else None for outcome in used] for row in rows],
                }
            ],
        )


def cells_of(rows: tuple[Row, ...]) -> dict[str, Outcome]:
    """Each cell with its outcome; of a cell with several, the worst."""
    found: dict[str, Outcome] = {}
    for row in sorted(rows, key=lambda row: OUTCOMES.index(row.outcome)):
        found[row.cell] = row.outcome
    return {row.cell: found[row.cell] for row in rows}


def worst_first(rows: tuple[Row, ...]) -> list[Row]:
    """The rows that are faults, the worst first."""
    bad = [row for row in rows if row.grade != "pass"]
    return sorted(bad, key=lambda row: (_BAD[row.grade], OUTCOMES.index(row.outcome)), reverse=True)
