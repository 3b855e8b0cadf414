from __future__ import annotations

import json
import pickle

import pytest

from wald.findings import Figure, Finding, Report, ReportFailed
from wald.findings.environment import environment
from wald.findings.state import STATES


def report(*states, **fields):
    findings = [
        Finding(code=f"W{100 + i}", state=state, question="edge cases", says=f"Says {state}.", fix=f"Mend {i}.")
        for i, state in enumerate(states)
    ]
    return Report(**({"kind": "check", "subject": "Huber()", "findings": findings} | fields))


def test_counts_have_exactly_the_keys_of_the_contract(typical):
    assert typical.counts == {
        "planned": 31,
        "pass": 27,
        "warn": 1,
        "fail": 1,
        "inconclusive": 1,
        "not_applicable": 0,
        "not_run": 1,
        "error": 0,
    }
    assert list(report().counts) == list(typical.counts)


def test_the_dictionary_has_the_order_of_the_contract(typical):
    assert " ".join(typical.to_dict()) == (
        "schema kind subject verdict counts card findings environment seed answers figures notes"
    )
    assert typical.to_dict()["verdict"] == "fail"
    assert typical.to_dict()["schema"] == 1


def test_round_trip(typical):
    text = typical.json()
    again = Report.from_dict(json.loads(text))
    assert again == typical
    assert again.json() == text
    assert Report.from_dict(json.loads(typical.json(indent=None))) == typical


def test_verdict_and_counts_are_counted_and_not_believed(typical):
    forged = typical.to_dict() | {"verdict": "pass", "counts": {"planned": 0}}
    assert Report.from_dict(forged).verdict == "fail"
    assert Report.from_dict(forged).counts["planned"] == 31


def test_another_schema_is_refused(typical):
    with pytest.raises(ValueError, match="schema 1; got 2"):
        Report.from_dict(typical.to_dict() | {"schema": 2})


@pytest.mark.parametrize(
    ("states", "code", "strict"),
    [
        (["pass"], 0, 0),
        (["pass", "warn", "inconclusive", "not_applicable"], 0, 0),
        (["pass", "fail"], 1, 1),
        (["pass", "error"], 3, 3),
        (["fail", "error", "not_run"], 1, 1),
        (["pass", "not_run"], 0, 3),
        (["not_run"], 0, 3),
        ([], 0, 3),
    ],
)
def test_exit_codes(states, code, strict):
    one = report(*states)
    assert one.exit_code() == code
    assert one.exit_code(strict=True) == strict
    for is_strict, expected in ((False, code), (True, strict)):
        if expected:
            with pytest.raises(ReportFailed):
                one.raise_if_failed(strict=is_strict)
        else:
            one.raise_if_failed(strict=is_strict)


def test_the_exception_says_what_failed_and_how_to_mend_it():
    one = report("pass", "fail", "error", "warn", "fail")
    with pytest.raises(AssertionError) as caught:
        one.raise_if_failed()
    message = str(caught.value)
    assert message.splitlines()[0] == "Huber(): failed. 5 planned: 1 passed, 1 warning, 2 failed, 1 error."
    for told in ("W101", "W102", "W104", "Mend 1.", "Mend 4.", "Says error."):
        assert told in message
    for untold in ("W100", "W103"):
        assert untold not in message
    assert caught.value.report is one
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == message
    assert again.report == one


def test_the_exception_under_strict_names_what_was_not_run():
    with pytest.raises(ReportFailed, match="W101"):
        report("pass", "not_run").raise_if_failed(strict=True)


@pytest.mark.parametrize("state", STATES)
def test_only_a_pass_reads_as_a_pass(state):
    assert (report(state).verdict == "pass") == (state == "pass")


def test_the_environment_is_filled_in_without_importing_anything():
    told = report().environment
    assert told == environment()
    assert list(told) == ["wald", "python", "platform", "torch", "numpy", "cpus"]
    told["python"] = "4"
    assert environment()["python"] != "4"
    assert report(environment={}).environment == {}


def test_what_is_no_finding_is_refused():
    with pytest.raises(TypeError, match="findings of type Finding; got dict"):
        report(findings=[{}])
    with pytest.raises(TypeError, match="figures of type Figure; got str"):
        report(figures=["x"])
    with pytest.raises(ValueError, match="kind='prove'"):
        report(kind="prove")


def test_a_report_is_a_value():
    one = report("pass", figures=[Figure(kind="lines", title="t")], notes="One note.", environment={"a": 1})
    assert one == report("pass", figures=[Figure(kind="lines", title="t")], notes=["One note."], environment={"a": 1})
    assert one.notes == ("One note.",)
    assert hash(one) == hash(one)
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.seed = 1
