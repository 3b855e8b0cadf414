"""Bounded, asymmetric and rounded losses: what they equal, what they estimate, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw

from ..sampling import daily

SAMPLE = torch.from_numpy(np.random.default_rng(3).lognormal(0, 1, 501))


def value_and_slope(loss: wald.Loss, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    prediction = prediction.detach().clone().requires_grad_()
    value = loss(prediction, target, reduction="none")
    (slope,) = torch.autograd.grad(value.sum(), prediction)
    return value.detach(), slope


def alike(ours: wald.Loss, theirs: wald.Loss, factor: float, rng: torch.Generator) -> None:
    inputs = draw(ours, 100, rng)
    for a, b in zip(value_and_slope(ours, *inputs), value_and_slope(theirs, *inputs), strict=True):
        torch.testing.assert_close(a, factor * b, rtol=1e-11, atol=1e-13)


def best(loss: wald.Loss, low: float, high: float) -> float:
    """The best constant of a loss with one valley, by halving."""
    for _ in range(45):
        middle = (low + high) / 2
        _, slope = value_and_slope(loss, torch.full_like(SAMPLE, middle), SAMPLE)
        low, high = (middle, high) if slope.sum() < 0 else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize(
    "loss",
    daily(
        [
            wald.Bounded(wald.Squared(), 4.0),
            wald.Bounded(wald.CrossEntropy(), 2.0),
            wald.Bounded(wald.Interval(), 3.0),
            wald.Asymmetric(wald.Squared(), 0.5),
            wald.Asymmetric(wald.Pinball(level=0.8), 2.0),
            wald.Asymmetric(wald.Expectile(level=0.8), 0.25),
            wald.Asymmetric(wald.Huber(), 3.0),
            wald.Rounded(wald.Percentage(), 0.1),
            wald.Rounded(wald.Truncated(wald.Absolute(), 2.0), 0.1),
        ],
        3,
        repr,
    ),
)
def test_their_cards_hold(loss: wald.Loss) -> None:
    report = wald.check(loss)
    assert not [f"{one.code} {one.says}" for one in report.findings if one.state in ("fail", "error", "warn")]
    if loss.card.elicits is not None:
        assert report.card["elicits"] == loss.card.elicits


# Asymmetric.


def test_weighted_sides_are_quantiles_and_expectiles(rng: torch.Generator) -> None:
    alike(wald.Asymmetric(wald.Absolute(), 3.0), wald.Pinball(level=0.75), 4.0, rng)
    alike(wald.Asymmetric(wald.Squared(), 9.0), wald.Expectile(level=0.9), 10.0, rng)
    alike(wald.Asymmetric(wald.Pinball(level=0.8), 0.25), wald.Absolute(), 0.2, rng)
    alike(wald.Asymmetric(wald.Huber(), 1.0), wald.Huber(), 1.0, rng)


@pytest.mark.parametrize(
    ("inner", "under", "words"),
    [
        (wald.Absolute(), 3.0, "quantile(0.75)"),
        (wald.Absolute(), 1.0, "median"),
        (wald.Squared(), 1 / 3, "expectile(0.25)"),
        (wald.Pinball(level=0.8), 0.25, "median"),
        (wald.Expectile(level=0.8), 0.25, "mean"),
        (wald.Pinball(level=0.8), 2.0, "quantile(0.8889)"),
        (wald.Huber(), 3.0, "m-functional"),
        (wald.Percentage(), 3.0, None),
    ],
    ids=repr,
)
def test_what_weighted_sides_estimate(inner: wald.Loss, under: float, words: str | None) -> None:
    assert wald.Asymmetric(inner, under).card.elicits == words


def test_an_asymmetric_square_estimates_the_expectile_of_a_sample() -> None:
    assert best(wald.Asymmetric(wald.Squared(), 4.0), 0, 20) == pytest.approx(stats.expectile(SAMPLE.numpy(), 0.8))


# Bounded.


def test_a_bounded_cross_entropy_is_the_generalised_one(rng: torch.Generator) -> None:
    prediction, target = draw(wald.CrossEntropy(), 50, rng)
    p = prediction.softmax(-1).gather(-1, target.unsqueeze(-1)).squeeze(-1)
    value = wald.Bounded(wald.CrossEntropy(), 1 / 0.7)(prediction, target, reduction="none")
    torch.testing.assert_close(value, (1 - p**0.7) / 0.7, rtol=1e-11, atol=1e-13)


def test_a_bounded_square_is_the_loss_of_welsch(rng: torch.Generator) -> None:
    prediction, target = draw(wald.Squared(), 50, rng)
    scale = 1.5
    value = wald.Bounded(wald.Squared(), 2 * scale**2)(prediction, target, reduction="none")
    welsch = 1 - torch.exp(-(((prediction - target) / scale) ** 2) / 2)
    torch.testing.assert_close(value, 2 * scale**2 * welsch, rtol=1e-11, atol=1e-13)


def test_what_is_far_off_hardly_pulls() -> None:
    loss = wald.Bounded(wald.Squared(), 1.0)
    value, slope = value_and_slope(loss, torch.tensor([1e-3, 1.0, 30.0, 1e25]), torch.zeros(4))
    torch.testing.assert_close(value, torch.tensor([1e-6, 1 - np.exp(-1), 1.0, 1.0], dtype=torch.float32))
    torch.testing.assert_close(slope, torch.tensor([2e-3, 2 * np.exp(-1), 0.0, 0.0], dtype=torch.float32))
    assert loss(torch.tensor([torch.nan]), torch.zeros(1)).isnan()  # a NaN is never hidden


@pytest.mark.parametrize("wrap", [wald.Bounded, wald.Truncated])
def test_a_target_of_probabilities_costs_what_its_classes_do(wrap: type, rng: torch.Generator) -> None:
    loss = wrap(wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0, 0.5)), 0.8)
    prediction, target = draw(loss, 20, rng, soft=True)
    each = [loss(prediction, torch.full((20,), k), reduction="none") for k in range(4)]
    torch.testing.assert_close(loss(prediction, target, reduction="none"), (torch.stack(each, -1) * target).sum(-1))


def test_outliers_move_a_bounded_square_little() -> None:
    wild = torch.cat([torch.zeros(90) + torch.linspace(-1, 1, 90), torch.full((10,), 1000.0)]).double()
    loss = wald.Bounded(wald.Squared(), 4.0)
    grid = torch.linspace(-2, 2, 401, dtype=torch.float64)
    costs = [loss(x.expand(100), wild).item() for x in grid]
    assert abs(grid[int(np.argmin(costs))].item()) < 0.02
    assert wild.mean() > 99


# Rounded.


def test_a_rounded_absolute_error_is_pseudo_huber(rng: torch.Generator) -> None:
    alike(wald.Rounded(wald.Absolute(), 0.7), wald.PseudoHuber(delta=0.7), 1 / 0.7, rng)


def test_a_rounded_pinball_lies_between_quantile_and_expectile() -> None:
    level, y = 0.8, SAMPLE.numpy()
    quantile = float(np.quantile(y, level, method="inverted_cdf"))
    squared = stats.expectile(y, level**2 / (level**2 + (1 - level) ** 2))
    at = [best(wald.Rounded(wald.Pinball(level=level), width), 0, 60) for width in (1e-4, 0.3, 1e4)]
    assert at[0] == pytest.approx(quantile, abs=0.02)
    assert at[2] == pytest.approx(squared, rel=1e-4)
    assert min(quantile, squared) < at[1] < max(quantile, squared)


def test_a_kink_becomes_a_bowl() -> None:
    loss = wald.Rounded(wald.Absolute(), 0.5)
    small = torch.tensor([0.0, 1e-9, -1e-6], dtype=torch.float64)
    value, slope = value_and_slope(loss, small, torch.zeros_like(small))
    torch.testing.assert_close(value, small**2, rtol=1e-9, atol=0)
    torch.testing.assert_close(slope, 2 * small, rtol=1e-9, atol=0)
    far, _ = value_and_slope(loss, torch.tensor([1e30]), torch.zeros(1))
    torch.testing.assert_close(far, torch.tensor([1e30]))


# What is refused.


@pytest.mark.parametrize("kind", [wald.Rounded, lambda inner: wald.Asymmetric(inner, 2.0)])
@pytest.mark.parametrize(
    ("inner", "says"),
    [
        (wald.Poisson(), "not known to cost least where the prediction equals the target"),
        (wald.BinaryCrossEntropy(), "not known to cost least"),
        (wald.GaussianNLL(), "not known to cost least"),
        (wald.Pinball(level=(0.1, 0.9)), "not known to cost least"),
        (wald.Gamma(log_input=False), r"costs .* for a prediction that equals the target.*Squared\(\)"),
        (wald.Squared, r"Squared is a class; write Squared\(\)"),
    ],
    ids=lambda x: repr(x)[:30],
)
def test_only_losses_of_an_error_can_be_bent(kind: object, inner: object, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        kind(inner)


@pytest.mark.parametrize(
    "inner", [wald.Poisson(), wald.GaussianNLL(), wald.FisslerZiegel(), wald.Poisson(log_input=False)], ids=repr
)
def test_what_may_be_negative_is_not_bounded(inner: wald.Loss) -> None:
    with pytest.raises(TypeError, match="not known never to be negative"):
        wald.Bounded(inner, 1.0)


def test_ratios_and_widths_are_positive() -> None:
    for make in (
        lambda: wald.Asymmetric(wald.Squared(), 0.0),
        lambda: wald.Rounded(wald.Absolute(), -1.0),
        lambda: wald.Bounded(wald.Squared(), 0.0),
    ):
        with pytest.raises(ValueError, match="must be > 0"):
            make()


def test_what_the_inner_loss_refuses_is_refused() -> None:
    for loss in (wald.Rounded(wald.Percentage(), 0.1), wald.Truncated(wald.Percentage(), 2.0)):
        with pytest.raises(wald.DomainError, match=r'1 of 2 targets are 0.*zero="mask"'):
            loss(torch.ones(2), torch.tensor([0.0, 1.0]))
