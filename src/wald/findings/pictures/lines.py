"""Curves, with bands for what is uncertain about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wald.findings.pictures.frame import draw_guides, new_axes, place_legend, set_scales
from wald.findings.pictures.look import numbers, pens

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure

# So few points are shown as points too: one alone would be no line and invisible.
_FEW = 15


def draw_lines(canvas: Canvas, figure: Figure) -> None:
    """Draw curves over x, or over 0, 1, 2, … where there is no x."""
    axes = new_axes(canvas, figure)
    set_scales(axes, figure, figure.log)
    for pen, series in pens(figure):
        x, y, low, high = numbers(series, "x", "y", "low", "high")
        x = x or [float(place) for place in range(len(y))]
        if low:
            axes.fill_between(x, low, high, color=pen.colour, alpha=0.16, linewidth=0)
        marker = pen.marker if len(y) <= _FEW else ""
        axes.plot(x, y, color=pen.colour, linestyle=pen.dash, marker=marker, markersize=5, label=pen.name)
    draw_guides(axes, figure)
    place_legend(canvas, axes)
