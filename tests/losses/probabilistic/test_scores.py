"""Scores of ensembles and quantiles: their definitions written out, and what they are of each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
import torch

import wald

from .parity import holds

F64 = torch.float64


def ensemble(rng: torch.Generator, members: int = 7, features: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(5, members, features, generator=rng, dtype=F64)
    return x, torch.randn(5, features, generator=rng, dtype=F64)


@pytest.mark.parametrize("fair", [False, True])
def test_energy_and_kernel_scores_are_written_out(fair: bool, rng: torch.Generator) -> None:
    x, y = ensemble(rng)
    pairs = 7 * (7 - fair)

    def energy(x: torch.Tensor, y: torch.Tensor) -> list[float]:
        return [
            cdist(a, b[None]).mean() - cdist(a, a).sum() / 2 / pairs
            for a, b in zip(x.detach().numpy(), y.numpy(), strict=True)
        ]

    def kernel(x: torch.Tensor, y: torch.Tensor) -> list[float]:
        def k(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.exp(-(cdist(a, b) ** 2) / 2 / 1.7**2)

        return [
            0.5 - k(a, b[None]).mean() + (k(a, a).sum() - 7 * fair) / 2 / pairs
            for a, b in zip(x.detach().numpy(), y.numpy(), strict=True)
        ]

    holds(wald.EnergyScore(fair=fair), energy, x, y)
    holds(wald.KernelScore(bandwidth=1.7, fair=fair), kernel, x, y)


@pytest.mark.parametrize("fair", [False, True])
def test_one_feature_is_crps(fair: bool, rng: torch.Generator) -> None:
    x, y = ensemble(rng, features=1)
    crps = wald.CRPS(fair=fair).per_example(x[..., 0], y[..., 0])
    torch.testing.assert_close(wald.EnergyScore(fair=fair).per_example(x, y), crps)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_variogram_is_written_out(power: float, rng: torch.Generator) -> None:
    x, y = ensemble(rng)

    def theirs(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        x, y = x.detach().numpy(), y.numpy()
        forecast = (np.abs(x[..., :, None] - x[..., None, :]) ** power).mean(1)
        return ((np.abs(y[:, :, None] - y[:, None, :]) ** power - forecast) ** 2).sum((1, 2))

    holds(wald.VariogramScore(power=power), theirs, x, y)
    shifted = wald.VariogramScore(power=power).per_example(x + 5, y)
    torch.testing.assert_close(shifted, wald.VariogramScore(power=power).per_example(x, y))


def test_members_that_are_equal_have_finite_gradients() -> None:
    for loss in (wald.EnergyScore(), wald.VariogramScore(), wald.KernelScore()):
        x = torch.zeros(1, 4, 3, requires_grad=True)
        loss(x, torch.zeros(1, 3)).backward()
        assert x.grad is not None
        assert torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("tail", ["above", "below"])
def test_both_tails_together_are_crps(tail: str, rng: torch.Generator) -> None:
    """The area beyond the threshold and the area before it are the whole area."""
    x, y = torch.randn(9, 6, generator=rng, dtype=F64), torch.randn(9, generator=rng, dtype=F64)
    above, below = (wald.ThresholdWeightedCRPS(threshold=0.2, tail=side) for side in ("above", "below"))
    torch.testing.assert_close(above.per_example(x, y) + below.per_example(x, y), wald.CRPS().per_example(x, y))
    harmless = -1.0 - x.abs() if tail == "above" else 1.0 + x.abs()
    loss = above if tail == "above" else below
    assert (loss.per_example(harmless, harmless[:, 0]) == 0).all()


def test_dawid_sebastiani_is_twice_the_likelihood_of_two_moments(rng: torch.Generator) -> None:
    x, y = torch.randn(8, 6, generator=rng, dtype=F64), torch.randn(8, generator=rng, dtype=F64)
    for bias in (False, True):
        moments = torch.stack([x.mean(-1), x.var(-1, correction=1 - bias)], -1)
        gaussian = wald.GaussianNLL(scale="variance").per_example(moments, y)
        ours = wald.DawidSebastiani(bias=bias, least_variance=0).per_example(x, y)
        torch.testing.assert_close(ours, 2 * gaussian)


def test_equal_members_cost_infinitely_much_or_what_the_least_variance_says() -> None:
    x, y = torch.ones(1, 3, requires_grad=True), torch.tensor([1.0])
    assert wald.DawidSebastiani(least_variance=0)(x, y).item() == np.inf
    assert wald.DawidSebastiani(least_variance=0.01)(x, y).item() == pytest.approx(np.log(0.01))


def test_quantiles_with_equal_weights_are_the_weighted_interval_score(rng: torch.Generator) -> None:
    """Bracher et al. 2021: (|y - m| / 2 + Σ α_k / 2 · interval score) / (K + 1/2)."""
    x, y = torch.randn(11, 5, generator=rng, dtype=F64).sort(-1).values, torch.randn(11, generator=rng, dtype=F64)
    total = 0.5 * (y - x[:, 2]).abs()
    for low, high, alpha in ((0, 4, 0.2), (1, 3, 0.5)):
        total = total + alpha / 2 * wald.Interval(level=1 - alpha).per_example(x[:, [low, high]], y)
    loss = wald.QuantileCRPS(levels=(0.1, 0.25, 0.5, 0.75, 0.9))
    torch.testing.assert_close(loss.per_example(x, y), total / 2.5)
    torch.testing.assert_close(loss.per_example(x, y), 2 * wald.Pinball(level=loss.levels).per_example(x, y))
    median = wald.QuantileCRPS(levels=(0.5,))
    torch.testing.assert_close(median.per_example(x[:, 2:3], y), (y - x[:, 2]).abs())


def test_many_quantiles_are_the_crps_of_the_law() -> None:
    levels = np.concatenate([np.linspace(0.0005, 0.1, 200), np.linspace(0.11, 0.9995, 900)])
    quantiles = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(levels))
    loss = wald.QuantileCRPS(levels=tuple(levels), weights="spacing")
    exact = wald.GaussianCRPS()(torch.zeros(1, 2, dtype=F64), torch.tensor([0.7], dtype=F64)).item()
    assert loss(quantiles.unsqueeze(0), torch.tensor([0.7], dtype=F64)).item() == pytest.approx(exact, rel=1e-3)


def test_what_is_wrong_is_told() -> None:
    none, one, target = torch.zeros(2, 0, 3), torch.zeros(2, 1, 3), torch.zeros(2, 3)
    for kind in (wald.EnergyScore, wald.KernelScore):
        with pytest.raises(wald.ShapeError, match="an ensemble has at least 1"):
            kind()(none, target)
        with pytest.raises(wald.ShapeError, match="Use fair=False"):
            kind(fair=True)(one, target)
    with pytest.raises(wald.ShapeError, match="has no members"):
        wald.VariogramScore()(none, target)
    with pytest.raises(wald.ShapeError, match="a variance needs 2"):
        wald.DawidSebastiani()(torch.zeros(2, 1), torch.zeros(2))
    with pytest.raises(ValueError, match=r"must rise.*Use levels=\(0.1, 0.9\)"):
        wald.QuantileCRPS(levels=(0.9, 0.1))
