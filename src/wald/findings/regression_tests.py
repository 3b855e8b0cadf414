"""What was found, as a file of tests for pytest: it fails today, and passes once the loss is mended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wald.findings.finding import Finding
    from wald.findings.report import Report

_HEAD = '''\
"""Regression tests of {subject}, from `wald check`.

Each holds the loss to one thing that it was found to break. They fail until the loss is mended.
"""

from wald.testing import holds
'''

_TEST = '''

def test_{name}():
    """{says}"""
    {recipe}
    holds(loss, "{code}"{claims})
'''


def render_tests(report: Report) -> str:
    """The failures and warnings of a check as tests that run by themselves.

    Raises:
        ValueError: the report is of no check; nothing was found; the loss cannot be imported.
    """
    if report.kind != "check":
        raise ValueError(f"Only what `wald check` found becomes tests of a loss; this is a report of {report.kind!r}.")
    found = {one.code: one for one in reversed(report.findings) if one.state in ("fail", "warn")}
    if not found:
        raise ValueError(f"Nothing failed in {report.subject}, so there is no test to write.")
    tests = "".join(_test(code, found[code]) for code in sorted(found))
    return _HEAD.format(subject=_quoted(report.subject)) + tests


def _test(code: str, finding: Finding) -> str:
    recipe = _recipe(finding)
    name = re.sub(r"\W+", "_", f"{code}_{finding.question}").strip("_").lower()
    claimed = finding.evidence.get("claims")
    claims = "" if claimed is None else f", claims={claimed!r}"
    return _TEST.format(name=name, says=_quoted(finding.says), recipe=recipe, code=code, claims=claims)


def _recipe(finding: Finding) -> str:
    """The line that makes the loss: the first of the two that show the finding."""
    line = str(finding.evidence.get("reproduce", "")).partition("\n")[0].removeprefix("import torch; ")
    if not line or "loss = loss" in line:
        raise ValueError(
            f"{finding.code} was found in a loss that only its caller holds. Put the loss in a file and check it by "
            "name, as in wald.check('my_losses.py:my_loss'), so that the tests can import it."
        )
    return line


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")
