"""A report as about 25 lines of text."""

from __future__ import annotations

from dataclasses import dataclass
import re
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from wald.findings.questions import FIVE, group_by_question, question_key
from wald.findings.state import STATES, SYMBOLS, WORDS, State, count_states, overall_state
from wald.findings.text_table import table_lines
from wald.findings.words import (
    counts_words,
    effect_words,
    entry_words,
    number_words,
    quantity_words,
    state_words,
    verdict_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from wald.findings.finding import Finding
    from wald.findings.report import Report

# Every failure and error is told; of the milder ones only so many, and the rest by their codes.
_MOST: dict[State, int] = {"warn": 6, "inconclusive": 4}
# So few that did not come out are told with their reasons; of more, an audit says how many.
_FEW = 2
# A note in the text of an audit is no longer than this; the page has all of it.
_NOTE = 180
# Entries of a card that an expert looks up, and those that are worth telling only where something is wrong.
_DETAILS = {
    "strictly_convex",
    "strongly_convex",
    "quasi_convex",
    "lipschitz",
    "lipschitz_constant",
    "smooth",
    "kinks",
    "gradient_health",
    "guarantee",
}
_USUAL = {"bounded_below", "perfect_is_minimal", "deterministic", "pure"}
_STYLES: dict[State, str] = {
    "fail": "bold red",
    "error": "bold magenta",
    "warn": "yellow",
    "inconclusive": "cyan",
    "not_run": "dim",
    "not_applicable": "dim",
    "pass": "green",
}


@dataclass(frozen=True)
class _Line:
    """A line, and how its first part looks where colour is wanted."""

    text: str
    style: str = ""
    styled: int = 0


def render_text(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """Write a report for a person."""
    if not colour:
        return "\n".join(line.text for line in _lines(report, width))
    from io import StringIO

    from rich.console import Console

    coloured = StringIO()
    console = Console(file=coloured, force_terminal=True, color_system="standard", width=width + 1)
    console.print(render_rich(report, width=width), end="", soft_wrap=True)
    return coloured.getvalue()


def render_rich(report: Report, *, width: int = 100) -> Text:
    """Write a report as rich's text, in colour where the console has some."""
    from rich.text import Text

    text = Text()
    for index, line in enumerate(_lines(report, width)):
        styled = line.styled or len(line.text)
        text.append("\n" if index else "")
        text.append(line.text[:styled], style=line.style or None)
        text.append(line.text[styled:])
    return text


def render_failure(report: Report) -> str:
    """Write what failed and what to do about it: the message of `ReportFailed`."""
    counts = report.counts
    bad = [finding for finding in report.findings if finding.state in ("fail", "error")]
    unrun = [finding for finding in report.findings if finding.state == "not_run"] if not bad else []
    lines = [f"{report.subject}: {verdict_words(report.verdict, counts)}. {counts_words(counts)}."]
    for finding in sorted(bad, key=lambda finding: STATES.index(finding.state)) + unrun:
        lines += [line.text for line in _tell(finding, 100)]
    return "\n".join(lines)


def _lines(report: Report, width: int) -> list[_Line]:
    return [
        *_header(report, width),
        *_card(report, width),
        *_answers(report, width),
        *_tables(report, width),
        *(_digest(report, width) if report.kind == "audit" else _groups(report, width)),
        *_ending(report, width),
    ]


def _header(report: Report, width: int) -> Iterator[_Line]:
    yield from _wrapped(f"{report.kind} · {report.subject}", width, style="bold")
    if report.kind == "choose":
        # A choice is an answer and no test that was passed: its first line says all of it.
        return
    verdict = verdict_words(report.verdict, report.counts).upper()
    told = f"{verdict} · {counts_words(report.counts)}"
    yield from _wrapped(told, width, style=_STYLES[report.verdict], styled=len(verdict))


def _card(report: Report, width: int) -> Iterator[_Line]:
    # A check measures a card, so there it is the answer; elsewhere it is background, and in the page.
    told = [
        f"{key.replace('_', ' ')} {entry_words(key, value)}" for key, value in report.card.items() if _worth(key, value)
    ]
    if report.kind == "check" and told:
        yield _Line("")
        yield from _wrapped(" · ".join(told), width)


def _worth(key: str, value: object) -> bool:
    """Whether an entry of the card is worth a place in 25 lines; all of them are in the page and in the JSON."""
    return value not in (None, [], {}) and key not in _DETAILS and not (key in _USUAL and value == "yes")


def _answers(report: Report, width: int) -> Iterator[_Line]:
    answers = {question_key(question): answer for question, answer in report.answers.items()}
    groups = group_by_question(report.findings)
    states: dict[str, list[State]] = {
        question: [finding.state for finding in groups.get(question, [])] for question in {**FIVE, **answers}
    }
    audit = report.kind == "audit"
    # What an audit looks at beside the five is told here where it is wrong, in full; the page has a card for each.
    questions = list(FIVE) if audit else list(answers)
    if report.kind == "check":
        # Where it breaks and what to change is told by the rows below, one by one.
        questions = questions[:1]
    if not questions:
        return
    yield _Line("")
    for question in questions:
        state = overall_state(states[question])
        # What a choice tells beside is an answer too, though nothing was tested by it.
        aside = report.kind == "choose" and state == "not_applicable"
        mark = f"{SYMBOLS[state]} " if (states[question] or audit) and not aside else ""
        number = f"{list(FIVE).index(question) + 1}. " if audit else ""
        # A question that passed in part says how much of it was not run.
        unrun = states[question].count("not_run") if state == "pass" else 0
        partly = f" ({state_words('not_run', unrun)})" if unrun else ""
        begin = f"{number}{mark}{question}{partly}: "
        answer = answers.get(question) or _unanswered(states[question])
        told = _beginning(answer) if audit else answer
        yield from _wrapped(begin + told, width, hang=3, style=_STYLES[state], styled=len(begin))


def _tables(report: Report, width: int) -> Iterator[_Line]:
    # What is chosen among is the evidence itself; in the other reports a table is for the page.
    if report.kind != "choose":
        return
    for figure in report.figures:
        if figure.kind == "table" and not figure.question:
            yield _Line("")
            first, *rest = table_lines(figure, width)
            yield _Line(first, "bold")
            yield from map(_Line, rest)


def _beginning(answer: str) -> str:
    """The word or two that open an answer, and the first sentence after them."""
    return " ".join(re.split(r"(?<=[.!?]) (?=[A-Z\d])", answer)[:2])


def _unanswered(states: list[State]) -> str:
    counts = count_states(states)
    return f"{verdict_words(overall_state(states), counts)} ({counts_words(counts)})"


def _digest(report: Report, width: int) -> Iterator[_Line]:
    """What is wrong in full, and how much of each question came out otherwise."""
    if not report.findings:
        return
    yield _Line("")
    by_state = {state: [finding for finding in report.findings if finding.state == state] for state in STATES}
    room = dict(_MOST)
    for state in ("fail", "error", "warn"):
        told = by_state[state][: room.get(state)]
        for finding in told:
            yield from _tell(finding, width)
        yield from _listed(state, by_state[state][len(told) :], width)
    undecided = by_state["inconclusive"]
    if len(undecided) <= _FEW:
        for finding in undecided:
            yield from _tell(finding, width)
    else:
        yield from _counted("inconclusive", undecided, width)
    if len(by_state["not_run"]) <= _FEW:
        yield from _listed("not_run", by_state["not_run"], width)
    else:
        yield from _counted("not_run", by_state["not_run"], width)
    for state in ("not_applicable", "pass"):
        yield from _counted(state, by_state[state], width)
    yield from _wrapped(
        "All of it, with what was not run and why: the page (.html()), or .json() and --json.", width, style="dim"
    )


def _counted(state: State, findings: list[Finding], width: int) -> Iterator[_Line]:
    """How many of each question are in a state."""
    if findings:
        begin = f"  {SYMBOLS[state]} {state_words(state, len(findings))}"
        each = [f"{len(own)} {question}" for question, own in group_by_question(findings).items()]
        yield from _wrapped(f"{begin}: {', '.join(each)}", width, hang=6, style=_STYLES[state], styled=len(begin))


def _groups(report: Report, width: int) -> Iterator[_Line]:
    groups = group_by_question(_untold(report))
    if not groups:
        return
    yield _Line("")
    room = dict(_MOST)
    # The groups with the worst in them come first; equal ones keep the order of the questions.
    for question, findings in sorted(groups.items(), key=lambda group: STATES.index(_worst(group[1]))):
        yield from _group(question, findings, room, width)


def _untold(report: Report) -> Sequence[Finding]:
    """The findings that the answers have not told: a choice answers in full, and says the rest on its page."""
    if report.kind != "choose":
        return report.findings
    answered = {question_key(question) for question in report.answers}
    wrong = [one for one in report.findings if one.state in ("fail", "error", "warn")]
    return [one for one in wrong if question_key(one.question) not in answered]


def _worst(findings: list[Finding]) -> State:
    return overall_state(finding.state for finding in findings)


def _group(question: str, findings: list[Finding], room: dict[State, int], width: int) -> Iterator[_Line]:
    by_state = {state: [finding for finding in findings if finding.state == state] for state in STATES}
    quiet = [
        f"{SYMBOLS[state]} {state_words(state, len(by_state[state]))}"
        for state in ("pass", "not_applicable")
        if by_state[state]
    ]
    yield from _wrapped(f"{question}  {'  '.join(quiet)}".rstrip(), width, style="bold", styled=len(question))
    for state in ("fail", "error", "warn", "inconclusive"):
        told = by_state[state][: room.get(state)]
        if state in room:
            room[state] -= len(told)
        for finding in told:
            yield from _tell(finding, width)
        yield from _listed(state, by_state[state][len(told) :], width)
    yield from _listed("not_run", by_state["not_run"], width)


def _tell(finding: Finding, width: int) -> Iterator[_Line]:
    """One finding in full, with its fix where there is something to fix."""
    begin = f"  {SYMBOLS[finding.state]} {WORDS[finding.state]} {finding.code}"
    effect = effect_words(finding)
    told = f"{begin}  {finding.says}"
    if effect and effect not in finding.says:
        told = f"{told.rstrip('.')}: {effect}"
    if finding.state == "inconclusive" and finding.detectable is not None:
        told += f"; smallest that could be seen: {quantity_words(finding.detectable, finding.unit)}"
    elif finding.state in ("fail", "warn") and finding.threshold is not None:
        told += f"; {'threshold' if finding.state == 'fail' else 'fails at'} {number_words(finding.threshold)}"
    yield from _wrapped(told, width, hang=6, style=_STYLES[finding.state], styled=len(begin))
    if finding.fix and finding.state in ("fail", "warn", "error"):
        yield from _wrapped(f"      fix: {finding.fix}", width, hang=11)


def _listed(state: State, findings: list[Finding], width: int) -> Iterator[_Line]:
    """Several findings on a line: their codes, and for what was not run the reason."""
    if findings:
        begin = f"  {SYMBOLS[state]} {'' if state == 'not_run' else '… '}{state_words(state, len(findings))}"
        each = [f"{one.code} {one.says}" if state == "not_run" else one.code for one in findings]
        told = f"{begin}: {'; '.join(each)}"
        yield from _wrapped(told, width, hang=6, style=_STYLES[state], styled=len(begin))


def _ending(report: Report, width: int) -> Iterator[_Line]:
    for note in report.notes:
        told = shorten(note, _NOTE, placeholder=" …") if report.kind == "audit" else note
        yield from _wrapped(f"note: {told}", width, hang=6)
    seconds = sum(finding.seconds for finding in report.findings)
    if report.findings:
        yield _Line(f"{seconds:.1f} s · seed {report.seed}", style="dim")


def _wrapped(text: str, width: int, *, hang: int = 0, style: str = "", styled: int = 0) -> Iterator[_Line]:
    # Whitespace at the beginning is the indent, and is kept; within, a line break would break the layout.
    indent = text[: len(text) - len(text.lstrip())]
    lines = wrap(
        text.strip().replace("\n", " "),
        width,
        initial_indent=indent,
        subsequent_indent=" " * hang,
        break_on_hyphens=False,
    )
    for index, line in enumerate(lines):
        whole = style and not styled
        yield _Line(line, style if index == 0 or whole else "", styled if index == 0 else 0)
