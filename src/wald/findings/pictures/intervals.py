"""Effects and their intervals, a row each."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from wald.findings.pictures.frame import draw_upright, new_axes, place_legend, set_scales
from wald.findings.pictures.look import HEIGHT, numbers, offset, pens, texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure


def draw_intervals(canvas: Canvas, figure: Figure) -> None:
    """Draw a forest plot: a row an effect, read from the top, and the reference upright."""
    axes = new_axes(canvas, figure, grid="x")
    set_scales(axes, figure, figure.log.replace("y", ""))
    rows = list(dict.fromkeys(label for series in figure.series for label in texts(series, "labels")))
    for pen, series in pens(figure):
        x, low, high = numbers(series, "x", "low", "high")
        labels = texts(series, "labels")
        # Without names, each effect is a row of its own.
        places = [rows.index(label) for label in labels] if labels else range(len(x))
        at = [place + offset(pen, figure, 0.5) for place in places]
        if low:
            axes.hlines(at, low, high, color=pen.colour, linewidth=2.2, alpha=0.8)
        axes.plot(x, at, linestyle="none", marker=pen.marker, markersize=6.5, color=pen.colour, label=pen.name)
    names = [fill(label, 30) for label in rows]
    axes.set_yticks(range(len(rows)), names)
    # Many rows, or names of several lines, would run into each other on a picture of the usual height.
    tallest = max((1 + name.count("\n") for name in names), default=1)
    canvas.set_figheight(max(HEIGHT, 1.2 + len(rows) * max(0.25, 0.17 * tallest)))
    many = len(rows) or max((len(series.get("x") or []) for series in figure.series), default=0)
    axes.set_ylim(max(many, 1) - 0.5, -0.5)
    # The names leave less than the whole width to the axis, so its label is broken sooner.
    axes.set_xlabel(fill(figure.x, 30), loc="right")
    draw_upright(axes, figure)
    place_legend(canvas, axes)
