"""Draw a figure as SVG, with matplotlib (the extra `wald[report]`), the same bytes every time."""

from __future__ import annotations

from hashlib import sha256
from html import escape
from io import StringIO
import json
import re
from textwrap import wrap
from typing import TYPE_CHECKING

from wald.findings.pictures.bars import draw_bars
from wald.findings.pictures.heat import draw_heat
from wald.findings.pictures.intervals import draw_intervals
from wald.findings.pictures.lines import draw_lines
from wald.findings.pictures.look import HEIGHT, INK, PAPER, STYLE, THEMED, WIDTH
from wald.findings.pictures.reliability import draw_reliability
from wald.findings.pictures.scatter import draw_scatter

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure as Canvas

    from wald.findings.figure import Figure, FigureKind

_DRAW: dict[FigureKind, Callable[[Canvas, Figure], None]] = {
    "reliability": draw_reliability,
    "scatter": draw_scatter,
    "intervals": draw_intervals,
    "lines": draw_lines,
    "bars": draw_bars,
    "heat": draw_heat,
}


def svg(figure: Figure, *, title: bool = True) -> str:
    """Draw a figure as one `<svg>` element that scales to the width it is given.

    Text stays text, in the reader's own sans-serif; no font is embedded and nothing is fetched. Its colours are
    variables of the page around it, so that it turns dark with it; alone, it is dark on light.

    Args:
        figure: What to draw.
        title: Whether to write the title above it. A page that has a heading of its own leaves it out.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed; the message says how to get it.
        ValueError: If the figure is a table, which a page writes as one.
    """
    if figure.kind == "table":
        raise ValueError(f"{figure.title!r} is a table and no picture: its rows are in figure.series[0]['z'].")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure as Canvas
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Drawing needs matplotlib, which is not installed: pip install 'wald[report]'", name=error.name
        ) from None

    with mpl.rc_context(STYLE):
        # The object, not pyplot: no window, no global state, and no figure that stays in memory.
        # "constrained" makes room for long labels and for the legend above.
        canvas = Canvas(figsize=(WIDTH, HEIGHT), layout="constrained", facecolor=PAPER)
        _DRAW[figure.kind](canvas, figure)
        drawn = StringIO()
        # Without date and creator, the same figure is the same bytes on any day.
        canvas.savefig(drawn, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _embed(drawn.getvalue(), figure, title=title)


def _embed(drawn: str, figure: Figure, *, title: bool) -> str:
    """Make of an SVG file an element that can stand in a page, beside others."""
    across, up = drawn[drawn.index('viewBox="') :].split('"')[1].split()[2:]
    above, heading = _heading(figure.title, float(across)) if title else (0, "")
    drawn = drawn[drawn.index(">", drawn.index("<svg")) + 1 :].strip()
    # matplotlib's style rule selects `*`, which in a page is the whole page.
    drawn = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", drawn, count=1, flags=re.DOTALL)
    # Each text stands in a comment too, which doubles it and helps nobody.
    drawn = re.sub(r"<!--.*?-->\s*", "", drawn, flags=re.DOTALL)
    # The text was measured in DejaVu, which is wide; in a reader's own font it takes no more room.
    drawn = re.sub(r"(font(?:-family)?: [^;\"]*?)'DejaVu Sans'[^;\"]*", r"\1system-ui, sans-serif", drawn)
    # Outside of a page the variables are not set, and each falls back to the colour that it stands for.
    drawn = re.sub(r"((?:fill|stroke): )(#[0-9a-f]{6})\b", lambda it: it[1] + THEMED.get(it[2], it[2]), drawn)
    # Two figures in one page must not share the name of an element.
    mark = "w" + sha256(json.dumps(figure.to_dict(), sort_keys=True).encode()).hexdigest()[:8] + "-"
    drawn = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{mark}", drawn)
    spoken = escape(". ".join(part.rstrip(".") for part in (figure.title, figure.caption) if part))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 {-above} {across} {float(up) + above:g}" width="100%" role="img" aria-label="{spoken}" '
        f'style="stroke-linejoin: round; stroke-linecap: butt">{heading}{drawn}'
    )


def _heading(title: str, across: float) -> tuple[int, str]:
    """Write the title above the picture, and return how much room it takes.

    Not by matplotlib, which would lay it over a legend that stands outside the axes.
    """
    lines = wrap(title, 42)
    leading = 16
    above = leading * len(lines) + 8
    text = "".join(
        f'<text x="4" y="{leading * (index + 1) - above}" style="font: bold 12px system-ui, sans-serif; '
        f'fill: {THEMED[INK]}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    )
    return above, f'<rect y="{-above}" width="{across:g}" height="{above}" style="fill: {THEMED[PAPER]}"/>{text}'
