"""A picture for a terminal, in plain Python: `wald show` must answer before numpy could be loaded."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A Braille character is 2 dots wide and 4 high; these are the bits of its dots, by column and row.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
# How many dots are drawn and then left out, so that curves stay apart without colour.
_PATTERNS = ((1, 0), (4, 4), (1, 3), (8, 3), (2, 2))


def sketch(x: Sequence[float], curves: Mapping[str, Sequence[float]], width: int = 64, height: int = 16) -> str:
    """Draw curves over x with Braille dots: lines of text, without colour.

    NaN and infinities leave gaps. The axes say the least and the largest value, and where zero is.

    Args:
        x: The places, in any order; consecutive ones are joined.
        curves: The values of each named curve, as many as there are places.
        width: Columns of the picture, without the labels.
        height: Rows of the picture, without axis and legend.

    Raises:
        ValueError: If a curve has not as many values as x, or the picture has no room.
    """
    if width < 8 or height < 2:
        raise ValueError(f"A sketch needs a width of 8 and a height of 2; got {width} and {height}.")
    for name, curve in curves.items():
        if len(curve) != len(x):
            raise ValueError(f"The curve {name!r} has {len(curve)} values for {len(x)} places.")
    left, right = _range([v for v in x if isfinite(v)])
    bottom, top = _range([v for curve in curves.values() for v in curve if isfinite(v)])
    cells = [[0] * width for _ in range(height)]
    across, up = 2 * width - 1, 4 * height - 1
    for index, curve in enumerate(curves.values()):
        points = [
            (round((a - left) / (right - left) * across), round((top - b) / (top - bottom) * up))
            if isfinite(a) and isfinite(b)
            else None
            for a, b in zip(x, curve, strict=True)
        ]
        _draw(cells, points, _PATTERNS[index % len(_PATTERNS)])
    rows = ["".join(chr(0x2800 + cell) if cell else " " for cell in row) for row in cells]
    lines = _frame(rows, bottom, top, left, right)
    if len(curves) > 1 or "".join(curves):
        lines += _legend(list(curves), len(lines[-1]) - len(lines[-1].lstrip()), width)
    return "\n".join(line.rstrip() for line in lines)


def _range(values: list[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        # A constant is drawn through the middle.
        pad = abs(low) / 2 or 1.0
        return low - pad, high + pad
    return low, high


def _draw(cells: list[list[int]], points: list[tuple[int, int] | None], pattern: tuple[int, int]) -> None:
    """Join consecutive points; a missing one interrupts the line."""
    drawn, skipped = pattern
    step, before = 0, None
    for point in points:
        if point is not None:
            for across, down in _line(before or point, point):
                if step % (drawn + skipped) < drawn:
                    cells[down // 4][across // 2] |= _DOTS[across % 2][down % 4]
                step += 1
        before = point


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """The dots after the start up to the end, so that a joint is not drawn twice."""
    (a, b), (c, d) = start, end
    steps = max(abs(c - a), abs(d - b))
    if steps == 0:
        return [end]
    return [(round(a + (c - a) * i / steps), round(b + (d - b) * i / steps)) for i in range(1, steps + 1)]


def _frame(rows: list[str], bottom: float, top: float, left: float, right: float) -> list[str]:
    """Put the axes around the rows, with their ends and zero."""
    last, width = len(rows) - 1, len(rows[0])
    ticks = {0: _label(top), last: _label(bottom)}
    if bottom < 0 < top:
        zero = round((top / (top - bottom) * (4 * len(rows) - 1)) // 4)
        if 0 < zero < last:
            ticks[zero] = "0"
    margin = max(map(len, ticks.values()))
    lines = [f"{ticks.get(row, ''):>{margin}} {'┤' if row in ticks else '│'}{text}" for row, text in enumerate(rows)]
    axis, under = ["─"] * width, _spread(_label(left), _label(right), width)
    if left < 0 < right:
        zero = round(-left / (right - left) * (2 * width - 1)) // 2
        axis[zero] = "┴"
        # Only where it keeps its distance from the labels of both ends.
        if not under[max(0, zero - 2) : zero + 3].strip():
            under = f"{under[:zero]}0{under[zero + 1 :]}"
    return [*lines, f"{'':>{margin}} └{''.join(axis)}", f"{'':>{margin}}  {under}"]


def _spread(first: str, last: str, width: int) -> str:
    return first + last.rjust(max(len(last) + 1, width - len(first)))


def _label(value: float) -> str:
    return f"{value:.3g}"


def _legend(names: list[str], indent: int, width: int) -> list[str]:
    """Show how each curve is drawn, as many to a line as fit."""
    lines: list[str] = []
    for index, name in enumerate(names):
        cells = [[0] * 6]
        _draw(cells, [(0, 1), (11, 1)], _PATTERNS[index % len(_PATTERNS)])
        entry = "".join(chr(0x2800 + cell) if cell else " " for cell in cells[0]) + " " + name
        if lines and len(lines[-1]) - indent + 3 + len(entry) <= width:
            lines[-1] += "   " + entry
        else:
            lines.append(" " * indent + entry)
    return lines
