"""One wrong row: held by a loss that holds it, told of one that does not."""

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import Case, metrics
from wald.audits.probes.influence import INFLUENCE

from .samples import ask, binary, found, skewed, source, three_classes


def test_an_outlier_moves_a_mean_by_its_share() -> None:
    told = found(ask(INFLUENCE, skewed()))["R201"]
    assert told.state == "warn"
    # Exact: a share of 1 % at R standard deviations moves the mean by R / 100 of them.
    assert told.evidence["moved"] == pytest.approx([0.1, 1.0, 10.0], rel=2e-3)
    assert told.controls.right


@pytest.mark.parametrize("loss", [wald.Huber(), wald.Absolute(), wald.Pinball(level=0.7)])
def test_a_bounded_slope_holds_it(loss: wald.Loss) -> None:
    told = found(ask(INFLUENCE, skewed(loss=loss)))["R201"]
    assert told.state == "pass"
    assert max(told.evidence["moved"]) < 0.1


def exponential(p: Tensor, y: Tensor) -> Tensor:
    return torch.exp(-(2 * y - 1) * p)


def test_a_wrong_label_pulls_without_bound_on_an_exponential() -> None:
    assert found(ask(INFLUENCE, binary(loss=exponential)))["R201"].state == "warn"
    assert found(ask(INFLUENCE, binary()))["R201"].state == "pass"
    assert found(ask(INFLUENCE, three_classes()))["R201"].state == "pass"


def test_a_weight_makes_one_kind_of_wrong_label_pull_harder() -> None:
    told = found(ask(INFLUENCE, binary(loss=wald.BinaryCrossEntropy(pos_weight=18.0))))["R201"]
    assert told.evidence["positive over negative"] == pytest.approx(18.0, rel=1e-3)
    assert "a false positive label 18 times as hard" in told.says


def test_coupled_losses_have_no_rows() -> None:
    def root(p: Tensor, y: Tensor) -> Tensor:
        return (p - y).square().mean().sqrt()

    assert found(ask(INFLUENCE, skewed(loss=root)))["R201"].state == "not_applicable"


def test_rows_that_weigh_nothing_much_decide_nothing() -> None:
    # The heavy rows are far apart, so that their own spread is the unit; a median is held by them.
    weight = torch.where(torch.arange(2_000) % 2 == 0, 1.0, 1e-9)
    one = found(ask(INFLUENCE, skewed(weight=weight)))["R201"]
    assert one.evidence["moved"] == pytest.approx([0.1, 1.0, 10.0], rel=2e-3)
    inputs, target = skewed().test
    spoiled = torch.where(weight < 0.5, 1e3 * target, target)
    same = found(ask(INFLUENCE, skewed(test=(inputs, spoiled), weight=weight, loss=wald.Absolute())))["R201"]
    plain = found(ask(INFLUENCE, skewed(weight=weight, loss=wald.Absolute())))["R201"]
    assert same.evidence["moved"] == pytest.approx(plain.evidence["moved"], rel=0.05, abs=1e-3)


def test_squares_are_left_alone_where_nothing_lies_far_out_and_warned_of_where_something_does() -> None:
    inputs = torch.randn(1_000, 1, generator=source(0))
    target = inputs[:, 0] + torch.randn(1_000, generator=source(1))

    def told(target: Tensor, loss: wald.Loss) -> str:
        case = Case(model=lambda x: x[:, 0], loss=loss, test=(inputs, target), metric=metrics.squared_error())
        return found(ask(INFLUENCE, case))["R201"].state

    assert told(target, wald.Squared()) == "pass"
    wild = target.clone()
    wild[:2] = 60.0
    assert told(wild, wald.Squared()) == "warn"
    assert told(wild, wald.Absolute()) == "pass"
