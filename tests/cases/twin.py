"""A case of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import wald
from wald.audits import Case
from wald.findings import Finding, Report

#: Every finding of the report.
ALL = ("",)


@dataclass(frozen=True)
class Twin:
    """What is known of a case, good or bad.

    Attributes:
        name: of the case.
        recipe: how it is made, in a line.
        look: the audit or the check of it.
        fires: codes that must be accused, each with fail or warn.
        quiet: codes, or beginnings of codes, that must not be accused.
        says: what else must be true of the report.
        slow: whether it takes more than a few seconds.
    """

    name: str
    recipe: str
    look: Callable[[], Report]
    fires: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    says: Callable[[Report], bool] | None = None
    slow: bool = False


def accused(report: Report) -> list[Finding]:
    """The findings that accuse."""
    return [one for one in report.findings if one.state in ("fail", "warn")]


def missed(twin: Twin, report: Report) -> list[str]:
    """What should have been accused and was not."""
    codes = {one.code for one in accused(report)}
    return [code for code in twin.fires if code not in codes]


def slandered(twin: Twin, report: Report) -> list[str]:
    """What was accused and should not have been; a probe that broke is among it."""
    found = [one.code for one in accused(report) if one.code.startswith(twin.quiet or ("-",))]
    return found + [f"{one.code} (error)" for one in report.findings if one.state == "error"]


def audited(make: Callable[[], Case], *only: str, level: str = "quick") -> Callable[[], Report]:
    """The audit of a case, when it is asked for."""
    return lambda: wald.audit(make(), level=level, only=only or None)  # type: ignore[arg-type]


def one(report: Report, code: str) -> Finding:
    """The finding with this code."""
    return next(finding for finding in report.findings if finding.code == code)
