"""A loss held to the checker inside a test suite."""

from __future__ import annotations

from unittest import SkipTest

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks import CODES, RULES
from wald.testing import LossCheck, holds, loss_checks


def wrong(x: Tensor, y: Tensor) -> Tensor:
    return -F.mse_loss(x, y)


@pytest.mark.parametrize("check", loss_checks(wald.Huber(delta=1.5)))
def test_a_sound_loss(check: LossCheck) -> None:
    check()


def test_there_is_a_case_for_every_rule() -> None:
    cases = loss_checks(wrong)
    assert len(cases) == len(RULES)
    assert {code for case in cases for code in case.codes} == set(CODES)
    assert all(str(case) == case.__name__ for case in cases)


def test_a_broken_rule_says_what_and_how_to_mend_it() -> None:
    (case,) = loss_checks(wrong, codes=["W501"])
    with pytest.raises(AssertionError, match="drives predictions away") as raised:
        case()
    told = str(raised.value)
    assert "W501 fail" in told
    assert "fix:" in told
    assert "print(" in told


def test_the_loss_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    measure = wald.check
    monkeypatch.setattr("wald.checks.check", lambda *a, **k: calls.append(a) or measure(*a, **k))
    for case in loss_checks("Squared()"):
        case()
    assert len(calls) == 1


def test_a_warning_breaks_only_what_is_strict() -> None:
    (lax,) = loss_checks(F.mse_loss, codes=["W401"])
    lax()
    (strict,) = loss_checks(F.mse_loss, codes=["W401"], strict=True)
    with pytest.raises(AssertionError, match="W401 warn"):
        strict()
    with pytest.raises(AssertionError, match="W401 warn"):
        holds(F.mse_loss, "W401")


def test_what_cannot_be_called_breaks_every_case() -> None:
    def speaks(x: Tensor, y: Tensor) -> str:
        return "no"

    with pytest.raises(AssertionError, match="W400"):
        loss_checks(speaks, codes=["W501"])[0]()


def test_what_was_not_looked_for_is_skipped() -> None:
    def random(x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(x + torch.rand_like(x), y)

    with pytest.raises(SkipTest):
        loss_checks(random, codes=["W501"])[0]()


def test_a_code_that_no_rule_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="W999"):
        loss_checks(wrong, codes=["W999"])
