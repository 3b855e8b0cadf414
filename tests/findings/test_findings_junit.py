from __future__ import annotations

from xml.etree import ElementTree as ET

from wald.findings import Finding, Report
from wald.findings.state import STATES


def test_the_counts_are_those_of_the_report(typical):
    root = ET.fromstring(typical.junit())
    (suite,) = root
    assert root.tag == "testsuites"
    assert suite.attrib | {"time": ""} == {
        "name": "wald audit: Focal(gamma=2.0) on loans",
        "tests": "31",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
        "time": "",
    }
    cases = suite.findall("testcase")
    assert len(cases) == 31
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == 31
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "failed: A masked NaN reaches the gradient."
    assert "fix: Make masked rows safe" in failure.text
    assert "reproduce: x = torch.tensor" in failure.text


def test_each_state_has_its_element():
    findings = [
        Finding(code="W101", state=state, question="edge cases", says=f"It is {state}.", seconds=0.25)
        for state in STATES
    ]
    suite = ET.fromstring(Report(kind="check", subject="Huber()", findings=findings).junit())[0]
    cases = suite.findall("testcase")
    assert {state: case[0].tag for state, case in zip(STATES, cases, strict=True)} == {
        "fail": "failure",
        "error": "error",
        "warn": "system-out",
        "inconclusive": "skipped",
        "not_run": "skipped",
        "not_applicable": "skipped",
        "pass": "system-out",
    }
    # One code that is found twice is two tests, and each keeps its name from run to run.
    assert [case.get("name") for case in cases] == ["W101", *(f"W101 ({n})" for n in range(2, 8))]
    assert cases[2][0].text == "warning: It is warn."
    assert cases[4][0].get("message") == "not run: It is not_run."
    assert suite.get("time") == "1.750"


def test_what_xml_cannot_hold_is_replaced_and_the_rest_escaped():
    finding = Finding(code="W101", state="fail", question="a<b", says="bell \x07 & <script>\x00 σ 🎲 \ud800")
    text = Report(kind="check", subject='"quoted" & <b>', findings=(finding,)).junit()
    suite = ET.fromstring(text.encode())[0]
    assert suite.get("name") == 'wald check: "quoted" & <b>'
    assert suite.find("testcase")[0].get("message") == "failed: bell � & <script>� σ 🎲 �"
