"""Heads that are learned: proxies, prototypes, scales and boundaries."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import wald


def blobs(rng: torch.Generator, classes: int = 3, each: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around one place a class."""
    label = torch.arange(classes).repeat(each)
    places = 3 * torch.randn(classes, 6, generator=rng)
    return places[label] + 0.5 * torch.randn(len(label), 6, generator=rng), label


# Proxies.


def test_proxies_give_cosines(rng: torch.Generator) -> None:
    proxies, x = wald.Proxies(4, 5), 7 * torch.randn(2, 3, 5, generator=rng)
    proxies.vectors.data *= 3
    wanted = F.cosine_similarity(x.unsqueeze(-2), proxies.vectors, dim=-1)
    torch.testing.assert_close(proxies(x), wanted)
    several = wald.Proxies(4, 5, each=2)
    assert several(x).shape == (2, 3, 4, 2)
    torch.testing.assert_close(several(x)[..., 1], F.cosine_similarity(x.unsqueeze(-2), several.vectors[:, 1], dim=-1))


def test_vectors_begin_alike_everywhere_and_at_length_1() -> None:
    first, again, other = wald.Proxies(4, 5), wald.Proxies(4, 5), wald.Proxies(4, 5, seed=1)
    assert torch.equal(first.vectors, again.vectors)
    assert not torch.equal(first.vectors, other.vectors)
    torch.testing.assert_close(first.vectors.norm(dim=-1), torch.ones(4))
    state = torch.get_rng_state()
    wald.Prototypes(4, 5)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "loss",
    [
        wald.ProxySoftmax(),
        wald.ProxyAnchor(),
        wald.ProxyNCA(),
        wald.ArcFace(scale=16.0),
        wald.SphereFace(multiplier=2, scale=16.0),
        wald.SoftTriple(),
    ],
    ids=repr,
)
def test_proxies_are_learned(loss: wald.Loss, rng: torch.Generator) -> None:
    x, label = blobs(rng)
    proxies = wald.Proxies(3, 6, each=2 if isinstance(loss, wald.SoftTriple) else 1, seed=5)

    def right() -> float:
        found = proxies(x) if not isinstance(loss, wald.SoftTriple) else proxies(x).amax(-1)
        return (found.argmax(-1) == label).float().mean().item()

    before = right()
    optimiser = torch.optim.Adam(proxies.parameters(), lr=0.1)
    for _ in range(40):
        optimiser.zero_grad()
        loss(proxies(x), label).backward()
        optimiser.step()
    assert before < 0.9 < 0.99 < right()


def test_proxies_are_those_of_the_loss_without_a_matrix(rng: torch.Generator) -> None:
    x, label = blobs(rng)
    proxies, loss = wald.Proxies(3, 6), wald.ProxySoftmax()
    found = wald.linear_proxy(loss, x, proxies.vectors, label)
    torch.testing.assert_close(found, loss(proxies(x), label))


@pytest.mark.parametrize("given", [torch.bfloat16, torch.float16])
def test_cosines_of_half_precision_are_computed_in_single(given: torch.dtype, rng: torch.Generator) -> None:
    proxies, x = wald.Proxies(4, 64), torch.randn(8, 64, generator=rng).to(given)
    wanted = proxies(x.float())
    assert proxies(x).dtype == torch.float32
    torch.testing.assert_close(proxies(x), wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(proxies(x), wanted)
    assert proxies.double()(x.double()).dtype == torch.float64


# Prototypes.


def test_prototypes_come_back_to_length_1(rng: torch.Generator) -> None:
    prototypes, x = wald.Prototypes(6, 5), torch.randn(4, 5, generator=rng)
    with torch.no_grad():
        prototypes.vectors.mul_(torch.arange(1, 7).unsqueeze(-1))
    grown = prototypes(x)
    prototypes.update()
    torch.testing.assert_close(prototypes.vectors.norm(dim=-1), torch.ones(6))
    torch.testing.assert_close(grown, prototypes(x) * torch.arange(1, 7))
    torch.testing.assert_close(prototypes(x), prototypes(3 * x))


def test_codes_share_the_prototypes_with_a_queue(rng: torch.Generator) -> None:
    prototypes = wald.Prototypes(3, 5)
    x, more = torch.randn(4, 5, generator=rng), torch.randn(60, 5, generator=rng)
    scores, others = prototypes(x), prototypes(more)
    alone = prototypes.codes(scores, iterations=500)
    torch.testing.assert_close(alone.sum(0), torch.full((3,), 4 / 3), rtol=1e-4, atol=0)
    joined = prototypes.codes(scores, others=others)
    assert joined.shape == (4, 3)
    torch.testing.assert_close(joined, prototypes.codes(torch.cat([scores, others]))[:4])
    assert not joined.requires_grad
    keep = torch.tensor([True, True, True, False])
    torch.testing.assert_close(
        prototypes.codes(scores, others=others, keep=keep)[:3], prototypes.codes(scores[:3], others=others)
    )


def test_swav_learns_to_tell_clumps_apart(rng: torch.Generator) -> None:
    x, label = blobs(rng)
    prototypes, loss = wald.Prototypes(3, 6, seed=2), wald.SwAV()
    optimiser = torch.optim.SGD(prototypes.parameters(), lr=1.0)
    for _ in range(60):
        first, second = (x + 0.3 * torch.randn(x.shape, generator=rng) for _ in range(2))
        scores, others = prototypes(first), prototypes(second)
        value = loss(scores, prototypes.codes(others)) + loss(others, prototypes.codes(scores))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        prototypes.update()
    chosen = prototypes(x).argmax(-1)
    assert len({int(chosen[label == k].mode().values) for k in range(3)}) == 3


# A learned scale.

PRODUCTS = [
    (wald.InfoNCE(temperature=0.1), wald.InfoNCE(temperature=1.0, normalise=False)),
    (wald.InfoNCE(temperature=0.1, symmetric=True), wald.InfoNCE(temperature=1.0, normalise=False, symmetric=True)),
    (wald.NTXent(temperature=0.1), wald.NTXent(temperature=1.0, normalise=False)),
    (wald.SigLIP(scale=10.0, bias=0.0), wald.SigLIP(scale=1.0, bias=0.0, normalise=False)),
]


@pytest.mark.parametrize(("fixed", "plain"), PRODUCTS, ids=[repr(fixed) for fixed, _ in PRODUCTS])
def test_a_scale_is_one_over_the_temperature(fixed: wald.Loss, plain: wald.Loss, rng: torch.Generator) -> None:
    """In value, in the gradient of the vectors, and in that of the scale, held against a difference."""
    scale = wald.LearnedScale(10.0).double()
    views = [torch.randn(6, 4, generator=rng, dtype=torch.float64).requires_grad_() for _ in range(2)]
    found, wanted = plain(*scale(*views)), fixed(*views)
    torch.testing.assert_close(found, wanted)
    for mine, theirs in zip(torch.autograd.grad(found, views), torch.autograd.grad(wanted, views), strict=True):
        torch.testing.assert_close(mine, theirs)
    (slope,) = torch.autograd.grad(plain(*scale(*views)), scale.log_scale)
    with torch.no_grad():
        step = 1e-5
        scale.log_scale += step
        up = plain(*scale(*views))
        scale.log_scale -= 2 * step
        down = plain(*scale(*views))
    assert slope.item() == pytest.approx((up - down).item() / (2 * step), rel=1e-6)
    assert slope != 0


def test_scale_and_bias_of_sig_lip(rng: torch.Generator) -> None:
    image, text = (torch.randn(6, 4, generator=rng) for _ in range(2))
    scale = wald.LearnedScale(10.0, bias=-10.0)
    found = wald.SigLIP(scale=1.0, bias=0.0, normalise=False)(*scale(image, text))
    torch.testing.assert_close(found, wald.SigLIP()(image, text), rtol=1e-5, atol=1e-5)
    slopes = torch.autograd.grad(found, list(scale.parameters()))
    # At a bias of -10 a pair that belongs together says that it is too low.
    cosine = F.cosine_similarity(image.unsqueeze(1), text, dim=-1)
    sign = 2 * torch.eye(6) - 1
    pull = -sign * torch.sigmoid(-sign * (10 * cosine - 10))
    assert slopes[1].item() == pytest.approx(pull.sum(-1).mean().item(), rel=1e-4)
    assert slopes[0].item() == pytest.approx((10 * cosine * pull).sum(-1).mean().item(), rel=1e-4)


def test_a_temperature_is_learned(rng: torch.Generator) -> None:
    """Pairs that agree for sure want a large scale, pairs at random none."""
    x = torch.randn(16, 8, generator=rng)
    for noise, grows in ((0.05, True), (100.0, False)):
        other = x + noise * torch.randn(x.shape, generator=rng)
        scale, loss = wald.LearnedScale(5.0), wald.InfoNCE(symmetric=True, normalise=False, temperature=1.0)
        optimiser = torch.optim.Adam(scale.parameters(), lr=0.2)
        for _ in range(30):
            optimiser.zero_grad()
            loss(*scale(x, other)).backward()
            optimiser.step()
            scale.update()
        assert (scale.scale > 50) if grows else (scale.scale < 2)


def test_a_scale_stops_at_its_limit_and_comes_back() -> None:
    scale = wald.LearnedScale(50.0, limit=100.0)
    with torch.no_grad():
        scale.log_scale.fill_(math.log(1000))
    assert scale.scale.item() == pytest.approx(100)
    scale.scale.backward()
    assert scale.log_scale.grad is not None
    assert scale.log_scale.grad.item() == pytest.approx(100)  # downhill leads back
    scale.update()
    assert scale.log_scale.item() == pytest.approx(math.log(100))
    free = wald.LearnedScale(500.0, limit=None)
    free.update()
    assert free.scale.item() == pytest.approx(500)


# A learned boundary.


def test_a_boundary_for_all_and_for_each(rng: torch.Generator) -> None:
    x, label = blobs(rng, each=4)
    one, each = wald.LearnedBoundary(start=1.1), wald.LearnedBoundary(3, start=1.1)
    loss = wald.DistanceMargin()
    values = [loss(x, label, head(label)) for head in (one, each)]
    torch.testing.assert_close(*values)
    shared, single = (torch.autograd.grad(value, head.log)[0] for value, head in zip(values, (one, each), strict=True))
    torch.testing.assert_close(shared, single.sum())
    # A step far downhill still leaves a distance.
    with torch.no_grad():
        each.log -= 50
    assert (each(label) > 0).all()


# The compiler, and wrong calls.


@pytest.mark.slow
@pytest.mark.parametrize("name", ["proxies", "prototypes", "scale"])
def test_they_are_captured_whole_by_the_compiler(name: str, rng: torch.Generator) -> None:
    torch.compiler.reset()
    x, label = blobs(rng)
    proxies, prototypes, scale = wald.Proxies(3, 6), wald.Prototypes(3, 6), wald.LearnedScale()
    anchor, swav, nce = wald.ProxyAnchor(), wald.SwAV(), wald.InfoNCE(normalise=False, temperature=1.0)

    def step(x: torch.Tensor) -> torch.Tensor:
        if name == "proxies":
            return anchor(proxies(x), label)
        if name == "prototypes":
            return swav(prototypes(x), prototypes.codes(prototypes(x)))
        return nce(*scale(x, x.flip(-1)))

    a, b = (x.clone().requires_grad_() for _ in range(2))
    one, two = torch.compile(step, fullgraph=True, backend="aot_eager")(a), step(b)
    torch.testing.assert_close(one, two)
    torch.testing.assert_close(torch.autograd.grad(one, a), torch.autograd.grad(two, b))


def test_wrong_calls_say_what_to_do() -> None:
    proxies = wald.Proxies(3, 4)
    with pytest.raises(wald.ShapeError, match=r"embedding \(2, 5\) must be \(\*batch, 4\)"):
        proxies(torch.zeros(2, 5))
    with pytest.raises(wald.DtypeError, match=r"embedding.float\(\)"):
        proxies(torch.zeros(2, 4, dtype=torch.long))
    with pytest.raises(ValueError, match="classes must be a whole number from 1 on, got 0"):
        wald.Proxies(0, 4)
    with pytest.raises(ValueError, match=r"features must be .* got 2\.0"):
        wald.Prototypes(3, 2.0)
    with pytest.raises(ValueError, match="start must be a positive number"):
        wald.LearnedScale(0.0)
    with pytest.raises(ValueError, match=r"start 200\.0 lies beyond the limit 100\.0"):
        wald.LearnedScale(200.0)
    with pytest.raises(TypeError, match=r"a bias is added to products of two sides, got 1"):
        wald.LearnedScale(bias=0.0)(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="start must be a positive distance"):
        wald.LearnedBoundary(start=-1.0)
    with pytest.raises(wald.DomainError, match="classes 0 to 2"):
        wald.LearnedBoundary(3)(torch.tensor([3]))
