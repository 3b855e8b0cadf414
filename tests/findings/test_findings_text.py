from __future__ import annotations

from dataclasses import replace

import pytest

from wald.findings import Finding, Report
from wald.findings.state import STATES, SYMBOLS, WORDS
from wald.findings.words import card_words, number_words


def test_a_typical_report_is_about_25_lines_for_a_person(typical):
    lines = str(typical).splitlines()
    assert len(lines) <= 28
    assert max(map(len, lines)) <= 100
    assert lines[0] == "audit · Focal(gamma=2.0) on loans"
    assert lines[1] == "FAILED · 31 planned: 27 passed, 1 warning, 1 failed, 1 inconclusive, 1 not run"


def test_the_five_answers_come_first_and_numbered(typical):
    lines = str(typical).splitlines()
    begin = [line.split(":")[0] for line in lines if line[:3] in ("1. ", "2. ", "3. ", "4. ", "5. ")]
    assert begin == [
        "1. ! alignment",
        "2. ? robustness",
        "3. ✓ gaming",
        "4. ✓ metric correlation (1 not run)",
        "5. ✗ edge cases",
    ]
    assert lines.index("1. ! alignment: Nearly: 7.4 % of MAE is lost.") < next(
        place for place, line in enumerate(lines) if "✗ failed W101" in line
    )


def test_an_answer_is_told_up_to_its_first_sentence(typical):
    answers = dict(typical.answers) | {"gaming": "Yes. Always saying 0.5 wins 3 points. So does noise. And so on."}
    text = str(replace(typical, answers=answers))
    assert "3. ✓ gaming: Yes. Always saying 0.5 wins 3 points.\n" in text
    assert "And so on" not in text


def test_what_passed_or_was_not_run_is_counted_by_question(typical):
    more = [
        Finding(code=f"T80{i}", state="not_run", question="training", says="retraining: left for --deep")
        for i in range(4)
    ]
    text = str(replace(typical, findings=(*typical.findings, *more)))
    assert "○ 5 not run: 1 metric correlation, 4 training" in text
    assert "✓ 27 passed: 5 alignment, 5 robustness, 5 gaming, 3 metric correlation, 6 edge cases, 3" in text
    assert "left for --deep" not in text
    assert "--json" in text


def test_a_busy_audit_stays_readable():
    findings = [
        Finding(code=f"A{100 + i}", state=state, question=question, says="It is so.", fix="Mend it.")
        for i, (state, question) in enumerate(
            [("fail", "alignment")] * 2
            + [("warn", "groups")] * 2
            + [("inconclusive", "gaming")] * 5
            + [("not_run", "training")] * 12
            + [("pass", "edge cases")] * 24
        )
    ]
    report = Report(kind="audit", subject="s", findings=findings, notes=("A long story. " * 40,))
    assert len(str(report).splitlines()) <= 30
    assert len([line for line in str(report).splitlines() if "long story" in line]) <= 3


def test_the_worst_group_comes_first_and_says_everything(typical):
    text = str(typical)
    assert text.index("✗ failed W101") < text.index("! warning W201") < text.index("? inconclusive W301")
    assert "A masked NaN reaches the gradient: 0.07 MAE [0.06, 0.09]; threshold 0.02" in text
    assert "fix: Make masked rows safe" in text
    assert "smallest that could be seen: 3.3 %" in " ".join(text.split())
    assert "○ 1 not run: W401 needs ten training runs" in text
    # What passed is a count and no list.
    assert "A100" not in text


def test_there_are_no_colour_codes_unless_asked_for(typical):
    assert "\x1b" not in str(typical)
    coloured = typical.text(colour=True)
    assert "\x1b[" in coloured
    rich = pytest.importorskip("rich.text")
    assert rich.Text.from_ansi(coloured).plain == str(typical)
    assert typical.__rich__().plain == str(typical)


@pytest.mark.parametrize("width", [40, 72, 100, 140])
def test_it_wraps_at_the_width_it_is_given(typical, width):
    assert max(map(len, typical.text(width=width).splitlines())) <= width


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_said_in_words(state):
    one = Report(
        kind="check",
        subject="Huber()",
        findings=(Finding(code="W101", state=state, question="edge cases", says="It is so."),),
    )
    assert f"{WORDS[state].upper()} · 1 planned: 1 {WORDS[state]}" in str(one)
    assert SYMBOLS[state] in str(one)
    if state != "pass":
        assert "passed" not in str(one).lower()
        assert SYMBOLS["pass"] not in str(one)


def test_what_was_not_run_is_named_beside_a_pass():
    findings = [
        Finding(code="W101", state="pass", question="gaming", says="Good."),
        Finding(code="W102", state="not_run", question="gaming", says="needs --deep"),
    ]
    text = str(Report(kind="check", subject="Huber()", findings=findings))
    assert text.splitlines()[1] == "PASSED, 1 NOT RUN · 2 planned: 1 passed, 1 not run"
    assert "W102 needs --deep" in text


def test_an_audit_without_answers_says_so_for_each_question():
    text = str(Report(kind="audit", subject="Huber()"))
    assert text.count("not run (0 planned)") == 5
    assert "passed" not in text


def test_all_failures_are_told_and_many_warnings_are_listed():
    findings = [
        Finding(code=f"{letter}{100 + i}", state=state, question="gaming" if i % 2 else "groups", says="It is so.")
        for letter, state in (("F", "fail"), ("W", "warn"), ("I", "inconclusive"))
        for i in range(20)
    ]
    text = str(Report(kind="check", subject="Huber()", findings=findings))
    assert text.count("✗ failed F") == 20
    assert text.count("! warning W") == 6
    # The room is that of the report and not of each question.
    assert "… 4 warnings: W113; W115" in text
    assert "… 10 warnings: W100; W102" in text
    assert "I119" in text


def test_questions_come_in_their_order_where_all_is_well():
    given = ["groups", "edge_cases", "Gaming", "alignment", "calibration"]
    findings = [Finding(code="W101", state="pass", question=question, says="It is so.") for question in given]
    lines = str(Report(kind="check", subject="Huber()", findings=findings)).splitlines()
    assert [line.split("  ")[0] for line in lines if "✓" in line] == [
        "alignment",
        "gaming",
        "edge cases",
        "groups",
        "calibration",
    ]


def test_a_check_tells_the_card():
    text = str(Report(kind="check", subject="Huber()", card={"known_as": "Huber", "proper": "no", "delta": None}))
    assert "known as Huber · proper no" in text
    assert "delta" not in text


def test_line_breaks_in_what_was_said_do_not_break_the_layout():
    finding = Finding(code="W101", state="error", question="q", says="ValueError:\n  line two\n\nline four")
    text = str(Report(kind="check", subject="a\nb", findings=(finding,)))
    assert "ValueError:   line two  line four" in text or "ValueError: line two line four" in text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.07, "0.07"),
        (-0.4, "-0.4"),
        (0.0, "0"),
        (999.7, "1000"),
        (12345.6, "12346"),
        (3e9, "3e+09"),
        (1.25e-7, "1.25e-07"),
        (float("inf"), "∞"),
        (float("-inf"), "-∞"),
        (float("nan"), "unknown"),
        (None, "unknown"),
    ],
)
def test_number_words(value, words):
    assert number_words(value) == words


def test_card_words():
    assert card_words(None) == "does not apply"
    assert card_words(True) == "yes"
    assert card_words([]) == "none"
    assert card_words({"a": [1, 2.5]}) == "a: 1, 2.5"
    assert card_words(list(range(15))).endswith("11, and 3 more")
