"""A report as one self-contained page."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

from wald.findings.answers import certainty
from wald.findings.draw import svg
from wald.findings.questions import FIVE, SIGNS, group_by_question, question_key
from wald.findings.state import STATES, SYMBOLS, WORDS, State, count_states, overall_state
from wald.findings.tabulate import Table, tabulate
from wald.findings.words import (
    card_words,
    counts_words,
    effect_words,
    entry_words,
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
# What a report is called, where it is not what was done.
_KINDS = {"choose": "choice"}
# What a finding of these states says is worth reading at once; the others are folded.
_TOLD: tuple[State, ...] = ("fail", "error", "warn")


def render_page(report: Report) -> str:
    """Write a report as a page that needs no network, no script and no font of its own."""
    answers = _answers(report)
    five = [one for one in answers if report.kind != "audit" or one["question"] in FIVE]
    page = _template().render(
        _HELPERS,
        report=report,
        kind=_KINDS.get(report.kind, report.kind),
        code=_code(report),
        # As data in the page, since a browser would ask the server for an icon that is not there.
        icon="data:image/svg+xml;base64," + b64encode(_ICON.encode()).decode(),
        verdict=report.verdict,
        verdict_words=verdict_words(report.verdict, report.counts),
        summary=counts_words(report.counts),
        answers=five,
        signs=sorted((one for one in answers if one not in five), key=lambda one: STATES.index(one["state"])),
        unrun=_unrun(report),
        groups=_groups(report),
        pictures=[_picture(figure) for figure in report.figures if not question_key(figure.question)],
        tried=[finding for finding in report.findings if finding.controls.to_dict() != _UNTRIED],
        controls_told=_controls_told(report),
        seconds=sum(finding.seconds for finding in report.findings),
    )
    # What the template defines first leaves empty lines.
    return page.lstrip()


def _code(report: Report) -> str:
    """The lines that use what was chosen; empty where nothing was."""
    if report.kind != "choose" or not report.findings:
        return ""
    return str(report.findings[0].evidence.get("reproduce", ""))


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

    from jinja2 import Environment, FunctionLoader, StrictUndefined

    beside = FunctionLoader(lambda name: files("wald.findings").joinpath(name).read_text("utf-8"))
    # Everything is escaped, and a name that the template misspells is an error and not an empty space.
    around = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=beside
    )
    return around.get_template("page.html.jinja")


def _answers(report: Report) -> list[dict[str, Any]]:
    """The five questions of an audit, answered or not, and whatever other answers there are."""
    given = {question_key(question): answer for question, answer in report.answers.items()}
    further = {question_key(question): said for question, said in report.further.items()}
    groups = group_by_question(report.findings)
    audit = report.kind == "audit"
    questions = dict.fromkeys([*(FIVE if audit else ()), *given, *(groups if audit else ())])
    answers: list[dict[str, Any]] = []
    for question in questions:
        findings = groups.get(question, [])
        states: list[State] = [finding.state for finding in findings]
        if report.kind == "choose":
            # What a choice tells beside is an answer too, though nothing was tested by it.
            states = [state for state in states if state != "not_applicable"]
        answers.append(
            {
                "question": question,
                "asks": FIVE.get(question) or (SIGNS.get(question, "") if audit else ""),
                "answer": given.get(question) or _unanswered(findings),
                "further": further.get(question, ()),
                "sure": certainty(findings) if audit and given.get(question) else "",
                "state": overall_state(states) if states or audit else None,
                "words": verdict_words(overall_state(states), count_states(states)),
                "counts": _counted(states),
                "anchor": _place(findings),
            }
        )
    return answers


def _unanswered(findings: list[Finding]) -> str:
    if findings and all(one.state in ("not_run", "not_applicable") for one in findings):
        return "This was not looked at: what it would take is listed under “What was not checked”."
    return certainty(findings) or "No answer: nothing in this report decides it."


def _place(findings: list[Finding]) -> str:
    """Where the page tells more: the question's evidence, or the table of what was not checked."""
    if not findings:
        return ""
    return "unchecked" if all(one.state == "not_run" for one in findings) else _anchor(findings[0].question)


def _anchor(question: str) -> str:
    """The name of a question's place in the page."""
    return "evidence-" + "-".join(
        "".join(letter if letter.isalnum() else " " for letter in question_key(question)).split()
    )


def _counted(states: list[State]) -> str:
    counts = count_states(states)
    return ", ".join(state_words(state, counts[state]) for state in STATES if counts[state])


def _unrun(report: Report) -> list[dict[str, str]]:
    """What was not checked: what it is, why, and how to have it."""
    rows: list[dict[str, str]] = []
    for finding in report.findings:
        if finding.state == "not_run":
            what, _, why = finding.says.partition(": ")
            level = why.partition("--")[2]
            how = finding.fix or (f"run with --{level}" if why.startswith("left for --") else "")
            rows.append(
                {"question": finding.question, "code": finding.code, "what": what, "why": why or "not run", "how": how}
            )
    return rows


def _groups(report: Report) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for question, findings in group_by_question(report.findings).items():
        states: list[State] = [finding.state for finding in findings]
        worst = overall_state(states)
        if worst == "not_run" and report.kind == "audit":
            continue
        ordered = sorted(findings, key=lambda finding: STATES.index(finding.state))
        groups.append(
            {
                "question": question,
                "anchor": _anchor(question),
                "state": worst,
                "words": verdict_words(worst, count_states(states)),
                "open": worst in ("fail", "error", "warn"),
                "counts": _counted(states),
                "told": [one for one in ordered if one.state in _TOLD],
                "quiet": [
                    (state, state_words(state, states.count(state)), [one for one in ordered if one.state == state])
                    for state in ("inconclusive", "not_run", "not_applicable", "pass")
                    if state in states
                ],
                "pictures": [
                    _picture(figure) for figure in report.figures if question_key(figure.question) == question
                ],
            }
        )
    return sorted(groups, key=lambda group: STATES.index(group["state"]))


_UNTRIED: dict[str, bool | None] = {"positive": None, "negative": None}
_PLANTED = {True: "planted defect found", False: "planted defect missed", None: ""}
_INNOCENT = {True: "clean twin quiet", False: "clean twin raised an alarm", None: ""}


def _controls(finding: Finding) -> str:
    said = [_PLANTED[finding.controls.positive], _INNOCENT[finding.controls.negative]]
    return ", ".join(part for part in said if part)


def _controls_told(report: Report) -> str:
    """In a sentence, how the checks did where the truth was known."""
    positive = [finding.controls.positive for finding in report.findings]
    negative = [finding.controls.negative for finding in report.findings]
    return (
        f"Planted faults: {positive.count(True)} found, {positive.count(False)} missed. "
        f"Innocent twins: {negative.count(True)} quiet, {negative.count(False)} raised an alarm. "
        "A check whose control went wrong accuses nobody: it is inconclusive."
    )


def _other_evidence(finding: Finding) -> dict[str, str]:
    return {key.replace("_", " "): card_words(value) for key, value in finding.evidence.items() if key != "reproduce"}


@dataclass(frozen=True)
class _Picture:
    figure: Figure
    drawn: str
    table: Table
    missing: str = ""


def _picture(figure: Figure) -> _Picture:
    from markupsafe import Markup

    table = tabulate(figure)
    if figure.kind == "table":
        return _Picture(figure, "", table)
    try:
        # Safe, because `svg` escapes every text that it writes.
        return _Picture(figure, Markup(svg(figure, title=False)), table)  # noqa: S704
    except ModuleNotFoundError as error:
        return _Picture(figure, "", table, str(error))


@dataclass(frozen=True)
class _Strip:
    """An effect on a small scale beside its threshold, in percent of the strip's width."""

    low: float
    high: float
    effect: float
    threshold: float


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

    return _Strip(place(low), place(high), place(effect), place(threshold))


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
