"""What happened against what was forecast, with the counts of the bins below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wald.findings.pictures.frame import has_data, label_axes, new_axes, place_legend, say_empty
from wald.findings.pictures.look import FAINT, GUIDE, TEXT, numbers, offset, pens

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure


def draw_reliability(canvas: Canvas, figure: Figure) -> None:
    """Draw a reliability diagram; on the dashed diagonal a forecast of 30 % comes true in 30 % of cases."""
    if any(series.get("count") for series in figure.series):
        axes = _with_counts(canvas, figure)
    else:
        axes = new_axes(canvas, figure)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=GUIDE)
    axes.annotate("perfect", (0.92, 0.96), ha="right", va="bottom", color=FAINT, size=TEXT - 1.5, annotation_clip=False)
    for pen, series in pens(figure):
        x, y, low, high = numbers(series, "x", "y", "low", "high")
        if low:
            axes.vlines(x, low, high, color=pen.colour, linewidth=1.4, alpha=0.75)
        axes.plot(
            x,
            y,
            color=pen.colour,
            marker=pen.marker,
            markersize=5.5,
            linestyle=pen.dash,
            linewidth=1.4,
            label=pen.name,
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    place_legend(canvas, axes)


def _with_counts(canvas: Canvas, figure: Figure) -> Axes:
    axes, below = canvas.subplots(2, 1, sharex=True, height_ratios=(4.2, 1), gridspec_kw={"hspace": 0.02})
    label_axes(axes, x="", y=figure.y)
    label_axes(below, x=figure.x, y="rows", grid="none")
    for pen, series in pens(figure):
        x, count = numbers(series, "x", "count")
        if count:
            places = [value + offset(pen, figure, 0.028) for value in x]
            below.bar(places, count, width=0.028 / len(figure.series), color=pen.colour)
    below.set_ylim(bottom=0)
    below.locator_params(axis="y", nbins=2)
    if not has_data(figure):
        say_empty(axes)
    return axes
