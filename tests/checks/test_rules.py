"""Every rule accuses what it must, leaves alone what it must, and shows what it says."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import Card, Formula, Real
from wald.checks import CODES, RULES
from wald.checks.measured import Measured
from wald.checks.rules.rule import Rule, _controls, regression, squared_error
from wald.core import Supervised
from wald.findings import Finding, Report

from ..sampling import daily
from . import known
from .asking import asked
from .test_magnitudes import written_out
from .test_reduction import ranked


def by_code(report: Report, code: str) -> list[Finding]:
    return [one for one in report.findings if one.code == code]


def worst(found: list[Finding]) -> str:
    states = [one.state for one in found]
    return next((state for state in ("fail", "warn", "inconclusive") if state in states), states[0])


def rounded(x: Tensor, y: Tensor) -> Tensor:
    return (x.round() - y).abs().mean()


def hides_nan(x: Tensor, y: Tensor) -> Tensor:
    return torch.where((x - y).abs() > 0, (x - y).abs(), 0.0).mean()


def in_place(x: Tensor, y: Tensor) -> Tensor:
    y *= 0.5
    return (x - 2 * y).square().mean()


def seeds(x: Tensor, y: Tensor) -> Tensor:
    torch.manual_seed(0)
    return F.mse_loss(x, y)


def draws(x: Tensor, y: Tensor) -> Tensor:
    torch.rand(1)
    return F.mse_loss(x, y)


def strict(x: Tensor, y: Tensor) -> Tensor:
    if x.shape != y.shape:
        raise ValueError("shapes differ")
    return F.mse_loss(x, y)


def dropped(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(F.dropout(x), y)


#: code, a loss that has the defect and what its state is, a loss that has not.
CASES: list[tuple[str, object, str, object]] = [
    ("W101", written_out, "fail", F.binary_cross_entropy_with_logits),
    ("W101", F.soft_margin_loss, "fail", F.cross_entropy),
    ("W102", lambda x, y: torch.clamp((x - y).exp() - 1, max=10).mean(), "fail", F.huber_loss),
    ("W103", lambda z, t: F.binary_cross_entropy(torch.sigmoid(z), t), "warn", F.binary_cross_entropy_with_logits),
    ("W104", known.STATISTICS["root mean squared error"][0], "fail", F.mse_loss),
    ("W105", hides_nan, "fail", F.l1_loss),
    ("W105", F.multi_margin_loss, "fail", F.cross_entropy),
    ("W106", F.mse_loss, "warn", torch.nn.MSELoss(reduction="sum")),
    ("W202", known.focal(2.0, 0.25), "warn", known.focal(2.0)),
    ("W202", known.LABELS["perceptron"][0], "warn", known.LABELS["hinge"][0]),
    ("W401", known.STATISTICS["half squared error, summed"][0], "warn", strict),
    ("W401", F.poisson_nll_loss, "warn", F.binary_cross_entropy_with_logits),
    ("W403", ranked, "warn", F.mse_loss),
    ("W404", in_place, "fail", F.mse_loss),
    ("W404", seeds, "fail", F.mse_loss),
    ("W404", draws, "warn", F.mse_loss),
    ("W405", dropped, "warn", F.mse_loss),
    ("W406", rounded, "fail", F.l1_loss),
    ("W406", lambda x, y: torch.tensor(F.mse_loss(x, y).item()), "fail", F.mse_loss),
    ("W501", known.STATISTICS["sign error"][0], "fail", F.mse_loss),
    ("W501", known.LABELS["sign error"][0], "fail", F.binary_cross_entropy_with_logits),
    ("W502", known.STATISTICS["no absolute value"][0], "fail", F.l1_loss),
    ("W502", known.LABELS["unhinged"][0], "warn", known.LABELS["hinge"][0]),
]


@pytest.mark.parametrize(("code", "bad", "state", "good"), CASES)
def test_a_rule_tells_bad_from_good(code: str, bad: object, state: str, good: object) -> None:
    found = asked(bad, code)
    assert worst(found) == state
    assert not {one.state for one in asked(good, code)} & {"fail", "warn", "error"}
    for one in found:
        if one.state in ("fail", "warn"):
            assert one.controls.right
            assert one.fix
            assert_runs(one, bad)


def assert_runs(finding: Finding, loss: object) -> None:
    """Its two lines run, and print something."""
    code = finding.evidence["reproduce"]
    assert len(code.splitlines()) == 2
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)
        exec(code, {"loss": loss})
    assert printed.getvalue().strip()


def test_a_sign_error_is_told_in_words() -> None:
    report = wald.check(known.STATISTICS["sign error"][0])
    (found,) = by_code(report, "W501")
    assert "drives predictions away from the targets" in found.says
    assert "unbounded below" in found.says
    assert report.verdict == "fail"
    assert report.exit_code() == 1


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.planted is not None], ids=lambda rule: min(rule.codes))
def test_the_controls_of_every_rule_are_right(rule: Rule) -> None:
    assert rule.clean is not None
    assert _controls(rule).right


def test_a_rule_whose_controls_go_wrong_accuses_nobody() -> None:
    def alarm(measured: Measured) -> list[Finding]:
        return [Finding(code="W999", state="fail", question="call", says="fire")]

    rule = Rule(
        codes={"W999": "fire"},
        explains="",
        look=alarm,
        planted=lambda: regression(squared_error),
        clean=lambda: regression(squared_error),
    )
    (found,) = map(rule.controlled, rule.findings(Measured(regression(squared_error))))
    assert found.state == "inconclusive"
    assert found.controls.negative is False


def test_a_rule_that_breaks_is_an_error_and_not_a_pass() -> None:
    def breaks(measured: Measured) -> list[Finding]:
        raise RuntimeError("pop")

    (found,) = Rule(codes={"W999": "fire"}, explains="", look=breaks).findings(Measured(regression(squared_error)))
    assert found.state == "error"
    assert "pop" in found.says


def test_what_is_random_is_compared_with_nothing() -> None:
    report = wald.check(dropped)
    assert {one.state for one in report.findings if one.code not in ("W404", "W405", "W106")} == {"not_run"}
    assert report.card["deterministic"] == "no"
    assert report.card["convex"] == "unresolved"


def test_every_code_has_a_title_and_an_explanation() -> None:
    for code, (title, explanation) in CODES.items():
        assert re.fullmatch(r"W[1-8]\d\d", code)
        assert title
        assert len(explanation) > 100, code


class Wrong(Supervised):
    """A squared error with a card full of errors."""

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("abs(prediction - target)"),
        elicits="median",
        convex=False,
        bounded_below=False,
        perfect_is_minimal=False,
        proper=None,
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).square()


class WrongLabels(Supervised):
    """A weighted logistic loss that claims to be proper."""

    card = Card(
        task="binary",
        inputs=wald.BinaryCrossEntropy.card.inputs,
        formula="words",
        elicits="probability",
        proper=True,
        calibrated=True,
        invertible=False,
        symmetric=True,
        threshold=0.5,
        convex=True,
        perfect_is_minimal=True,
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return 3 * target * F.softplus(-prediction) + (1 - target) * F.softplus(prediction)


@pytest.mark.parametrize(
    ("loss", "codes"),
    [
        (Wrong(), {"W301", "W307", "W308", "W309", "W311"}),
        (WrongLabels(), {"W302", "W303", "W304", "W305", "W306"}),
    ],
)
def test_a_wrong_card_is_refuted_claim_by_claim(loss: wald.Loss, codes: set[str]) -> None:
    report = wald.check(loss)
    failed = [one for one in report.findings if one.state == "fail"]
    assert {one.code for one in failed} == codes
    for one in failed:
        assert one.controls.right
        assert_runs(one, loss)


@pytest.mark.parametrize(("code", "bad", "state", "good"), daily(CASES, 8, lambda case: case[0]))
def test_every_code_that_is_given_is_in_the_table(code: str, bad: object, state: str, good: object) -> None:
    found = wald.check(bad).findings
    assert {one.code for one in found} <= CODES.keys()
    # A rule says among the others what it says alone.
    assert worst([one for one in found if one.code == code]) == state
