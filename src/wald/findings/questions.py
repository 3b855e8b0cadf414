"""The five questions of an audit, and which question a finding belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wald.findings.finding import Finding

FIVE: dict[str, str] = {
    "alignment": "Does minimising this loss achieve the outcome?",
    "robustness": "Is robustness in the objective, and how does the model hold when inputs turn against it?",
    "gaming": "Can the number be won without doing the job?",
    "metric correlation": "When the loss improves, does the metric?",
    "edge cases": "What do unusual inputs do to value and gradient?",
}
"""The five questions, in the order in which an audit asks them."""


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
