"""The five questions of an audit, and which question a finding belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wald.findings.finding import Finding
    from wald.findings.state import State

FIVE: dict[str, str] = {
    "alignment": "Does minimising this loss achieve the outcome?",
    "robustness": "Is robustness in the objective, and how does the model hold when inputs turn against it?",
    "gaming": "Can the number be won without doing the job?",
    "metric correlation": "When the loss improves, does the metric?",
    "edge cases": "What do unusual inputs do to value and gradient?",
}
"""The five questions, in the order in which an audit asks them."""

SIGNS: dict[str, str] = {
    "calibration": "Do the probabilities mean what they say?",
    "groups": "Are some people or kinds of case served worse?",
    "data": "Can the data be trusted: labels, copies, leaks?",
    "training": "Would training again, or differently, end elsewhere?",
    "tail risk": "How bad are the worst days?",
    "preflight": "Can anything here be measured at all?",
}
"""What an audit looks at besides, as a person would ask it."""

_UNDECIDED: dict[State, str] = {
    "error": "A check broke, so this is open.",
    "inconclusive": "Not decided.",
    "not_run": "Not looked at.",
    "not_applicable": "This has no meaning here.",
}

OPENINGS: dict[str, dict[State, str]] = {
    "alignment": {**_UNDECIDED, "fail": "No.", "warn": "Not quite.", "pass": "Yes, as far as was looked."},
    "robustness": {
        **_UNDECIDED,
        "fail": "Not well.",
        "warn": "With weak spots.",
        "pass": "It held where it was tried.",
    },
    "gaming": {**_UNDECIDED, "fail": "Yes.", "warn": "In part.", "pass": "No way to do that was found."},
    "metric correlation": {**_UNDECIDED, "fail": "No.", "warn": "Not always.", "pass": "Yes, where it was tried."},
    "edge cases": {
        **_UNDECIDED,
        "fail": "Some do harm.",
        "warn": "Some are handled badly.",
        "pass": "They do no harm.",
    },
}
"""The first words of an answer, which agree with the question."""


def question_key(question: str) -> str:
    """Return the spelling that questions are compared by: "Edge_cases" is "edge cases"."""
    return " ".join(question.replace("_", " ").split()).casefold()


def group_by_question(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Group the findings: the five questions in their order, then the others as they came."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(question_key(finding.question), []).append(finding)
    first = {question: groups[question] for question in FIVE if question in groups}
    return first | groups
