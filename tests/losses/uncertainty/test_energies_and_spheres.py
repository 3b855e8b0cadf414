"""Energy bounds and hyperspheres: against plain formulas, pytorch-ood, and identities."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, ids, near, scores
from ..parity.case import Case, attribute, of_port

ENERGY = wald.EnergyBounded(margin_in=-3.0, margin_out=-2.0, alpha=0.3)


def some_outliers(seed: int = 1) -> Tensor:
    return ids(seed, classes=5) - 1


def bounded(z: Tensor, y: Tensor) -> Tensor:
    energy = -z.exp().sum(-1).log()
    known = F.cross_entropy(z, y.clamp(min=0), reduction="none") + 0.3 * F.relu(energy + 3).square()
    return torch.where(y < 0, 0.3 * F.relu(-2 - energy).square(), known)


def test_energies_have_two_margins() -> None:
    for seed in (0, 1):
        agree(ENERGY.per_example, bounded, scores(seed), some_outliers(seed))


def test_within_its_margins_it_is_cross_entropy_or_nothing() -> None:
    z = torch.tensor([[9.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    near(ENERGY.per_example(z, torch.tensor([0, -1])), [float(wald.CrossEntropy()(z[:1], torch.tensor([0]))), 0.0])


def test_margins_the_wrong_way_round() -> None:
    with pytest.raises(ValueError, match="Exchange the two"):
        wald.EnergyBounded(margin_in=-5.0, margin_out=-23.0)


def embedded(seed: int = 0) -> tuple[Tensor, Tensor]:
    x = scores(seed, rows=12, classes=3)
    return x, scores(seed + 5, rows=1, classes=3).expand_as(x)


def test_a_soft_boundary() -> None:
    x, centre = embedded()
    radius = torch.full((12,), 2.0, dtype=torch.float64)

    def theirs(x: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
        return radius**2 + F.relu(torch.linalg.vector_norm(x - centre, dim=-1) ** 2 - radius**2) / 0.25

    agree(wald.DeepSVDD(nu=0.25).per_example, theirs, x, centre, radius)


def test_one_class_is_twice_center() -> None:
    x, centre = embedded()
    agree(
        lambda x, c: wald.DeepSVDD(nu=1.0).per_example(x, c, torch.zeros(12, dtype=x.dtype)),
        lambda x, c: 2 * wald.Center().per_example(x, c),
        x,
        centre,
    )


def test_the_best_radius_leaves_nu_outside() -> None:
    """Of 1000 distances the slope in the radius is 0 where the part nu of them is larger."""
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    far = torch.linalg.vector_norm(x, dim=-1)
    best = far.quantile(0.9)
    loss = wald.DeepSVDD(nu=0.1)
    costs = [loss(x, torch.zeros_like(x), (best * scale).expand(1000)) for scale in (0.97, 1.0, 1.03)]
    assert costs[1] < min(costs[0], costs[2])


def test_what_labels_say() -> None:
    x, centre = embedded()
    label = ids(3, rows=12, classes=3) - 1
    square = (x - centre).square().sum(-1)
    wanted = torch.stack([2 / (square + 1e-6), square, 2 * square])[label + 1, torch.arange(12)]
    near(wald.DeepSAD(eta=2.0).per_example(x, centre, label), wanted)
    at_the_centre = centre.clone().requires_grad_()
    value = wald.DeepSAD()(at_the_centre, centre, label)
    (slope,) = torch.autograd.grad(value, at_the_centre)
    assert value.isfinite()
    assert (slope == 0).all()


def test_a_label_that_is_none() -> None:
    x, centre = embedded()
    with pytest.raises(wald.DomainError):
        wald.DeepSAD()(x, centre, torch.full((12,), 2))
    with pytest.raises(wald.DomainError):
        wald.DeepSVDD()(x, centre, torch.full((12,), -1.0, dtype=torch.float64))


@pytest.mark.peers
def test_pytorch_ood_adds_two_means_and_leaves_out_a_scale() -> None:
    """Its mean of energies is that of the known ones plus that of the outliers, whatever their shares."""
    ood = pytest.importorskip("pytorch_ood.loss", reason="pytorch_ood is compared with where it is installed")
    z, y = scores(), some_outliers()
    values, gone = wald.EnergyBounded(like="pytorch_ood").per_example(z, y), y < 0
    near(ood.EnergyRegularizedLoss()(z, y), values[gone].mean() + values[~gone].mean())
    # Of the sphere, what a fixed radius makes a constant and a scale is left out there.
    x, centre = (v.float() for v in embedded())
    svdd = ood.DeepSVDDLoss(n_dim=3, radius=1.5, center=centre[0], reduction="none")
    near((wald.DeepSVDD(nu=0.5).per_example(x, centre, torch.full((12,), 1.5)) - 1.5**2) * 0.5, svdd(x), 1e-5)


def _energies(seed: int) -> Case:
    name, z, y = "pytorch_ood.loss.EnergyRegularizedLoss", scores(seed), some_outliers(seed)
    return of_port(name, lambda z: attribute(name)(reduction="none")(z, y), z, y)


def _spheres(seed: int) -> Case:
    name, (x, centre) = "pytorch_ood.loss.DeepSADLoss", embedded(seed)
    label = ids(3, rows=12, classes=2) - 1

    def theirs(x: Tensor) -> Tensor:
        return attribute(name)(n_dim=3, eta=2.0, center=centre[0], reduction="none")(x, label)

    return of_port(name, theirs, x, centre, label, eta=2.0)


CASES: list[Case] = [made(seed) for made in (_energies, _spheres) for seed in (0, 1)]
