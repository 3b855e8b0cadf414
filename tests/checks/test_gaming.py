"""The rules about shape and gaming accuse what they must, leave alone what they must, and show what they say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.measured import Measured
from wald.checks.rules import blind, cheats, claims, degenerate, health, minimal, shape
from wald.checks.rules.rule import Rule, _controls, binary, regression
from wald.findings import Finding

from . import known
from .test_cheats import entropy
from .test_reduction import pearson
from .test_rules import assert_runs
from .test_shape import measured


def look(rule: Rule, loss: object) -> list[Finding]:
    return list(rule.look(loss if isinstance(loss, Measured) else measured(loss)))


def states(rule: Rule, loss: object) -> set[str]:
    return {f"{one.code} {one.state}" for one in look(rule, loss)}


def shrunk(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y).square() + 0.3 * x.square()).mean()


BAD = [
    (shape.RULE, lambda x, y: (1 - torch.cos(x - y)).mean(), "W315 warn"),
    (cheats.RULE, lambda x, y: (x - y).mean(), "W601 fail"),
    (cheats.RULE, known.STATISTICS["MAPE"][0], "W601 warn"),
    (cheats.RULE, known.LABELS["absolute error of a sigmoid"][0], "W601 warn"),
    (blind.RULE, pearson, "W602 warn"),
    (blind.RULE, pearson, "W603 warn"),
    (minimal.RULE, shrunk, "W604 warn"),
]


@pytest.mark.parametrize(("rule", "loss", "state"), BAD)
def test_a_rule_accuses(rule: Rule, loss: object, state: str) -> None:
    found = measured(loss)
    accused = [one for one in rule.look(found) if f"{one.code} {one.state}" == state]
    assert accused
    for one in accused:
        assert one.fix
        assert_runs(one, loss)


@pytest.mark.parametrize("rule", [shape.RULE, cheats.RULE, blind.RULE, minimal.RULE, degenerate.RULE, health.RULE])
def test_the_controls_are_right(rule: Rule) -> None:
    assert _controls(rule).right


@pytest.mark.parametrize("loss", [F.mse_loss, F.huber_loss, F.binary_cross_entropy_with_logits, F.cross_entropy])
def test_innocent_losses_are_left_alone(loss: object) -> None:
    found = measured(loss)
    for rule in (shape.RULE, cheats.RULE, blind.RULE, minimal.RULE, degenerate.RULE, health.RULE):
        assert {one.state for one in rule.look(found)} <= {"pass", "not_applicable", "inconclusive"}


def test_a_target_that_is_ignored_fools_and_degenerates() -> None:
    found = Measured(binary(entropy))
    assert states(cheats.RULE, found) == {"W601 fail"}
    assert states(degenerate.RULE, found) == {"W605 fail"}


def test_a_card_that_says_so_is_believed() -> None:
    (found,) = look(cheats.RULE, wald.Percentage())
    assert found.state == "pass"
    assert "FOOLED" in found.says
    assert "as its card says" in found.says


def test_a_shape_is_told_in_words() -> None:
    says = look(shape.RULE, F.huber_loss)[0].says
    assert "convex, not strictly" in says
    assert "can be differentiated once (prediction - target = -1 or prediction - target = 1)" in says
    assert "grows linearly" in says


def test_where_a_gradient_ends_is_told() -> None:
    (found,) = look(health.RULE, F.soft_margin_loss)
    assert "overflows at 88.7 in float32" in found.says


@pytest.mark.parametrize(("claim", "code"), [({"smooth": 3}, "W312"), ({"slope": "linear"}, "W313")])
def test_a_false_claim_of_shape_is_refuted(claim: dict[str, object], code: str) -> None:
    found = [one for one in claims.RULE.look(Measured(regression(F.huber_loss, claims=claim))) if one.code == code]
    assert [one.state for one in found] == ["fail"]
    assert_runs(found[0], F.huber_loss)


def test_a_true_claim_of_shape_passes() -> None:
    subject = regression(F.huber_loss, claims={"smooth": 1, "slope": "bounded"})
    assert {one.state for one in claims.RULE.look(Measured(subject))} == {"pass"}
