"""What a loss of numbers elicits, against what theorems say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald
from wald.checks.measured import Measured
from wald.checks.rules.rule import regression, squared_error
from wald.checks.statistics import functionals
from wald.checks.statistics.acts import bayes_acts
from wald.checks.statistics.statistic import measure_statistic
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve

from ..sampling import daily
from . import known


def measured(loss: object) -> Measured:
    subject = subject_of(resolve(loss))
    assert isinstance(subject, Subject)
    return Measured(subject)


@pytest.mark.parametrize("name", daily(known.STATISTICS, 3))
def test_the_statistic_is_the_one_that_the_theorem_names(name: str) -> None:
    loss, statistic = known.STATISTICS[name]
    assert measured(loss).statistic.name == statistic


@pytest.mark.slow
@pytest.mark.parametrize("name", known.STATISTICS)
def test_single_precision_says_the_same(name: str) -> None:
    loss, statistic = known.STATISTICS[name]
    found = measured(lambda x, y: loss(x.float(), y.float()))
    assert found.subject.dtype is torch.float32
    assert found.statistic.name == statistic


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
    found = measured(wald.Huber(delta=100.0)).statistic
    assert found.name == "m-functional"
    assert found.facts["psi"]["breaks"] == [-100.0, 100.0]
    # Nearer in it is a squared error, and that is said.
    assert "best predictions are the mean" in found.why


#: What looks like a named statistic from where one usually stands, or nearly does.
NEAR_MISSES: dict[str, tuple[known.Loss, str]] = {
    "a little of the absolute error": (lambda x, y: ((x - y) ** 2 + 1e-5 * (x - y).abs()).mean(), "m-functional"),
    "a power of 2.01": (lambda x, y: (x - y).abs().pow(2.01).mean(), "m-functional"),
    "squares, cut off far out": (lambda x, y: (x - y).square().clamp(max=1e6).mean(), "m-functional"),
    "beside the mean": (lambda x, y: (x - y - 0.5).square().mean(), "m-functional"),
    "shrunk": (lambda x, y: ((x - y) ** 2 + 0.1 * x**2).mean(), "unresolved"),
    "twice the mean": (lambda x, y: (x - 2 * y).square().mean(), "unresolved"),
    "targets cut off": (lambda x, y: (x - y.clamp(-10, 10)).square().mean(), "unresolved"),
    "targets rounded": (lambda x, y: (x - y.round()).square().mean(), "unresolved"),
    "predictions rounded": (lambda x, y: (x.round() - y).square().mean(), "unresolved"),
    "weighted by the prediction": (lambda x, y: ((1 + x**2) * (x - y) ** 2).mean(), "none"),
    "another level for other targets": (
        lambda x, y: torch.where(y > 0, torch.maximum(0.9 * (y - x), 0.1 * (x - y)), (x - y).abs()).mean(),
        "none",
    ),
    "squares above, absolute below": (lambda x, y: torch.where(y > 0, (x - y) ** 2, (x - y).abs()).mean(), "none"),
    "error of the mean": (lambda x, y: (x - y).mean().abs(), "unresolved"),
}


@pytest.mark.parametrize("single", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["double", "single"])
@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_near_miss_is_not_taken_for_the_real_thing(name: str, single: bool) -> None:
    loss, statistic = NEAR_MISSES[name]
    found = measured((lambda x, y: loss(x.float(), y.float())) if single else loss).statistic
    assert found.name == statistic


def test_the_evidence_of_an_m_functional_shows_its_slope() -> None:
    report = wald.check(lambda x, y: torch.nn.functional.huber_loss(x, y, delta=2.0))
    (found,) = (one for one in report.findings if one.code == "W201")
    psi = found.evidence["psi"]
    assert psi["breaks"] == [-2.0, 2.0]
    assert psi["bounded"]
    assert not psi["redescending"]
    assert psi["asymmetry"] == 1.0
    assert len(found.evidence["acts"]) == 5
    for law in found.evidence["acts"]:
        assert min(law["mean"], law["median"]) - 1e-3 <= law["best"] <= max(law["mean"], law["median"]) + 1e-3


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
    assert "its best predictions are not" in found.why


def test_a_gradient_that_is_not_the_slope_of_the_values_names_nothing() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        error = x - y
        return (error.abs().log1p().detach() * error.square()).mean()

    found = measured(loss).statistic
    assert found.name == "unresolved"


def test_a_batch_that_knows_no_gradient_is_told_by_its_best_predictions() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return torch.tensor(float((x - y).square().mean()) ** 0.5, dtype=x.dtype)

    found = measured(loss).statistic
    assert found.name == "mean"
    assert "no derivative" in found.why


def test_what_ignores_its_prediction_elicits_nothing() -> None:
    found = measure_statistic(regression(lambda x, y: y.square().mean()))
    assert found.name == "unresolved"
    assert "whatever is predicted" in found.why


def test_best_predictions_are_the_functional() -> None:
    acts = bayes_acts(regression(squared_error), wide=False, by_batch=False)
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
