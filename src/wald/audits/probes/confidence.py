"""Warning sign: is each class, each part of a regression, each quantile and each token what it claims to be?"""

from __future__ import annotations

from ...findings import Figure, Finding
from ..calibrating.bias import bias_finding
from ..calibrating.classes import class_finding
from ..calibrating.coverage import coverage_finding
from ..calibrating.tokens import token_finding
from ..costing.space import Multiclass, Regression
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "calibration"


def measure(evidence: Evidence) -> Outcome:
    """Ask what suits the task: classes and tokens; bias and coverage."""
    findings: list[Finding] = []
    figures: tuple[Figure, ...] = ()
    space = evidence.space
    if isinstance(space, Multiclass):
        one, figures = class_finding(evidence, "C603", QUESTION)
        findings = [one, token_finding(evidence, "C606", QUESTION)]
    elif space is None or isinstance(space, Regression):
        if isinstance(space, Regression):
            one, figures = bias_finding(evidence, "C604", QUESTION)
            findings.append(one)
        covered, pictures = coverage_finding(evidence, "C605", QUESTION)
        findings, figures = [*findings, covered], figures + pictures
    else:
        said = "calibration of each class: there are two, and what is said of one is said of the other"
        findings = [Finding(code="C603", state="not_applicable", question=QUESTION, says=said)]
    told = [one.says for one in findings if one.state in ("fail", "warn")]
    return Outcome(tuple(findings), figures, "; ".join(told))


CONFIDENCE = Probe("confidence", QUESTION, "C603", "calibration of each class, and of regressions", measure)
