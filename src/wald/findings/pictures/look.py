"""How every picture looks: colours that all eyes tell apart, and restrained axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wald.findings.figure import Figure

# Okabe and Ito's colours, which stay apart for colour-blind eyes; without their yellow, too pale on white. The last
# is all but black: pure black is what SVG fills with when nothing is said, so matplotlib leaves it out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#010101")
# The second channel, so that nothing hangs on colour alone and a grey print can be read.
# They are more than the colours, so that the eighth series is not the first again.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
GUIDE: Any = (0, (4, 2))
INK, FAINT, PAPER = "#1a1a1a", "#5f6670", "#ffffff"
EDGE, GRID = "#8a919c", "#e4e7eb"
# On a colour that is the same in a dark page and in a light one, and so no ink of the page.
ON_LIGHT, ON_DARK = "#101010", "#fdfdfd"

_ROLES = {"ink": INK, "faint": FAINT, "paper": PAPER, "edge": EDGE, "grid": GRID}
# What each colour becomes in a page: a variable, which a dark page sets anew.
THEMED = {
    colour.lower(): f"var(--picture-{name}, {colour.lower()})"
    for name, colour in (_ROLES | {str(index + 1): colour for index, colour in enumerate(COLOURS)}).items()
}

# In inches and points. Small, because a page scales it up: so the text stays readable on a phone.
WIDTH, HEIGHT, TEXT = 4.7, 3.6, 10.5

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "wald",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT - 1,
    "ytick.labelsize": TEXT - 1,
    "legend.fontsize": TEXT - 0.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": PAPER,
    "axes.edgecolor": EDGE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    # A label with a dollar in it is an amount of money and no formula.
    "text.parse_math": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markeredgecolor": PAPER,
    "lines.markeredgewidth": 0.6,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Pen:
    """What tells one series from the others."""

    index: int
    colour: str
    marker: str
    dash: Any
    name: str


def pens(figure: Figure) -> Iterator[tuple[Pen, Mapping[str, Any]]]:
    """Give each series its pen."""
    for index, series in enumerate(figure.series):
        pen = Pen(
            index=index,
            colour=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            dash=DASHES[index % len(DASHES)],
            name=str(series.get("name") or f"series {index + 1}"),
        )
        yield pen, series


def numbers(series: Mapping[str, Any], *names: str) -> list[list[float]]:
    """Return columns to draw: a gap is NaN, and a column that the series lacks is empty."""
    return [[nan if value is None else float(value) for value in series.get(name) or []] for name in names]


def texts(series: Mapping[str, Any], *names: str) -> list[str]:
    """Return the first of these columns that the series has, as text."""
    return next(([str(value) for value in series[name]] for name in names if series.get(name)), [])


def offset(pen: Pen, figure: Figure, room: float) -> float:
    """Return how far from its place a series is drawn, so that several share one place side by side."""
    many = len(figure.series)
    return (pen.index - (many - 1) / 2) * room / many
