"""The numbers of a picture as a table, for whoever does not see it or wants to read them off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wald.findings.words import card_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wald.findings.figure import Figure

# A table of hundreds of rows is no help; the file has them all.
_MOST = 40
_COLUMNS = ("labels", "x", "y", "low", "high", "count")


@dataclass(frozen=True)
class Table:
    """Headings and rows of words.

    Attributes:
        heads: one for each column.
        rows: a word for each head.
        left_out: how many rows did not fit.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def tabulate(figure: Figure) -> Table:
    """The numbers of a figure."""
    if figure.kind in ("heat", "table"):
        heads, rows = _grid(figure)
    else:
        heads, rows = _columns(figure)
    return Table(tuple(heads), tuple(tuple(row) for row in rows[:_MOST]), max(0, len(rows) - _MOST))


def _grid(figure: Figure) -> tuple[list[str], list[list[str]]]:
    series: Mapping[str, Any] = figure.series[0] if figure.series else {}
    z: list[list[Any]] = series.get("z") or []
    labels: list[Any] = series.get("labels") or []
    columns = [str(one) for one in series.get("columns") or [] or range(1, 1 + max(map(len, z), default=0))]
    heads = [*([figure.y or "row"] if labels else []), *columns]
    return heads, [
        [*([str(labels[place])] if place < len(labels) else [""] if labels else []), *map(_cell, row)]
        for place, row in enumerate(z)
    ]


def _columns(figure: Figure) -> tuple[list[str], list[list[str]]]:
    present = [name for name in _COLUMNS if any(series.get(name) for series in figure.series)]
    several = len(figure.series) > 1
    named = {"labels": "name", "x": figure.x or "x", "y": figure.y or "y", "low": "from", "high": "to"}
    heads = [*(["series"] if several else []), *(named.get(name, name) for name in present)]
    rows: list[list[str]] = []
    for place, series in enumerate(figure.series):
        name = str(series.get("name") or f"series {place + 1}")
        for row in range(max((len(series.get(one) or ()) for one in present), default=0)):
            cells = [_cell(series[one][row]) if series.get(one) else "" for one in present]
            rows.append([name, *cells] if several else cells)
    return heads, rows


def _cell(value: object) -> str:
    return "–" if value is None else card_words(value)
