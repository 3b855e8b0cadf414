"""Distances of samples: SciPy, geomloss, definitions and edges."""

from __future__ import annotations

import pytest
from scipy import stats
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, by_numbers


def clouds(seed: int = 0, n: int = 5, m: int = 4) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x, y = (torch.rand(k, 3, generator=rng, dtype=torch.float64) for k in (n, m))
    return x.requires_grad_(), y


def test_scipy_agrees() -> None:
    x, y = (v[:, 0].detach() for v in clouds(n=6, m=6))
    assert float(wald.Wasserstein1D()(x[None], y[None])) == pytest.approx(stats.wasserstein_distance(x, y))
    squared = wald.EnergyDistance()(x[:, None], y[:, None])
    assert float(squared) == pytest.approx(stats.energy_distance(x, y) ** 2)


@pytest.mark.parametrize("unbiased", [False, True])
def test_mmd_is_the_sum_of_its_kernels(unbiased: bool) -> None:
    x, y = (v.detach() for v in clouds())
    k = {
        name: sum((-torch.cdist(a, b).square() / (2 * w * w)).exp() for w in (0.5, 2.0)) / 2
        for name, a, b in (("xx", x, x), ("yy", y, y), ("xy", x, y))
    }
    if unbiased:
        own = [(k[s].sum() - k[s].trace()) / (len(k[s]) * (len(k[s]) - 1)) for s in ("xx", "yy")]
    else:
        own = [k[s].mean() for s in ("xx", "yy")]
    loss = wald.MMD(bandwidths=(0.5, 2.0), unbiased=unbiased)
    torch.testing.assert_close(loss(x, y), own[0] + own[1] - 2 * k["xy"].mean())


def test_of_one_observation_the_energy_distance_is_twice_the_score() -> None:
    x, y = (v.detach() for v in clouds(m=1))
    torch.testing.assert_close(wald.EnergyDistance()(x, y), 2 * wald.EnergyScore()(x, y[0]))


def test_too_few_vectors_are_told() -> None:
    with pytest.raises(wald.ShapeError, match="Use unbiased=False"):
        wald.MMD(unbiased=True)(torch.zeros(1, 2), torch.zeros(3, 2))
    with pytest.raises(wald.ShapeError, match="no points"):
        wald.Sinkhorn()(torch.zeros(0, 2), torch.zeros(3, 2))
    with pytest.raises(ValueError, match="bandwidths are positive"):
        wald.MMD(bandwidths=(1.0, 0.0))


def test_a_small_blur_is_the_cost_of_the_best_matching() -> None:
    x, y = (v.detach() for v in clouds(n=6, m=6))
    line = (x[:, :1], y[:, :1])
    loss = wald.Sinkhorn(blur=0.01, power=1, iterations=400)
    assert float(loss(*line)) == pytest.approx(float(wald.Wasserstein1D()(x[:, 0], y[:, 0])), abs=0.02)


def test_a_large_blur_is_the_distance_of_the_means() -> None:
    x, y = (v.detach() for v in clouds())
    wanted = 0.5 * (x.mean(0) - y.mean(0)).square().sum()
    torch.testing.assert_close(wald.Sinkhorn(blur=100.0)(x, y), wanted, rtol=1e-3, atol=1e-4)


def test_moved_apart_it_costs_the_move() -> None:
    x = clouds()[0].detach()
    assert float(wald.Sinkhorn()(x, x + 2.0)) == pytest.approx(6.0, rel=1e-6)


def _geomloss(
    name: str, loss: wald.Loss, factor: float, added: float = 0.0, within: float = 1e-2, **how: float
) -> Case:
    x, y = (v.detach() for v in clouds())

    def theirs(x: Tensor) -> Tensor:
        made = attribute("geomloss.SamplesLoss")(name, blur=0.5, backend="tensorized", **how)
        return made(x, y) + added

    return Case(
        loss=type(loss).__name__,
        name=f"geomloss.SamplesLoss.{name}",
        ours=lambda x: factor * loss(x, y),
        theirs=theirs,
        at=x,
        within=within,
    )


def _scipy(name: str, loss: wald.Loss, power: int, batch: bool) -> Case:
    x, y = (v[:, 0].detach() for v in clouds(n=6, m=6))
    own = (lambda x: loss(x[None], y[None])) if batch else (lambda x: loss(x[:, None], y[:, None]))
    return Case(
        loss=type(loss).__name__,
        name=f"scipy.stats.{name}",
        ours=own,
        theirs=by_numbers(lambda x: getattr(stats, name)(x.numpy(), y.numpy()) ** power),
        at=x,
    )


CASES: list[Case] = [
    # It takes no distance for less than 1e-4, that of a point from itself included: 5 and 4 of them here.
    _geomloss("energy", wald.EnergyDistance(), 0.5, 0.5e-4 * (1 / 5 + 1 / 4), within=1e-4),
    _geomloss("gaussian", wald.MMD(bandwidths=(0.5,)), 0.5, within=1e-5),
    _geomloss("sinkhorn", wald.Sinkhorn(blur=0.5, iterations=300), 1.0, p=2, scaling=0.995),
    _scipy("wasserstein_distance", wald.Wasserstein1D(), 1, batch=True),
    _scipy("energy_distance", wald.EnergyDistance(), 2, batch=False),
]
