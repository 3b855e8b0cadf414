"""What a loss of numbers elicits, against what theorems say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald
from wald.checks import functionals
from wald.checks.acts import bayes_acts
from wald.checks.discover import subject_of
from wald.checks.measured import Measured
from wald.checks.rules.rule import regression, squared_error
from wald.checks.statistic import measure_statistic
from wald.checks.subject import Subject
from wald.checks.target import resolve

from . import known


def measured(loss: object) -> Measured:
    subject = subject_of(resolve(loss))
    assert isinstance(subject, Subject)
    return Measured(subject)


@pytest.mark.parametrize("name", known.STATISTICS)
def test_the_statistic_is_the_one_that_the_theorem_names(name: str) -> None:
    loss, statistic = known.STATISTICS[name]
    assert measured(loss).statistic.name == statistic


@pytest.mark.parametrize("level", [0.01, 0.25, 0.333, 0.6, 0.975])
def test_levels_are_found_to_four_digits(level: float) -> None:
    assert measured(known.pinball(level)).statistic.name == f"quantile({level:g})"


@pytest.mark.parametrize("floor", [0.1, 1.0, 3.0])
def test_a_weight_with_a_floor_is_named(floor: float) -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return ((x - y).abs() / y.abs().clamp(min=floor)).mean()

    assert measured(loss).statistic.name == f"weighted median(max(y, {floor:g})^-1)"


@pytest.mark.parametrize("bend", [0.1, 1e-2, 1e-3, 1e-4])
def test_a_bend_is_no_kink_however_narrow(bend: float) -> None:
    assert measured(wald.Huber(delta=bend)).statistic.name == "m-functional"
    assert measured(wald.PseudoHuber(delta=bend)).statistic.name == "m-functional"


def test_what_is_nearly_a_median_is_none() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return ((x - y).abs() + 0.03 * ((x - y).square() + 1).sqrt()).mean()

    assert measured(loss).statistic.name == "m-functional"


def test_a_bend_is_seen_from_far_inside() -> None:
    assert measured(wald.Huber(delta=10.0)).statistic.name == "m-functional"
    # Farther than any of the laws reach it is a squared error to one way and a Huber loss to the other.
    assert measured(wald.Huber(delta=100.0)).statistic.name == "unresolved"


def test_single_precision_will_do() -> None:
    def narrow(x: Tensor, y: Tensor) -> Tensor:
        return torch.maximum(0.9 * (y - x), 0.1 * (x - y)).float().mean()

    assert measured(narrow).subject.dtype is torch.float32
    assert measured(narrow).statistic.name == "quantile(0.9)"


def test_two_ways_that_disagree_are_unresolved() -> None:
    class Liar(torch.autograd.Function):
        """The value of an absolute error with the gradient of a squared one."""

        generate_vmap_rule = True

        @staticmethod
        def forward(x: Tensor, y: Tensor) -> Tensor:
            return (x - y).abs()

        @staticmethod
        def setup_context(ctx, inputs, output) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            x, y = ctx.saved_tensors
            return 2 * (x - y) * grad, None

    found = measure_statistic(regression(lambda x, y: Liar.apply(x, y).mean(), together=False))
    assert found.name == "unresolved"
    assert "mean" in found.why


def test_without_a_gradient_nothing_is_claimed() -> None:
    found = measured(lambda x, y: (x - y).round().abs().mean()).statistic
    assert found.name == "unresolved"


def test_best_predictions_are_the_functional() -> None:
    acts = bayes_acts(regression(squared_error), wide=False, transform=False)
    assert acts.inside
    for law, act in zip(acts.laws, acts.acts, strict=True):
        torch.testing.assert_close(act, law.mean(-1), rtol=1e-5, atol=1e-5)
    assert acts.confirm(functionals.mean())
    assert not acts.confirm(functionals.quantile(0.5))
    assert not acts.confirm(functionals.expectile(0.45))


LAW = torch.tensor([[1.0, 2.0, 3.0, 10.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("functional", "name", "value"),
    [
        (functionals.mean(), "mean", 4.0),
        (functionals.mean("log"), "mean through log", 1.3862943611198906),
        (functionals.inner_mean("log"), "geometric mean", 60.0**0.25),
        (functionals.inner_mean("reciprocal"), "harmonic mean", 4 / (1 + 1 / 2 + 1 / 3 + 1 / 10)),
        (functionals.quantile(0.5), "median", 2.0),
        (functionals.quantile(0.8), "quantile(0.8)", 10.0),
        (functionals.quantile(0.5, weight=torch.reciprocal, words="y^-1"), "weighted median(y^-1)", 1.0),
        (functionals.weighted_mean(torch.reciprocal, "y^-1"), "weighted mean(y^-1)", 4 / (1 + 1 / 2 + 1 / 3 + 1 / 10)),
        (functionals.expectile(0.5), "expectile(0.5)", 4.0),
    ],
)
def test_functionals_by_hand(functional: functionals.Functional, name: str, value: float) -> None:
    assert functional.name == name
    assert functional.of(LAW).item() == pytest.approx(value)


def test_an_expectile_balances_what_is_above_and_below() -> None:
    x = functionals.expectile(0.8).of(LAW)
    above, below = (LAW - x).clamp(min=0).sum(), (x - LAW).clamp(min=0).sum()
    assert (0.8 * above).item() == pytest.approx((0.2 * below).item())
