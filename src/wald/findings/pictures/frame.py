"""What stands around the data: axes, labels, guides and a legend that covers nothing."""

from __future__ import annotations

from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING, Literal

from wald.findings.pictures.look import FAINT, GUIDE, INK, numbers
from wald.findings.words import number_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure

# How many characters fit across and up a picture.
_ACROSS, _UP = 42, 30


def new_axes(canvas: Canvas, figure: Figure, *, grid: Literal["both", "x", "y", "none"] = "both") -> Axes:
    """Make the one pair of axes that most pictures have."""
    axes = canvas.subplots()
    label_axes(axes, x=figure.x, y=figure.y, grid=grid)
    if not has_data(figure):
        say_empty(axes)
    return axes


def label_axes(axes: Axes, *, x: str, y: str, grid: Literal["both", "x", "y", "none"] = "both") -> None:
    """Write the labels and draw the grid."""
    axes.set_xlabel(fill(x, _ACROSS))
    axes.set_ylabel(fill(y, _UP))
    if grid != "none":
        axes.grid(visible=True, axis=grid)
    axes.tick_params(which="both", length=0, pad=5)


def has_data(figure: Figure) -> bool:
    """Say whether there is anything to see."""
    column = "x" if figure.kind == "intervals" else "y"
    return any(isfinite(value) for series in figure.series for value in numbers(series, column)[0])


def say_empty(axes: Axes) -> None:
    """Say that there is nothing to see, since empty axes look like a fault."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=FAINT)


def set_scales(axes: Axes, figure: Figure, log: str) -> None:
    """Make the named axes logarithmic, with numbers that read like those of the text: 0.001, 1, 1000."""
    if not has_data(figure):
        return
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if name in log:
            axis.axes.set(**{f"{name}scale": "log"})
            axis.set_major_formatter(_plain)
            axis.set_minor_formatter("")


def _plain(value: float, _: object) -> str:
    return number_words(value)


def draw_guides(axes: Axes, figure: Figure) -> None:
    """Draw the diagonal and the reference across."""
    # With one logarithmic axis the line of equal values is a curve, and says little.
    if figure.diagonal and figure.log in ("", "xy"):
        view = axes.axis()
        axes.axline((1, 1), (10, 10), color=FAINT, linewidth=1, linestyle=GUIDE)
        # The points that it was drawn through are no data, and must not widen the view.
        axes.axis(view)
    if figure.reference is not None:
        axes.axhline(figure.reference, color=INK, linewidth=1, linestyle=GUIDE)


def draw_upright(axes: Axes, figure: Figure) -> None:
    """Draw the reference upright, where the values lie along x."""
    if figure.reference is not None:
        axes.axvline(figure.reference, color=INK, linewidth=1, linestyle=GUIDE)


def place_legend(canvas: Canvas, axes: Axes) -> None:
    """Name the series above the picture, where nothing is drawn that a legend could cover."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) < 2:
        return
    names = [fill(name, _ACROSS) for name in names]
    widest = max(len(line) for name in names for line in name.split("\n"))
    # A handle and its space take as much room as six characters.
    columns = max(1, min(len(names), (_ACROSS + 10) // (widest + 6)))
    canvas.legend(handles, names, loc="outside upper left", ncols=columns, handlelength=1.8, columnspacing=1.4)
