"""The rules of the checker as cases of a test suite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from unittest import SkipTest

if TYPE_CHECKING:
    from ..findings import Finding, Report


@dataclass
class _Checked:
    """A loss, measured once, when the first of its cases is run."""

    target: object
    claims: object
    task: str | None
    domain: str | None
    seed: int

    @cached_property
    def report(self) -> Report:
        from ..checks import check

        return check(self.target, claims=self.claims, task=self.task, domain=self.domain, seed=self.seed)


@dataclass(frozen=True)
class LossCheck:
    """One rule of the checker, for one loss: call it, and it raises where the loss breaks the rule.

    Attributes:
        code: the first code of the rule.
        codes: every code that it may give.
        title: what it looks at.
        strict: whether a warning, and what was not measured, count as broken.
    """

    code: str
    codes: tuple[str, ...]
    title: str
    strict: bool
    _checked: _Checked = field(repr=False, compare=False)

    @property
    def __name__(self) -> str:
        # pytest names a case by it.
        return f"{self.code}-{self.title.replace(' ', '-')}"

    def __str__(self) -> str:
        return self.__name__

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checker found."""
        found = self._checked.report.findings
        # Where the loss could not be called nothing else was looked for, and that is the answer for every rule.
        return tuple(one for one in found if one.code in self.codes or (one.code == "W400" and one.state == "error"))

    def __call__(self) -> None:
        """Hold the loss to the rule.

        Raises:
            AssertionError: it breaks the rule; the message says what was found, how to mend it, and two lines that
                show it.
            unittest.SkipTest: the rule could not be looked at, which pytest shows as a skipped test.
        """
        bad = ("fail", "error", "warn", "inconclusive") if self.strict else ("fail", "error")
        broken = [one for one in self.findings if one.state in bad]
        if broken:
            raise AssertionError("\n\n".join(_told(self._checked.report.subject, one) for one in broken))
        if self.findings and all(one.state in ("not_run", "inconclusive") for one in self.findings):
            raise SkipTest("; ".join(one.says for one in self.findings))


def loss_checks(
    target: object,
    *,
    claims: object = None,
    task: str | None = None,
    domain: str | None = None,
    codes: Iterable[str] | None = None,
    strict: bool = False,
    seed: int = 0,
) -> list[LossCheck]:
    """Every rule of `wald.check` as a case for `pytest.mark.parametrize`.

    The loss is measured once, when the first case runs.

    Args:
        target: whatever `wald.check` takes: a loss, a callable, a class, "file.py:name", an expression.
        claims: what the loss is said to be: a name or an expression of the catalogue.
        task: what the loss is for, where that cannot be seen.
        domain: where its prediction lives, where that cannot be seen.
        codes: only the rules that give these codes, such as "W101".
        strict: count warnings, and what could not be resolved, as broken too.
        seed: of every random number.

    Returns:
        Cases: call one, and it raises where the loss breaks its rule.

    Raises:
        ValueError: a code that no rule gives.

    >>> [str(one) for one in loss_checks("Squared()", codes=["W201"])]
    ['W201-what-it-elicits']
    """
    from ..checks import CODES, RULES

    wanted = None if codes is None else set(codes)
    if wanted is not None and (unknown := wanted - CODES.keys()):
        raise ValueError(f"there is no rule with the code {', '.join(sorted(unknown))}; there are {', '.join(CODES)}.")
    checked = _Checked(target, claims, task, domain, seed)
    cases: list[LossCheck] = []
    for rule in RULES:
        known = tuple(rule.codes)
        if wanted is None or wanted & rule.codes.keys():
            kept = known if wanted is None else tuple(code for code in known if code in wanted)
            cases.append(LossCheck(kept[0], kept, rule.codes[kept[0]], strict, checked))
    return cases


def holds(
    target: object, code: str, *, claims: object = None, task: str | None = None, domain: str | None = None
) -> None:
    """Hold a loss to one rule, warnings included: what an exported regression test calls.

    Raises:
        AssertionError: the loss breaks it.
        ValueError: there is no such rule.

    >>> holds("Squared()", "W501")
    """
    for case in loss_checks(target, claims=claims, task=task, domain=domain, codes=[code], strict=True):
        case()


def _told(subject: str, finding: Finding) -> str:
    parts: Sequence[str] = (
        f"{subject}: {finding.code} {finding.state}: {finding.says}",
        f"fix: {finding.fix}" if finding.fix else "",
        *str(finding.evidence.get("reproduce", "")).splitlines(),
    )
    return "\n".join(part for part in parts if part)
