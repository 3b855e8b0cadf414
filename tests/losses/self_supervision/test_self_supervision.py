"""Self-supervised losses: plain loops, identities, where gradients stop, and their edges."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.losses.self_supervision.swav import sinkhorn


def views(rng: torch.Generator, rows: int = 9) -> tuple[Tensor, ...]:
    return torch.randn(2, rows, 4, generator=rng, dtype=torch.float64).unbind()


def test_vic_reg_by_its_parts(rng: torch.Generator) -> None:
    a, b = views(rng)

    def spread(x: Tensor) -> Tensor:
        return (1 - (x.var(0) + 1e-4).sqrt()).relu().mean()

    def together(x: Tensor) -> Tensor:
        covariance = x.T.cov()
        return (covariance.square().sum() - covariance.diagonal().square().sum()) / 4

    wanted = 25 * F.mse_loss(a, b) + 25 * (spread(a) + spread(b)) / 2 + together(a) + together(b)
    torch.testing.assert_close(wald.VICReg()(a, b), wanted)


@pytest.mark.parametrize("loss", [wald.BarlowTwins(eps=1e-5), wald.VICReg()], ids=repr)
def test_features_are_those_of_the_rows_that_are_kept(loss: wald.Loss, rng: torch.Generator) -> None:
    a, b = views(rng)
    keep = torch.arange(9) < 6
    torch.testing.assert_close(loss(a.masked_fill(~keep[:, None], torch.nan), b, mask=keep), loss(a[:6], b[:6]))


@pytest.mark.parametrize(
    "loss", [wald.BarlowTwins(), wald.BarlowTwins(eps=0.0), wald.VICReg(), wald.VICReg(eps=0.0)], ids=repr
)
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_features_that_do_not_vary_have_finite_slopes(loss: wald.Loss, rows: int) -> None:
    x = torch.ones(rows, 3, requires_grad=True)
    value = loss(x, torch.ones(rows, 3))
    (slope,) = torch.autograd.grad(value, x)
    assert value.isfinite()
    assert slope.isfinite().all()


def test_a_feature_that_never_varies_costs_1() -> None:
    assert wald.BarlowTwins()(torch.ones(6, 5), torch.ones(6, 5)).item() == 5


def test_correlations_are_those_of_numpy(rng: torch.Generator) -> None:
    a, b = views(rng)
    cross = torch.cat([a, b], 1).T.corrcoef()[:4, 4:]
    own = torch.eye(4, dtype=torch.bool)
    wanted = (1 - cross[own]).square().sum() + 0.3 * cross[~own].square().sum()
    torch.testing.assert_close(wald.BarlowTwins(redundancy=0.3, eps=0.0)(a, b), wanted)


def test_alignment_and_uniformity_by_plain_distances(rng: torch.Generator) -> None:
    a, b = (F.normalize(x) for x in views(rng))
    spread = [torch.pdist(x).square().mul(-2).exp().mean().log() for x in (a, b)]
    wanted = (a - b).norm(dim=1).square().mean() + (spread[0] + spread[1]) / 2
    torch.testing.assert_close(wald.AlignmentUniformity()(a, b), wanted)
    plain = wald.AlignmentUniformity(power=1.0, uniformity=0.0)(a, b)
    torch.testing.assert_close(plain, (a - b).norm(dim=1).mean())


def test_ko_leo_is_minus_the_log_of_the_nearest(rng: torch.Generator) -> None:
    x, _ = views(rng)
    apart = torch.cdist(F.normalize(x), F.normalize(x)).fill_diagonal_(torch.inf)
    torch.testing.assert_close(wald.KoLeo()(x), -apart.amin(-1).log().mean(), rtol=1e-6, atol=1e-6)
    alone = wald.KoLeo()(x[:1])
    assert alone.item() == 0
    same = torch.ones(2, 3, requires_grad=True)
    value = wald.KoLeo()(same)
    assert value.item() == pytest.approx(8 * math.log(10), rel=1e-6)
    assert torch.autograd.grad(value, same)[0].isfinite().all()


# A student and its teacher.


def test_byol_is_the_squared_distance_of_directions(rng: torch.Generator) -> None:
    prediction, target = (x.requires_grad_() for x in views(rng))
    cosine, distance = wald.SimSiam(), wald.SimSiam(form="distance")
    square = (F.normalize(prediction) - F.normalize(target)).square().sum(-1).mean()
    torch.testing.assert_close(distance(prediction, target), square)
    torch.testing.assert_close(distance(prediction, target), 2 + 2 * cosine(prediction, target))


@pytest.mark.parametrize(
    "loss", [wald.SimSiam(), wald.DINO(), wald.SwAV(), wald.MSN()], ids=lambda loss: type(loss).__name__
)
def test_what_teaches_gets_no_gradient(loss: wald.Loss, rng: torch.Generator) -> None:
    given = [x.requires_grad_() for x in views(rng)]
    taught = given[0], *((given[1].softmax(-1),) if "code" in dict(loss.named_domains) else (given[1],))
    if len(loss.named_domains) == 3:
        taught = *taught, torch.zeros_like(given[1])
    slopes = torch.autograd.grad(loss(*taught), given, allow_unused=True)
    assert slopes[0].abs().max() > 0
    assert slopes[1] is None


def test_dino_is_swav_of_a_centred_and_sharpened_code(rng: torch.Generator) -> None:
    student, teacher = views(rng)
    centre = torch.tensor([0.1, -0.2, 0.3, 0.0], dtype=torch.float64).expand_as(teacher)
    code = ((teacher - centre) / 0.04).softmax(-1)
    found = wald.DINO()(student, teacher, centre)
    torch.testing.assert_close(found, wald.SwAV(temperature=0.1)(student, code))
    torch.testing.assert_close(found, wald.CrossEntropy()(student / 0.1, code))
    torch.testing.assert_close(wald.MSN(evenness=0.0)(student, code), found)


def test_a_mean_that_is_even_costs_nothing_and_a_taken_one_all() -> None:
    even = 50 * torch.eye(4, dtype=torch.float64)
    one = torch.tensor([[50.0, 0, 0, 0]], dtype=torch.float64).expand(4, 4)
    evenness = wald.MSN(temperature=1.0)
    for scores, wanted in ((even, 0.0), (one, math.log(4))):
        assert evenness(scores, scores.softmax(-1)).item() == pytest.approx(wanted, abs=1e-9)
    far = torch.tensor([[1e4, 0.0], [1e4, 0.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(wald.MSN()(far, torch.eye(2)), far)
    assert slope.isfinite().all()


def test_each_image_has_its_say_in_ibot(rng: torch.Generator) -> None:
    student, target = torch.randn(2, 2, 3, 4, generator=rng, dtype=torch.float64).unbind()
    hidden = torch.tensor([[True, False, False], [True, True, True]])
    loss, centre = wald.DINO(), torch.zeros_like(target)
    each = loss(student, target, centre, reduction="none")
    torch.testing.assert_close(loss(student, target, centre, mask=hidden), each[hidden].mean())
    weight = hidden / hidden.sum(-1, keepdim=True)
    by_image = loss(student, target, centre, weight=weight, normalizer=2.0)
    torch.testing.assert_close(by_image, (each[0, 0] + each[1].mean()) / 2)


def test_codes_share_prototypes_evenly(rng: torch.Generator) -> None:
    scores = torch.randn(12, 4, generator=rng, dtype=torch.float64).requires_grad_()
    code = sinkhorn(scores, epsilon=0.5, iterations=200)
    torch.testing.assert_close(code.sum(-1), torch.ones(12, dtype=torch.float64))
    torch.testing.assert_close(code.sum(0), torch.full((4,), 3.0, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    assert not code.requires_grad
    keep = torch.arange(12) < 8
    torch.testing.assert_close(sinkhorn(scores, keep=keep)[:8], sinkhorn(scores[:8]))
    assert sinkhorn(1e4 * scores).isfinite().all()


# Filling in, and seeing alike.


def test_patches_as_they_are_are_a_mean_squared_error(rng: torch.Generator) -> None:
    prediction, target = views(rng)
    plain = wald.MaskedReconstruction(normalise=False)(prediction, target)
    torch.testing.assert_close(plain, F.mse_loss(prediction, target))
    sizes = wald.MaskedReconstruction(normalise=False, error="absolute")(prediction, target)
    torch.testing.assert_close(sizes, F.l1_loss(prediction, target))
    normal = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
    torch.testing.assert_close(wald.MaskedReconstruction()(prediction, target), F.mse_loss(prediction, normal))
    flat = wald.MaskedReconstruction()(torch.zeros(2, 3), torch.full((2, 3), 7.0))
    assert flat.item() == 0
    assert wald.MaskedReconstruction()(torch.zeros(2, 1), torch.ones(2, 1)).item() == 0


def test_consistency_is_a_divergence_both_ways(rng: torch.Generator) -> None:
    query, key = (x.requires_grad_() for x in views(rng))
    p, q = ((x / 0.5).softmax(-1) for x in (query, key))
    wanted = 0.5 * ((p * (p / q).log()).sum(-1) + (q * (q / p).log()).sum(-1)).mean()
    found = wald.CO2(temperature=0.5)(query, key)
    torch.testing.assert_close(found, wanted)
    assert all(slope.abs().max() > 1e-3 for slope in torch.autograd.grad(found, [query, key]))
    assert wald.CO2()(query, query).item() == 0
    far = torch.tensor([[1e4, 0.0]], requires_grad=True)
    assert torch.autograd.grad(wald.CO2()(far, torch.tensor([[0.0, 1e4]])), far)[0].isfinite().all()
