"""A table of a report as lines of text."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

from wald.findings.tabulate import tabulate

if TYPE_CHECKING:
    from wald.findings.figure import Figure

_GAP = "  "
# A name is cut where it is longer than this; one that cannot be read is worth less than a column of numbers.
_NAME = 44


def table_lines(figure: Figure, width: int) -> list[str]:
    """The rows of a table: names to the left, numbers to the right, and what finds no room is left out and said.

    Args:
        figure: of the kind "table".
        width: the most columns that a line takes.
    """
    table = tabulate(figure)
    rows = [table.heads, *table.rows]
    wide = [max(len(row[place]) for row in rows) for place in range(len(table.heads))]
    kept, room = 1, width - min(wide[0], _NAME)
    while kept < len(wide) and room >= wide[kept] + len(_GAP):
        room -= wide[kept] + len(_GAP)
        kept += 1
    name = min(wide[0], min(wide[0], _NAME) + room)
    lines = [_line(row[:kept], [name, *wide[1:kept]]) for row in rows]
    # A number that stands in no row is worth no line; one that was cut off is.
    if kept < len(wide):
        lines.append(f"(not shown here: {', '.join(table.heads[kept:])})")
    if table.left_out:
        lines.append(f"(and {table.left_out} more)")
    return lines


def _line(cells: tuple[str, ...], wide: list[int]) -> str:
    first = cells[0] if len(cells[0]) <= wide[0] else shorten(cells[0], wide[0], placeholder=" …")
    told = [first.ljust(wide[0]), *(cell.rjust(space) for cell, space in zip(cells[1:], wide[1:], strict=True))]
    return _GAP.join(told).rstrip()
