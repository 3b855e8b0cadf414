"""A report as JUnit XML, the format in which CI systems read tests."""

from __future__ import annotations

from collections import Counter
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wald.findings.questions import question_key
from wald.findings.state import WORDS
from wald.findings.words import card_words, effect_words, quantity_words

if TYPE_CHECKING:
    from wald.findings.finding import Finding
    from wald.findings.report import Report

# XML 1.0 cannot hold these at all, not even escaped, and one of them makes a CI system drop the file.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = ("not_run", "not_applicable", "inconclusive")


def render_junit(report: Report) -> str:
    """Write a report as JUnit XML.

    A fail is a failure, an error an error. What was not run, does not apply or could not be decided is skipped,
    with the reason. A warning passes, as it does for the exit code, and says so in its output.
    """
    counts = report.counts
    summary = {
        "name": _clean(f"wald {report.kind}: {report.subject}"),
        "tests": str(counts["planned"]),
        "failures": str(counts["fail"]),
        "errors": str(counts["error"]),
        "skipped": str(sum(counts[state] for state in _SKIPPED)),
        "time": f"{sum(finding.seconds for finding in report.findings):.3f}",
    }
    suites = ET.Element("testsuites", summary)
    suite = ET.SubElement(suites, "testsuite", summary)
    properties = ET.SubElement(suite, "properties")
    for key, value in {"seed": report.seed, **report.environment}.items():
        ET.SubElement(properties, "property", name=_clean(key), value=_clean(card_words(value)))
    seen: Counter[str] = Counter()
    for finding in report.findings:
        place = f"wald.{report.kind}.{question_key(finding.question).replace(' ', '_')}"
        seen[f"{place} {finding.code}"] += 1
        nth = seen[f"{place} {finding.code}"]
        # The name holds no numbers that vary, so that a CI system can follow it from run to run.
        name = finding.code if nth == 1 else f"{finding.code} ({nth})"
        case = ET.SubElement(suite, "testcase", classname=_clean(place), name=name, time=f"{finding.seconds:.3f}")
        _outcome(case, finding)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _outcome(case: ET.Element, finding: Finding) -> None:
    says = _clean(f"{WORDS[finding.state]}: {finding.says}")
    if finding.state in ("fail", "error"):
        tag = "failure" if finding.state == "fail" else "error"
        ET.SubElement(case, tag, message=says, type=finding.code).text = _clean(_details(finding))
    elif finding.state in _SKIPPED:
        ET.SubElement(case, "skipped", message=says)
    else:
        ET.SubElement(case, "system-out").text = _clean(f"{says}\n{_details(finding)}".strip())


def _details(finding: Finding) -> str:
    lines = {
        "effect": effect_words(finding),
        "threshold": quantity_words(finding.threshold, finding.unit),
        "fix": finding.fix,
        "reproduce": str(finding.evidence.get("reproduce") or ""),
    }
    return "\n".join(f"{name}: {line}" for name, line in lines.items() if line)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
