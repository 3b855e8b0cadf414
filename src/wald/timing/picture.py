"""A run as a picture: for every case, how many times the least that is possible each side takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .case import COMPILED, FLOOR, OURS
from .result import Result, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Ours, and rivals in the order in which they come; told apart by lightness too.
_INK = {OURS: "#1b5e8a", "torch": "#d98c3f", COMPILED: "#9aa7b0"}
_OTHERS = ("#7a9a5b", "#b0607a", "#6f6aa8", "#c9b458")


def picture(run: Run) -> Figure | None:
    """Bars on a logarithmic scale that begin at the floor, or where there is none at the fastest side.

    A run in which no case has two sides has no picture.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    drawn = [result for result in run.results if len(result.sides) > 1]
    if not drawn:
        return None
    names = list(dict.fromkeys(name for result in drawn for name in result.sides if name != FLOOR))
    others = iter(_OTHERS * len(names))
    inks = {name: _INK.get(name) or next(others) for name in names}
    heights = [sum(name in result.sides for name in names) + 0.8 for result in drawn]
    figure = Figure(figsize=(9, 0.24 * sum(heights) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    y, ticks = 0.0, list[float]()
    for result, height in zip(drawn, heights, strict=True):
        present = [name for name in names if name in result.sides]
        ticks.append(y + (len(present) - 1) / 2)
        for name in present:
            ratio = _times(result, name)
            axes.barh(y, ratio - 1, left=1, height=0.8, color=inks[name])
            axes.annotate(
                f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
                (max(ratio, 1), y),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color="#444444",
            )
            y += 1
        y += height - len(present)
    axes.set_xscale("log")
    axes.set_xlim(left=0.8)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.02)
    axes.axvline(1, color="#444444", linewidth=0.8)
    axes.set_yticks(ticks, [result.name for result in drawn], fontsize=8)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(
        f"times the floor, or the fastest where there is no floor; logarithmic, less is better; {run.size} size",
        fontsize=8,
    )
    handles = [axes.barh(0, 0, color=ink, label=name) for name, ink in inks.items()]
    figure.legend(handles=handles, loc="outside upper right", ncols=min(len(handles), 5), frameon=False, fontsize=8)
    return figure


def _times(result: Result, side: str) -> float:
    least = result.sides[FLOOR].ms if FLOOR in result.sides else min(each.ms for each in result.sides.values())
    return result.sides[side].ms / least
