"""Bars, lying down where their names are long or many."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from wald.findings.pictures.frame import (
    draw_guides,
    draw_upright,
    label_axes,
    new_axes,
    place_legend,
    set_scales,
)
from wald.findings.pictures.look import HEIGHT, INK, Pen, numbers, offset, pens, texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure

_ROOM = 0.72


def draw_bars(canvas: Canvas, figure: Figure) -> None:
    """Draw bars side by side, with their intervals."""
    names = list(dict.fromkeys(name for series in figure.series for name in texts(series, "labels", "x")))
    lying = len(names) > 6 or any(len(name) > 8 for name in names)
    axes = new_axes(canvas, figure, grid="x" if lying else "y")
    for pen, series in pens(figure):
        _draw(axes, figure, pen, series, names, lying=lying)
    if lying:
        # The values now lie along x, and their label with them.
        label_axes(axes, x=figure.y, y=figure.x, grid="none")
        set_scales(axes, figure, "x" if "y" in figure.log else "")
        told = [fill(name, 26) for name in names]
        axes.set_yticks(range(len(names)), told)
        tallest = max((1 + name.count("\n") for name in told), default=1)
        canvas.set_figheight(max(HEIGHT, 1.2 + len(told) * max(0.2, 0.17 * tallest)))
        axes.set_ylim(len(names) - 0.5, -0.5)
        draw_upright(axes, figure)
    else:
        set_scales(axes, figure, figure.log.replace("x", ""))
        axes.set_xticks(range(len(names)), names)
        draw_guides(axes, figure)
    place_legend(canvas, axes)


def _draw(axes: Axes, figure: Figure, pen: Pen, series: Mapping[str, Any], names: list[str], *, lying: bool) -> None:
    y, low, high = numbers(series, "y", "low", "high")
    own = texts(series, "labels", "x")
    places = [names.index(name) for name in own] if own else range(len(y))
    at = [place + offset(pen, figure, _ROOM) for place in places]
    thick = 0.92 * _ROOM / len(figure.series)
    if lying:
        axes.barh(at, y, height=thick, color=pen.colour, label=pen.name)
    else:
        axes.bar(at, y, width=thick, color=pen.colour, label=pen.name)
    if low:
        draw = axes.hlines if lying else axes.vlines
        draw(at, low, high, color=INK, linewidth=1.3)
