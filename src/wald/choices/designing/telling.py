"""A design in about twenty lines, and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ...findings import Report

if TYPE_CHECKING:
    from rich.text import Text

    from .designed import Design

#: Where the words begin, right of what they are about.
_INDENT = 9
#: Of the warnings and alternatives so many are told; the page has all.
_MOST = 3


def told_in_lines(design: Design, width: int = 100) -> Iterator[tuple[str, str]]:
    """Every line, with the part of its beginning that names what it is about."""
    yield from _row("design", f"· {design.asked}", width, gap=False)
    yield from _row("train", _called(design), width)
    if design.estimates or design.reads:
        yield from _row("gives", _meaning(design), width)
    if design.decide:
        yield from _row("decide", design.decide, width)
    yield from _row("why", design.why, width)
    if not design.consistent:
        yield from _row("but", "No loss is known whose best prediction is best for exactly what was asked.", width)
    for place, (name, (before, after)) in enumerate(design.changes.items()):
        yield from _row(
            "changes" if not place else "", f"{name.replace('_', ' ')}: {_word(before)} → {_word(after)}", width
        )
    for place, option in enumerate(design.alternatives[:_MOST]):
        yield from _row("or" if not place else "", f"{option.loss!r}: {option.why}", width)
    for place, warning in enumerate(design.warnings[:_MOST]):
        yield from _row("mind" if not place else "", warning, width)
    yield from _row("measured", "design.check() measures the loss and holds it to this; .html() is a page.", width)


def in_colour(design: Design) -> Text:
    """The same for a terminal, with the names of the rows in bold."""
    from rich.text import Text

    text = Text()
    for place, (line, about) in enumerate(told_in_lines(design)):
        text.append("\n" if place else "")
        text.append(line[: len(about)], style="bold" if about else None)
        text.append(line[len(about) :])
    return text


def as_report(design: Design) -> Report:
    """The measured report of the loss, as a page that begins with the design."""
    report = design.check()
    answers = {"what to train": f"{_called(design)}. It gives {_meaning(design)}."}
    if design.decide:
        answers["what to do with it"] = design.decide
    answers["why"] = design.why
    if design.alternatives:
        answers["what else would do"] = " ".join(f"{one.loss!r}: {one.why}" for one in design.alternatives)
    if design.changes:
        answers["what changes"] = "; ".join(
            f"{name.replace('_', ' ')}: {_word(before)} → {_word(after)}"
            for name, (before, after) in design.changes.items()
        )
    own = {figure.title for figure in design.figures}
    return replace(
        report,
        kind="design",
        subject=design.asked,
        answers=answers,
        figures=(*design.figures, *(figure for figure in report.figures if figure.title not in own)),
        notes=design.warnings,
    )


def _called(design: Design) -> str:
    weighted = design.costs is not None and design.costs.each
    return f"{design.loss!r}{', with weight=design.weight(target)' if weighted else ''}"


def _meaning(design: Design) -> str:
    named = "a statistic without a name" if design.estimates == "m-functional" else design.estimates
    return ": ".join(part for part in (named, design.reads) if part) or "a score"


def _word(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{len(value)} numbers"
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(about: str, text: str, width: int, *, gap: bool = True) -> Iterator[tuple[str, str]]:
    begin = about.ljust(_INDENT) if gap else f"{about} "
    lines = wrap(
        text, width, initial_indent=begin, subsequent_indent=" " * _INDENT, break_on_hyphens=False, drop_whitespace=True
    )
    # `wrap` strips what begins a line; an empty name still indents.
    for place, line in enumerate(lines):
        yield line, about if place == 0 else ""
