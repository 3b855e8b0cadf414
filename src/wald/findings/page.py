"""A report as one self-contained page."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

from wald.findings.draw import svg
from wald.findings.questions import FIVE, group_by_question, question_key
from wald.findings.state import STATES, SYMBOLS, WORDS, State, count_states, overall_state
from wald.findings.words import (
    card_words,
    counts_words,
    effect_words,
    entry_words,
    number_words,
    quantity_words,
    state_words,
    verdict_words,
)

if TYPE_CHECKING:
    from jinja2 import Template

    from wald.findings.figure import Figure
    from wald.findings.finding import Finding
    from wald.findings.report import Report

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" '
    'fill="#12355b"/><path d="M6 9l5 14 5-12 5 12 5-14" fill="none" stroke="#fff" stroke-width="3" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


def render_page(report: Report) -> str:
    """Write a report as a page that needs no network, no script and no font of its own."""
    return _template().render(
        _HELPERS,
        report=report,
        # As data in the page, since a browser would ask the server for an icon that is not there.
        icon="data:image/svg+xml;base64," + b64encode(_ICON.encode()).decode(),
        verdict=report.verdict,
        verdict_words=verdict_words(report.verdict, report.counts),
        summary=counts_words(report.counts),
        answers=_answers(report),
        groups=_groups(report),
        pictures=[_picture(figure) for figure in report.figures],
        seconds=sum(finding.seconds for finding in report.findings),
    )


def render_frame(report: Report) -> str:
    """Write a report for a notebook: in a frame, so that its style and the notebook's do not meet."""
    inside = escape(render_page(report), quote=True)
    return (
        f'<iframe title="wald report" sandbox srcdoc="{inside}" '
        f'style="width: 100%; height: 720px; border: 1px solid #d5dae1; border-radius: 8px"></iframe>'
    )


@cache
def _template() -> Template:
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    # Everything is escaped, and a name that the template misspells is an error and not an empty space.
    around = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return around.from_string(files("wald.findings").joinpath("page.html.jinja").read_text("utf-8"))


def _answers(report: Report) -> list[dict[str, Any]]:
    """The five questions of an audit, answered or not, and whatever other answers there are."""
    given = {question_key(question): answer for question, answer in report.answers.items()}
    groups = group_by_question(report.findings)
    questions = dict.fromkeys([*(FIVE if report.kind == "audit" else ()), *given])
    answers: list[dict[str, Any]] = []
    for question in questions:
        states: list[State] = [finding.state for finding in groups.get(question, [])]
        answers.append(
            {
                "question": question,
                "asks": FIVE.get(question, ""),
                "answer": given.get(question, "No answer: nothing in this report decides it."),
                "state": overall_state(states) if states or report.kind == "audit" else None,
                "words": verdict_words(overall_state(states), count_states(states)),
                "counts": _counted(states),
            }
        )
    return answers


def _counted(states: list[State]) -> str:
    counts = count_states(states)
    return ", ".join(state_words(state, counts[state]) for state in STATES if counts[state])


def _groups(report: Report) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for question, findings in group_by_question(report.findings).items():
        states: list[State] = [finding.state for finding in findings]
        worst = overall_state(states)
        groups.append(
            {
                "question": question,
                "state": worst,
                "words": verdict_words(worst, count_states(states)),
                "open": worst in ("fail", "error", "warn"),
                "counts": _counted(states),
                "findings": sorted(findings, key=lambda finding: STATES.index(finding.state)),
            }
        )
    return sorted(groups, key=lambda group: STATES.index(group["state"]))


def _controls(finding: Finding) -> str:
    positive = {True: "planted defect found", False: "planted defect missed", None: ""}
    negative = {True: "clean twin quiet", False: "clean twin raised an alarm", None: ""}
    said = [positive[finding.controls.positive], negative[finding.controls.negative]]
    return ", ".join(part for part in said if part)


def _other_evidence(finding: Finding) -> dict[str, str]:
    return {key.replace("_", " "): card_words(value) for key, value in finding.evidence.items() if key != "reproduce"}


@dataclass(frozen=True)
class _Picture:
    figure: Figure
    drawn: str
    missing: str = ""


def _picture(figure: Figure) -> _Picture:
    from markupsafe import Markup

    try:
        # Safe, because `svg` escapes every text that it writes.
        return _Picture(figure, Markup(svg(figure, title=False)))  # noqa: S704
    except ModuleNotFoundError as error:
        return _Picture(figure, "", str(error))


@dataclass(frozen=True)
class _Strip:
    """An effect on a small scale beside its threshold, in percent of the strip's width."""

    low: float
    high: float
    effect: float
    threshold: float
    threshold_words: str


def _strip(finding: Finding) -> _Strip | None:
    """Place an effect, its interval and its threshold on one scale; None where there is nothing to compare."""
    effect, threshold = finding.effect, finding.threshold
    if effect is None or threshold is None or not isfinite(effect) or not isfinite(threshold):
        return None
    low, high = finding.interval or (effect, effect)
    known = [value for value in (low, high, effect, threshold, 0.0) if isfinite(value)]
    left, right = min(known), max(known)
    if left == right:
        return None

    def place(value: float) -> float:
        # An unknown bound reaches to the edge.
        return round(min(100.0, max(0.0, 5 + 90 * (value - left) / (right - left))), 2)

    return _Strip(place(low), place(high), place(effect), place(threshold), number_words(threshold))


# What the template calls. Down here, because all of it has to be defined first.
_HELPERS: dict[str, Any] = {
    "words": WORDS,
    "symbols": SYMBOLS,
    "quantity": quantity_words,
    "effect": effect_words,
    "card": card_words,
    "entry": entry_words,
    "controls": _controls,
    "other_evidence": _other_evidence,
    "strip": _strip,
}
