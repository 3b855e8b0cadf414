"""What one rule says of a loss: what `wald.check` would say under its code, without the time of all other rules."""

from __future__ import annotations

from wald.checks import RULES
from wald.checks.measured import Measured
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject, undisturbed
from wald.checks.subjects.target import resolve
from wald.findings import Finding


def asked(loss: object, code: str) -> list[Finding]:
    """The findings under this code, each with its controls where it accuses."""
    (rule,) = (rule for rule in RULES if code in rule.codes)
    with undisturbed():
        subject = subject_of(resolve(loss))
        assert isinstance(subject, Subject)
        found = [rule.controlled(one) for one in rule.findings(Measured(subject))]
    return [one for one in found if one.code == code]
