"""A table as colours, with its numbers while they are few."""

from __future__ import annotations

from math import isfinite, nan
from textwrap import fill
from typing import TYPE_CHECKING

from wald.findings.pictures.frame import label_axes, say_empty
from wald.findings.pictures.look import ON_DARK, ON_LIGHT, PAPER, TEXT, texts
from wald.findings.words import number_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure


def draw_heat(canvas: Canvas, figure: Figure) -> None:
    """Draw the first series' `z`; its first row is at the top, and a gap stays white."""
    axes = canvas.subplots()
    label_axes(axes, x=figure.x, y=figure.y, grid="none")
    series = figure.series[0] if figure.series else {}
    rows = [[nan if value is None else float(value) for value in row] for row in series.get("z") or []]
    finite = [value for row in rows for value in row if isfinite(value)]
    if not finite:
        say_empty(axes)
        return
    # Cells and no image: they stay sharp in print, and colours that run from dark to light survive grey.
    mesh = axes.pcolormesh(rows, cmap="cividis", edgecolors=PAPER, linewidth=0.8)
    axes.invert_yaxis()
    _name(axes, texts(series, "labels"), texts(series, "columns"))
    if len(rows) <= 10 and len(rows[0]) <= 6:
        _write(axes, rows, finite)
    bar = canvas.colorbar(mesh, ax=axes, shrink=0.9, aspect=28, pad=0.02)
    bar.ax.tick_params(length=0)
    bar.set_label(str(series.get("name") or ""))
    for side in axes.spines.values():
        side.set_visible(False)


def _name(axes: Axes, labels: list[str], columns: list[str]) -> None:
    axes.set_yticks([row + 0.5 for row in range(len(labels))], [fill(label, 18) for label in labels])
    places = [column + 0.5 for column in range(len(columns))]
    if any(len(name) > 6 for name in columns):
        axes.set_xticks(places, columns, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(places, columns)


def _write(axes: Axes, rows: list[list[float]], finite: list[float]) -> None:
    """Write the number into each cell, light on dark and dark on light."""
    middle = (min(finite) + max(finite)) / 2
    # What is next to nothing beside the others is written as zero, and not as 5.6e-17.
    nothing = 1e-9 * max(map(abs, finite))
    for down, row in enumerate(rows):
        for along, value in enumerate(row):
            if isfinite(value):
                number = number_words(0 if abs(value) < nothing else value)
                colour = ON_LIGHT if value > middle else ON_DARK
                axes.text(along + 0.5, down + 0.5, number, ha="center", va="center", color=colour, size=TEXT - 1)
