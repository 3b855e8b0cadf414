"""Points, some of them named."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from wald.findings.pictures.frame import draw_guides, new_axes, place_legend, set_scales
from wald.findings.pictures.look import FAINT, TEXT, numbers, pens, texts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure

# A page with a hundred thousand circles opens on no phone.
_MOST_POINTS = 800
# More names than these would cover each other.
_MOST_NAMES = 12


def draw_scatter(canvas: Canvas, figure: Figure) -> None:
    """Draw points. Of very many, every k-th is drawn, and the picture says so."""
    axes = new_axes(canvas, figure)
    set_scales(axes, figure, figure.log)
    shown = total = 0
    for pen, series in pens(figure):
        x, y = numbers(series, "x", "y")
        step = max(1, -(-len(x) // _MOST_POINTS))
        total, shown = total + len(x), shown + len(x[::step])
        few = len(x) <= 200
        axes.plot(
            x[::step],
            y[::step],
            linestyle="none",
            marker=pen.marker,
            markersize=6 if few else 4,
            alpha=0.85 if few else 0.45,
            color=pen.colour,
            label=pen.name,
        )
        _name(axes, texts(series, "labels"), x, y)
    if shown < total:
        axes.set_title(f"{shown} of {total} points", loc="right", size=TEXT - 1.5, color=FAINT)
    draw_guides(axes, figure)
    place_legend(canvas, axes)


def _name(axes: Axes, labels: list[str], x: list[float], y: list[float]) -> None:
    if len(labels) > _MOST_NAMES:
        return
    for label, left, up in zip(labels, x, y, strict=False):
        if isfinite(left) and isfinite(up):
            axes.annotate(label, (left, up), xytext=(5, 4), textcoords="offset points", size=TEXT - 2)
