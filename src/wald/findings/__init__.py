"""What was found: findings, the rule that judges them, and reports of them. Plain data, no torch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wald.findings.figure import Figure
    from wald.findings.finding import Finding
    from wald.findings.report import Report, ReportFailed
    from wald.findings.rule import Controls, judge
    from wald.findings.state import State

__all__ = ["Controls", "Figure", "Finding", "Report", "ReportFailed", "State", "judge"]

_HOMES = {
    "Controls": "rule",
    "Figure": "figure",
    "Finding": "finding",
    "Report": "report",
    "ReportFailed": "report",
    "State": "state",
    "judge": "rule",
}


def __getattr__(name: str) -> object:
    # Late, so that a terminal picture of a loss (`wald.findings.sketch`) does not wait for all of this.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
