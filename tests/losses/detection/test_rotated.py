"""Rotated boxes against matrices: SciPy's root of one, torch's divergence of laws, and what Ultralytics computes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import linalg
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

import wald

from ..parity.case import Case, attribute, each, of_port

near = torch.testing.assert_close
KINDS = ("kl", "wasserstein", "hellinger", "kalman")


def boxes(seed: int = 0, rows: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centre, angle = 5 * torch.rand(2, rows, 2, generator=generator), 3 * torch.randn(2, rows, 1, generator=generator)
    sides = 0.5 + 4 * torch.rand(2, rows, 2, generator=generator)
    both = torch.cat([centre, sides, angle], -1).double()
    return both[0], both[1]


def law(box: Tensor, share: float = 0.25) -> tuple[Tensor, Tensor]:
    cos, sin = box[..., 4].cos(), box[..., 4].sin()
    turned = torch.stack([cos, -sin, sin, cos], -1).unflatten(-1, (2, 2))
    return box[..., :2], turned @ torch.diag_embed(share * box[..., 2:4].square()) @ turned.mT


def by_matrices(kind: str, p: Tensor, t: Tensor) -> Tensor:
    (centre, own), (true_centre, true) = law(p), law(t)
    if kind == "kl":
        apart = kl_divergence(MultivariateNormal(true_centre, true), MultivariateNormal(centre, own))
        return 1 - 1 / (1 + apart.sqrt().log1p())
    if kind == "wasserstein":
        roots = [
            linalg.sqrtm(linalg.sqrtm(a) @ b @ linalg.sqrtm(a)) for a, b in zip(own.numpy(), true.numpy(), strict=True)
        ]
        shape = [np.trace(a + b - 2 * root) for a, b, root in zip(own.numpy(), true.numpy(), roots, strict=True)]
        moved = (centre - true_centre).square().sum(-1) + torch.as_tensor(np.array(shape).real)
        return 1 - 1 / (1 + (moved.sqrt() / (p[..., 2:4].prod(-1) * t[..., 2:4].prod(-1)) ** 0.25).log1p())
    if kind == "kalman":
        fused = own @ torch.linalg.inv(own + true) @ true
        area, of_own, of_true = (4 * torch.linalg.det(m).sqrt() for m in (fused, own, true))
        return 1 - area / (of_own + of_true - area)
    (_, own), (_, true) = law(p, 1 / 12), law(t, 1 / 12)
    middle, step = (own + true) / 2, (centre - true_centre).unsqueeze(-1)
    between = (step.mT @ torch.linalg.inv(middle) @ step).flatten() / 8
    between = between + (torch.linalg.det(middle) / (torch.linalg.det(own) * torch.linalg.det(true)).sqrt()).log() / 2
    return (1 - torch.exp(-between)).sqrt()


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_those_of_matrices(kind: str) -> None:
    p, t = boxes()
    near(wald.RotatedBox(kind=kind)(p, t, reduction="none"), by_matrices(kind, p, t), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_box_has_several_names(kind: str) -> None:
    loss, (p, t) = wald.RotatedBox(kind=kind), boxes(1)
    value = loss(p, t, reduction="none")
    half, quarter = p.clone(), p[:, [0, 1, 3, 2, 4]]
    half[:, 4] += math.pi
    quarter[:, 4] += math.pi / 2
    for same in (half, quarter):
        near(loss(same, t, reduction="none"), value)
    # The unit does not matter, nor does a turn of everything.
    unit = torch.tensor([7.0, 7, 7, 7, 1]).double()
    near(loss(p * unit, t * unit, reduction="none"), value)
    best = 2 / 3 if kind == "kalman" else 0.0
    x = t.clone().requires_grad_()
    hit = loss(x, t)
    assert hit.item() == pytest.approx(best, abs=1e-12)
    assert torch.autograd.grad(hit, x)[0].isfinite().all()
    assert (value > best).all()
    assert (loss(quarter, p, reduction="none") < best + 1e-7).all()


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_finite_for_lines_and_far_boxes(kind: str) -> None:
    loss = wald.RotatedBox(kind=kind)
    odd = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 1e4, 0, 1], [1e4, -1e4, 1, 1, 0], [0, 0, 1, 1e4, 50]]).float()
    x = odd.clone().requires_grad_()
    value = loss(x, torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.5]]).expand(4, 5), reduction="none")
    assert value.isfinite().all()
    assert torch.autograd.grad(value.sum(), x)[0].isfinite().all()
    p, t = boxes(2, rows=3)
    torch.autograd.gradgradcheck(lambda p: loss(p, t), (p.requires_grad_(),))


def test_what_is_seen_of_centres_and_angles() -> None:
    t = torch.tensor([[0.0, 0.0, 8.0, 1.0, 0.3]]).double()
    shifted, turned = t + torch.tensor([3.0, 1, 0, 0, 0]).double(), t + torch.tensor([0, 0, 0, 0, 0.2]).double()
    assert wald.RotatedBox(kind="kalman")(shifted, t).item() == pytest.approx(2 / 3)
    square = torch.tensor([[0.0, 0.0, 2.0, 2.0, 0.3]]).double()
    for kind in KINDS:
        loss = wald.RotatedBox(kind=kind)
        assert loss(turned, t) > loss(t, t) + 0.01
        beside = square + torch.tensor([1.0, 0, 0, 0, 0]).double()
        near(loss(beside + torch.tensor([0, 0, 0, 0, 0.7]).double(), square), loss(beside, square))
    with pytest.raises(wald.ShapeError, match="5"):
        wald.RotatedBox()(torch.zeros(2, 4), torch.zeros(2, 4))


def _probiou() -> Case:
    p, t = boxes(3)
    name = "ultralytics.utils.metrics.probiou"
    return of_port(name, lambda p: 1 - attribute(name)(t, p).squeeze(-1), p, t, how=each, within=2e-6)


CASES: list[Case] = [_probiou()]
