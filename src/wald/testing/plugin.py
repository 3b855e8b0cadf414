"""The plugin of pytest: `pytest --wald TARGET` checks a loss, a test for each rule.

Targets can be written down once, in the settings of pytest: `wald_targets`, a line each. Nothing is loaded, and
nothing is collected, unless a target is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .cases import LossCheck


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the setting."""
    group = parser.getgroup("wald", "loss functions")
    group.addoption(
        "--wald",
        action="append",
        default=[],
        metavar="TARGET",
        help='check a loss, a test for each rule: "Focal(gamma=2)", file.py:name or package.module:name; repeatable',
    )
    group.addoption("--wald-strict", action="store_true", help="warnings of the checker fail the test")
    parser.addini("wald_targets", "losses to check, a line each", type="linelist", default=[])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the cases of every loss that is named."""
    named: list[str] = [*config.getini("wald_targets"), *(config.getoption("--wald") or ())]
    for target in dict.fromkeys(named):
        items.extend(_CheckedLoss.from_parent(session, name=target, nodeid=f"wald::{target}").collect())


class _CheckedLoss(pytest.Collector):
    """A loss; its tests are the rules of the checker."""

    def collect(self) -> Iterator[_Rule]:
        from .cases import loss_checks

        for case in loss_checks(self.name, strict=bool(self.config.getoption("--wald-strict"))):
            yield _Rule.from_parent(self, name=str(case), case=case)


class _Rule(pytest.Item):
    """One rule."""

    def __init__(self, *, case: LossCheck, **given: Any) -> None:
        super().__init__(**given)
        self.case = case

    def runtest(self) -> None:
        self.case()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        # What was found says more than the lines of ours that raised it.
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        return self.path.name, None, f"{self.parent.name if self.parent else ''} {self.name}"
