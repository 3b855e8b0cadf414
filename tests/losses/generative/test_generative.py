"""Losses of generative models: against torch's distributions, their papers' formulas, and each other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, near


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Latent variables.


@pytest.mark.parametrize("seed", [0, 1])
def test_the_divergence_of_gaussians_is_that_of_torch(seed: int) -> None:
    m, v, n, w = drawn(4, 7, 5, seed=seed)

    def theirs(m: Tensor, v: Tensor, n: Tensor | None = None, w: Tensor | None = None) -> Tensor:
        prior = Normal(torch.zeros_like(m), 1.0) if n is None or w is None else Normal(n, (0.5 * w).exp())
        return kl_divergence(Normal(m, (0.5 * v).exp()), prior).sum(-1)

    agree(wald.GaussianKL().per_example, theirs, m, v)
    agree(wald.GaussianKL(prior="given").per_example, theirs, m, v, n, w)
    agree(lambda v, m: wald.GaussianKL().per_example(m, v), lambda v, m: theirs(m, v), v, m)
    near(wald.GaussianKL(prior="given").per_example(m, v, m, v), torch.zeros(7))


def test_a_small_divergence_loses_no_digits() -> None:
    v = torch.tensor([[1e-6]])
    assert wald.GaussianKL()(0 * v, v).item() == pytest.approx(2.5e-13, rel=0.1)


def test_free_nats_are_a_floor_without_a_slope() -> None:
    m, v = torch.tensor([[0.1, 3.0]], requires_grad=True), torch.zeros(1, 2)
    value = wald.GaussianKL(free_nats=0.5)(m, v)
    assert value.item() == pytest.approx(0.5 + 4.5)
    assert torch.autograd.grad(value, m)[0].tolist() == [[0.0, 3.0]]
    assert wald.GaussianKL(free_nats=0.5).reference_points(latents=8)["collapse"] == 4


@pytest.mark.parametrize("over", ["mean", "sum"])
def test_each_side_of_a_code_is_pulled_by_its_own_weight(over: str) -> None:
    encoded, code = drawn(2, 6, 3).unbind()
    encoded.requires_grad_()
    code.requires_grad_()
    value = wald.VectorQuantisation(commitment=0.25, codebook=1.0, over=over).per_example(encoded, code).sum()
    scale = 3 if over == "mean" else 1
    wanted = (0.25 * (encoded - code.detach()) ** 2 + (encoded.detach() - code) ** 2).sum() / scale
    near(value, wanted.detach())
    for mine, its in zip(
        torch.autograd.grad(value, (encoded, code)), torch.autograd.grad(wanted, (encoded, code)), strict=True
    ):
        near(mine, its)
    still = wald.VectorQuantisation(codebook=0.0)(encoded, code)
    assert torch.autograd.grad(still, code, allow_unused=True)[0] is None
    with pytest.raises(TypeError, match="codebook"):
        wald.VectorQuantisation()


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_code_of_dac_is_ours(rng: torch.Generator) -> None:
    """It returns the two parts: their sum is ours at like="transformers"."""
    dac = pytest.importorskip("transformers.models.dac.modeling_dac", reason="compares with it")
    from transformers import DacConfig

    torch.manual_seed(0)
    layer = dac.DacVectorQuantize(DacConfig(hidden_size=6, codebook_dim=3, codebook_size=5))
    with torch.no_grad():
        _, commitment, codebook, codes, encoded = layer(torch.randn(2, 6, 9, generator=rng))
        chosen = layer.codebook(codes)
    ours = wald.VectorQuantisation(like="transformers")(encoded.mT, chosen)
    torch.testing.assert_close(ours, commitment + codebook, rtol=1e-5, atol=1e-7)


def test_bounds_get_tighter_from_the_elbo_to_the_importance_weighted() -> None:
    weights = 2 * drawn(9, 6)
    elbo, half, iwae = (wald.ImportanceWeighted(order=a).per_example(weights) for a in (1.0, 0.5, 0.0))
    near(elbo, -weights.mean(-1))
    near(iwae, -weights.exp().mean(-1).log())
    near(half, -2 * (0.5 * weights).exp().mean(-1).log())
    assert (elbo >= half).all()
    assert (half >= iwae).all()
    near(wald.ImportanceWeighted(order=1 - 1e-6).per_example(weights), elbo, 1e-4)
    near(wald.ImportanceWeighted().per_example(weights[:, :1]), -weights[:, 0])
    assert wald.ImportanceWeighted()(torch.tensor([0.0, -torch.inf])).item() == pytest.approx(math.log(2))


def test_a_flow_is_scored_by_the_change_of_variables() -> None:
    x = drawn(11, 4)
    scale, shift = 0.3, 1.2  # x = shift + scale z
    z = (x - shift) / scale
    loss = wald.FlowNLL().per_example(z, torch.full((11,), -4 * math.log(scale), dtype=torch.float64))
    law = Normal(*torch.tensor([shift, scale], dtype=torch.float64))
    near(loss, -law.log_prob(x).sum(-1))
    bits = wald.FlowNLL(unit="bits", levels=256).per_example(z, 0 * z[:, 0])
    near(bits, wald.FlowNLL().per_example(z, 0 * z[:, 0]) / (4 * math.log(2)) + 8)


# Noise.


@pytest.mark.parametrize("weighting", ["min_snr", "truncated", "p2", "edm"])
def test_a_weight_is_the_same_whichever_is_predicted(weighting: str) -> None:
    """From x_t a prediction of one kind is one of each other kind; all must cost the same."""
    clean, noise, guess = drawn(3, 8, 5)
    log_snr = torch.linspace(-6, 6, 8, dtype=torch.float64)
    a, s = (log_snr.sigmoid().sqrt().unsqueeze(-1), (-log_snr).sigmoid().sqrt().unsqueeze(-1))
    noised = a * clean + s * noise
    as_clean = (noised - s * guess) / a
    as_velocity = a * guess - s * as_clean

    def cost(predicts: str, x: Tensor, *known: Tensor) -> Tensor:
        return wald.WeightedDenoising(predicts=predicts, weighting=weighting).per_example(x, *known, log_snr)

    wanted = cost("noise", guess, noise)
    near(cost("clean", as_clean, clean), wanted, 1e-9)
    near(cost("velocity", as_velocity, clean, noise), wanted, 1e-9)


def test_weights_are_those_of_the_papers() -> None:
    snr = torch.tensor([0.01, 1.0, 4.0, 100.0], dtype=torch.float64)
    one, nothing = torch.ones(4, 1, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64)

    def weight(predicts: str, weighting: str, **fields: Any) -> Tensor:
        loss = wald.WeightedDenoising(predicts=predicts, weighting=weighting, **fields)
        return loss.per_example(one, *([nothing, nothing] if predicts == "velocity" else [nothing]), snr.log())

    # As diffusers' training script has them: min(snr, 5) over snr, or over snr + 1 for a velocity.
    near(weight("noise", "min_snr"), snr.clamp(max=5) / snr)
    near(weight("velocity", "min_snr"), snr.clamp(max=5) / (snr + 1))
    near(weight("clean", "min_snr"), snr.clamp(max=5))
    near(weight("clean", "truncated"), snr.clamp(min=1))
    near(weight("noise", "p2"), 1 / (1 + snr))
    sigma = snr.rsqrt()
    near(weight("clean", "edm"), (sigma**2 + 0.25) / (sigma * 0.5) ** 2)
    near(weight("clean", "edm", pivot=1 / 0.3**2), (sigma**2 + 0.09) / (sigma * 0.3) ** 2)


def test_no_signal_and_no_noise_have_a_weight() -> None:
    far = torch.tensor([-1e4, 1e4])
    for predicts, known in (("noise", 1), ("velocity", 2)):
        x = torch.ones(2, 3, requires_grad=True)
        value = wald.WeightedDenoising(predicts=predicts)(x, *[torch.zeros(2, 3)] * known, far, reduction="none")
        assert value.tolist() == [1.0 if predicts == "noise" else 0.0, 0.0]
        assert torch.autograd.grad(value.sum(), x)[0].isfinite().all()


def test_plain_denoising_is_a_squared_error() -> None:
    x, clean, noise = drawn(3, 6, 4)
    log_snr = drawn(6, seed=3)
    near(wald.Denoising().per_example(x, noise), (x - noise).square().mean(-1))
    a = log_snr.sigmoid().unsqueeze(-1)
    velocity = a.sqrt() * noise - (1 - a).sqrt() * clean
    agree(
        wald.Denoising(predicts="velocity").per_example,
        lambda x, *_: (x - velocity).square().mean(-1),
        x,
        clean,
        noise,
        log_snr,
    )
    # A score of a network of noise costs values / 2 times as much.
    deviation = log_snr.exp()
    score = -x / deviation.unsqueeze(-1)
    near(
        wald.DenoisingScoreMatching().per_example(score, noise, deviation),
        2 * wald.Denoising().per_example(x, noise),
    )


def test_time_turns_the_velocity() -> None:
    x, data, noise = drawn(3, 6, 4)
    forth, back = wald.FlowMatching(), wald.FlowMatching(time="to_noise")
    near(forth.per_example(x, data, noise), (x - (data - noise)).square().mean(-1))
    near(back.per_example(-x, data, noise), forth.per_example(x, data, noise))
    assert forth(data - noise, data, noise).item() == 0


def test_the_best_score_of_a_normal_is_found_without_noise() -> None:
    """Of all scores -b x, that of the standard normal, b = 1, costs least."""
    x, v = drawn(2, 20_000, 2).unbind()
    for reduced in (False, True):
        costs = [wald.SlicedScoreMatching(reduced_variance=reduced)(-b * x, v, -b * v).item() for b in (0.7, 1.0, 1.3)]
        assert costs[1] == min(costs)


# Critics.


@pytest.mark.parametrize("kind", ["non_saturating", "minimax", "least_squares", "hinge", "wasserstein"])
def test_a_critic_that_cannot_tell_pays_what_the_card_says(kind: str) -> None:
    # Scores that say "one half": 0, or halfway between the targets 0 and 1.
    score = torch.full((3,), 0.5 if kind == "least_squares" else 0.0)
    for loss, inputs in ((wald.GANDiscriminator(kind=kind), (score, score)), (wald.GANGenerator(kind=kind), (score,))):
        assert loss(*inputs).item() == pytest.approx(loss.reference_points()["chance"])


def test_the_length_is_that_of_each_example() -> None:
    """torchgan 0.1 takes one norm over the whole batch: unit gradients of 8 examples cost (√8 - 1)² = 3.34 there."""
    x = drawn(8, 3).requires_grad_()
    direction = F.normalize(drawn(3, seed=1), dim=0)
    (gradient,) = torch.autograd.grad((x @ direction).sum(), x, create_graph=True)
    assert wald.GradientPenalty()(gradient).item() == pytest.approx(0, abs=1e-15)
    assert (gradient.norm(2) - 1).square().item() == pytest.approx((math.sqrt(8) - 1) ** 2)
    with pytest.raises(wald.ShapeError, match=r"gradient \(2, 3, 4\) has 3 axes.*flatten\(1\)"):
        wald.GradientPenalty()(torch.zeros(2, 3, 4))


def test_penalties_of_gradients() -> None:
    g = drawn(9, 4)
    norm = g.norm(dim=-1)
    agree(wald.GradientPenalty().per_example, lambda g: (g.norm(dim=-1) - 1).square(), g)
    agree(wald.GradientPenalty(one_sided=True).per_example, lambda g: (g.norm(dim=-1) - 1).clamp(min=0).square(), g)
    near(wald.GradientPenalty(target=0.0).per_example(g), norm**2)
    near(wald.PathLength().per_example(g, torch.full((9,), 2.0, dtype=torch.float64)), (norm - 2).square())
    nothing = torch.zeros(1, 4, requires_grad=True)
    assert torch.autograd.grad(wald.GradientPenalty()(nothing), nothing)[0].tolist() == [[0.0] * 4]


@pytest.mark.parametrize("kind", ["cross_entropy", "least_squares", "hinge"])
def test_a_relativistic_critic_compares_with_the_average(kind: str) -> None:
    real, fake = drawn(2, 13)
    part = {
        "cross_entropy": lambda x, y: F.binary_cross_entropy_with_logits(x, torch.full_like(x, y), reduction="none"),
        "least_squares": lambda x, y: (x - (2 * y - 1)).square(),
        "hinge": lambda x, y: F.relu(1 - (2 * y - 1) * x),
    }[kind]
    agree(
        wald.RelativisticGAN(kind=kind).per_example,
        lambda r, f: part(r - f.mean(), 1.0) + part(f - r.mean(), 0.0),
        real,
        fake,
    )
    # Only differences count.
    loss = wald.RelativisticGAN(kind=kind)
    near(loss(real + 5, fake + 5), loss(real, fake))
    assert loss(0 * real, 0 * fake).item() == pytest.approx(loss.reference_points()["chance"])


def test_energies_and_anchors() -> None:
    real, fake = drawn(2, 13).abs().unbind()
    near(wald.EnergyGAN(margin=0.7).per_example(real, fake), real + F.relu(0.7 - fake))
    k = 0.4
    near(wald.GANDiscriminator(kind="wasserstein")(k * fake, real), (real - k * fake).mean())
    a, b = drawn(2, 13, seed=5)
    near(wald.LeCam().per_example(real, fake, a, b), (real - b) ** 2 + (fake - a) ** 2)
    near(wald.LeCam(one_sided=True).per_example(real, fake, a, b), F.relu(real - b) ** 2 + F.relu(a - fake) ** 2)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("criterion", "kind"), [("bce", "non_saturating"), ("hinge", "hinge"), ("least_squares",) * 2])
def test_monai_bends_scores_before_the_game(criterion: str, kind: str) -> None:
    """Its sigmoid is part of cross-entropy; tanh before the hinge, and LSGAN without the half, are its own."""
    losses = pytest.importorskip("monai.losses", reason="compares with it")
    there = losses.PatchAdversarialLoss(criterion=criterion, no_activation_leastsq=True)
    real, fake = drawn(2, 17)
    theirs = there(real, True, True) + there(fake, False, True)
    bent = [x.tanh() if kind == "hinge" else x for x in (real, fake)]
    scale = 2 if kind == "least_squares" else 1
    near(scale * wald.GANDiscriminator(kind=kind)(*bent), theirs, 1e-6)


def test_they_are_found_by_the_names_that_people_know() -> None:
    for name, kind in {
        "WGAN-GP": wald.GradientPenalty,
        "R1": wald.GradientPenalty,
        "RaGAN": wald.RelativisticGAN,
        "EBGAN": wald.EnergyGAN,
        "ELBO": wald.GaussianKL,
        "IWAE": wald.ImportanceWeighted,
        "VQ-VAE": wald.VectorQuantisation,
        "rectified flow": wald.FlowMatching,
        "v-prediction": wald.Denoising,
        "DSM": wald.DenoisingScoreMatching,
    }.items():
        assert wald.get(name) is kind
