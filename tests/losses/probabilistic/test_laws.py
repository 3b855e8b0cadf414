"""Likelihoods and closed-form scores of laws, against torch, SciPy, exact arithmetic and each other."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, stats
import torch
from torch import Tensor, distributions

import wald

from .parity import holds

F64 = torch.float64


def spread(rng: torch.Generator, *shape: int, low: float = 0.2, high: float = 4.0) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=rng, dtype=F64)


def surprise(law: Callable[..., distributions.Distribution]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, y: -law(*x.unbind(-1)).log_prob(y)


# Against torch.


def test_generalised_pareto_of_torch_agrees_where_it_runs(rng: torch.Generator) -> None:
    """torch's compares its shape with a zero in single precision, and raises in double: here in single, then."""
    x, y = spread(rng, 31, 2).float(), spread(rng, 31).float()
    theirs = -distributions.GeneralizedPareto(torch.zeros(31), x[:, 0], x[:, 1]).log_prob(y)
    torch.testing.assert_close(wald.GeneralisedParetoNLL(like="torch").per_example(x, y), theirs, rtol=1e-5, atol=1e-6)


def test_beta_of_torch_agrees(rng: torch.Generator) -> None:
    loss = wald.BetaLikelihood(like="torch")
    holds(loss, surprise(distributions.Beta), spread(rng, 41, 2), spread(rng, 41, low=0.01, high=0.99))


@pytest.mark.parametrize("of", ["covariance", "precision"])
@pytest.mark.parametrize("link", ["log", "identity"])
def test_multivariate_normal_of_torch_agrees(of: str, link: str, rng: torch.Generator) -> None:
    mean, target = torch.randn(2, 7, 3, generator=rng, dtype=F64)
    factor = torch.randn(7, 3, 3, generator=rng, dtype=F64) + 4 * torch.eye(3)
    lower = factor.tril(-1) + torch.diag_embed(factor.diagonal(dim1=-2, dim2=-1))
    given = lower.clone()
    if link == "log":
        given.diagonal(dim1=-2, dim2=-1).log_()
    given = given + torch.ones(3, 3).triu(1)  # what is above the diagonal is not read
    law = {"scale_tril": lower} if of == "covariance" else {"precision_matrix": lower @ lower.mT}
    loss = wald.MultivariateGaussianNLL(of=of, link=link)
    holds(loss, lambda m, _, y: -distributions.MultivariateNormal(m, **law).log_prob(y), mean, given, target)


def test_one_feature_is_the_gaussian_likelihood(rng: torch.Generator) -> None:
    mean, log_std, target = torch.randn(3, 9, 1, generator=rng, dtype=F64)
    ours = wald.MultivariateGaussianNLL().per_example(mean, log_std.unsqueeze(-1), target)
    gaussian = wald.GaussianNLL(scale="log_std", full=True)
    torch.testing.assert_close(ours, gaussian.per_example(torch.cat([mean, log_std], -1), target[..., 0]))


# Against SciPy.

SCIPY = [
    (wald.LogisticNLL, lambda x, y: -stats.logistic.logpdf(y, x[..., 0], x[..., 1]), 2),
    (wald.GeneralisedParetoNLL, lambda x, y: -stats.genpareto.logpdf(y, x[..., 1], scale=x[..., 0]), 2),
    (wald.WeibullNLL, lambda x, y: -stats.weibull_min.logpdf(y, x[..., 1], scale=x[..., 0]), 2),
    (wald.StudentTNLL, lambda x, y: -stats.t.logpdf(y, x[..., 2], x[..., 0], x[..., 1]), 3),
]


@pytest.mark.parametrize(("kind", "theirs", "size"), SCIPY, ids=[kind.__name__ for kind, *_ in SCIPY])
def test_scipy_agrees(kind: type[wald.Loss], theirs: Callable[..., object], size: int, rng: torch.Generator) -> None:
    prediction, target = spread(rng, 53, size), spread(rng, 53)
    holds(kind(link="identity"), lambda x, y: theirs(x.detach().numpy(), y.numpy()), prediction, target)


@pytest.mark.parametrize(
    "kind",
    [
        wald.LaplaceNLL,
        wald.LogisticNLL,
        wald.StudentTNLL,
        wald.LogNormalNLL,
        wald.GammaNLL,
        wald.BetaLikelihood,
        wald.WeibullNLL,
        wald.GeneralisedParetoNLL,
        wald.NegativeBinomialNLL,
        wald.MixtureNLL,
        wald.GaussianCRPS,
        wald.LaplaceCRPS,
        wald.LogisticCRPS,
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_log_link_is_the_log_of_what_is_positive(kind: type[wald.Loss], rng: torch.Generator) -> None:
    plain, logs = kind(link="identity"), kind()
    shape = (29, 3, 3) if kind is wald.MixtureNLL else (29, len(kind.positive))
    prediction, target = spread(rng, *shape), spread(rng, 29, low=0.1, high=0.9)
    written = torch.stack(
        [x.log() if name else x for name, x in zip(kind.positive, prediction.unbind(-1), strict=True)], -1
    )
    torch.testing.assert_close(logs.per_example(written, target), plain.per_example(prediction, target))
    bad = prediction.clone()
    bad[(2, *([0] * (prediction.ndim - 2)), -1)] = -1.0
    with pytest.raises(wald.DomainError, match=r"are not positive \(one is -1\).*\(link=.log.\)"):
        plain(bad, target)


# Far out, against exact arithmetic.


@pytest.mark.parametrize("degrees", [1e-6, 0.5, 31.9, 32.1, 1e5, 1e9, 1e15])
def test_many_degrees_and_few_lose_no_digits(degrees: float) -> None:
    x = torch.tensor([[0.3, 0.7, degrees]], dtype=F64)
    with mp.workdps(40):
        v, z = mp.mpf(degrees), mp.mpf(1.5) - mp.mpf(0.3)
        z = z / mp.mpf(0.7)
        exact = mp.log(0.7) + mp.log(mp.pi * v) / 2 + mp.loggamma(v / 2) - mp.loggamma((v + 1) / 2)
        exact += (v + 1) / 2 * mp.log1p(z**2 / v)
    ours = wald.StudentTNLL(link="identity").per_example(x, torch.tensor([1.5], dtype=F64))
    assert ours.item() == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("shape", [1e-9, 0.3, 15.9, 16.1, 1e4, 1e8])
def test_narrow_and_wide_gamma_and_beta_lose_no_digits(shape: float) -> None:
    y = 0.3 + 1e-5
    with mp.workdps(40):
        k, r, t = mp.mpf(shape), mp.mpf(shape) / mp.mpf(0.3), mp.mpf(y)
        gamma = mp.loggamma(k) - k * mp.log(mp.mpf(float(r))) - (k - 1) * mp.log(t) + mp.mpf(float(r)) * t
        a, b = k, mp.mpf(shape * 7 / 3)
        beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b) - (a - 1) * mp.log(t) - (b - 1) * mp.log1p(-t)
    target = torch.tensor([y], dtype=F64)
    one = torch.tensor([[shape, float(r)]], dtype=F64)
    two = torch.tensor([[shape, shape * 7 / 3]], dtype=F64)
    assert wald.GammaNLL(link="identity").per_example(one, target).item() == pytest.approx(float(gamma), rel=1e-9)
    assert wald.BetaLikelihood(link="identity").per_example(two, target).item() == pytest.approx(float(beta), rel=1e-8)


def test_single_precision_is_as_good_where_lgamma_would_cancel() -> None:
    x = torch.tensor([[0.0, 0.0, 16.0]])  # e^16 degrees: lgamma is 7e7 there
    assert wald.StudentTNLL()(x, torch.tensor([1.0])).item() == pytest.approx(1.418938, rel=1e-5)
    counts = torch.tensor([[1.0, -16.0]])
    poisson = wald.Poisson(full=True)(torch.tensor([1.0]), torch.tensor([3.0])).item()
    assert wald.NegativeBinomialNLL()(counts, torch.tensor([3.0])).item() == pytest.approx(poisson, rel=1e-5)


# One law is another.


def test_limits_and_special_cases(rng: torch.Generator) -> None:
    target, m, s = spread(rng, 17), torch.randn(17, generator=rng, dtype=F64), torch.randn(17, generator=rng, dtype=F64)
    zero, pair = torch.zeros_like(m), torch.stack([m, s], -1)
    same = torch.testing.assert_close
    gaussian = wald.GaussianNLL(scale="log_std", full=True).per_example(pair, target)
    same(wald.StudentTNLL().per_example(torch.stack([m, s, zero + 60], -1), target), gaussian)
    same(wald.LogNormalNLL().per_example(pair, target.exp()), target + gaussian)
    exponential = target * (-s).exp() + s
    same(wald.WeibullNLL().per_example(torch.stack([s, zero], -1), target), exponential)
    same(wald.GammaNLL().per_example(torch.stack([zero, -s], -1), target), exponential)
    same(wald.GeneralisedParetoNLL().per_example(torch.stack([s, zero - 60], -1), target), exponential)
    one = torch.stack([zero, m, s], -1).unsqueeze(-2)
    same(wald.MixtureNLL().per_example(one, target), gaussian)
    same(wald.MixtureNLL().per_example(one.expand(-1, 4, -1), target), gaussian)
    crps = wald.GaussianCRPS().per_example(pair, target)
    plain = torch.stack([zero, m, s.exp()], -1).unsqueeze(-2)
    same(wald.MixtureCRPS().per_example(plain, target), crps)
    same(wald.MixtureCRPS().per_example(plain.expand(-1, 4, -1), target), crps)
    count = torch.arange(17, dtype=F64) % 4
    poisson = wald.Poisson(full=True).per_example(m, count)
    same(wald.NegativeBinomialNLL().per_example(torch.stack([m, zero - 60], -1), count), poisson)
    fixed = wald.NegativeBinomial(dispersion=0.5, full=True).per_example(m, count)
    same(wald.NegativeBinomialNLL().per_example(torch.stack([m, zero + np.log(0.5)], -1), count), fixed)


def test_least_degrees_are_added(rng: torch.Generator) -> None:
    x, y = torch.randn(9, 3, generator=rng, dtype=F64), torch.randn(9, generator=rng, dtype=F64)
    more = torch.cat([x[:, :2], (x[:, 2:].exp() + 2).log()], -1)
    torch.testing.assert_close(
        wald.StudentTNLL(least_degrees=2).per_example(x, y), wald.StudentTNLL().per_example(more, y)
    )


# Closed scores are the integral that they close.

LAWS = [
    (wald.GaussianCRPS, stats.norm(0.4, 0.7), (0.4, 0.7)),
    (wald.LaplaceCRPS, stats.laplace(0.4, 0.7), (0.4, 0.7)),
    (wald.LogisticCRPS, stats.logistic(0.4, 0.7), (0.4, 0.7)),
    (wald.LogNormalCRPS, stats.lognorm(0.7, scale=np.exp(0.4)), (0.4, 0.7)),
]


@pytest.mark.parametrize(("kind", "law", "given"), LAWS, ids=[kind.__name__ for kind, *_ in LAWS])
@pytest.mark.parametrize("target", [0.5, 3.0])
def test_a_closed_score_is_its_integral(kind: type[wald.Loss], law: object, given: tuple, target: float) -> None:
    below = integrate.quad(lambda x: law.cdf(x) ** 2, -60, target, points=[0, 0.4], limit=200)[0]
    above = integrate.quad(lambda x: law.sf(x) ** 2, target, 200, points=[5, 20], limit=200)[0]
    loss = kind() if kind is wald.LogNormalCRPS else kind(link="identity")
    ours = loss.per_example(torch.tensor([given], dtype=F64), torch.tensor([target], dtype=F64))
    assert ours.item() == pytest.approx(below + above, rel=1e-7)


@pytest.mark.parametrize("kind", [wald.GaussianCRPS, wald.LaplaceCRPS, wald.LogisticCRPS])
def test_a_score_without_spread_is_the_absolute_error(kind: type[wald.Loss]) -> None:
    x = torch.tensor([[1.0, -1e4], [3.0, -1e4]], requires_grad=True)
    value = kind().per_example(x, torch.tensor([3.0, 3.0]))
    assert value.tolist() == [2.0, 0.0]
    value.sum().backward()
    assert x.grad is not None
    assert x.grad[:, 0].tolist() == [-1.0, 0.0]


# Zeros.


def test_counts_with_too_many_zeros_are_probabilities(rng: torch.Generator) -> None:
    count = torch.arange(400, dtype=F64)
    for loss, size in (
        (wald.ZeroInflatedPoisson(), 2),
        (wald.ZeroInflatedNegativeBinomial(), 3),
        (wald.NegativeBinomialNLL(), 2),
    ):
        x = torch.randn(size, generator=rng, dtype=F64).expand(400, size)
        assert (-loss.per_example(x, count)).exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_inflated_counts_against_scipy(rng: torch.Generator) -> None:
    x, y = torch.randn(40, 3, generator=rng, dtype=F64), torch.arange(40, dtype=F64) % 4

    def zip_(z: Tensor, y: Tensor) -> np.ndarray:
        gate, m = torch.sigmoid(z[:, 0]).detach().numpy(), z[:, 1].exp().detach().numpy()
        return -np.log(gate * (y.numpy() == 0) + (1 - gate) * stats.poisson.pmf(y, m))

    def zinb(z: Tensor, y: Tensor) -> np.ndarray:
        gate, m, a = torch.sigmoid(z[:, 0]).detach().numpy(), *z[:, 1:].exp().detach().numpy().T
        return -np.log(gate * (y.numpy() == 0) + (1 - gate) * stats.nbinom.pmf(y, 1 / a, 1 / (1 + a * m)))

    holds(wald.ZeroInflatedPoisson(), zip_, x[:, :2], y)
    holds(wald.ZeroInflatedNegativeBinomial(), zinb, x, y)


@pytest.mark.parametrize("loss", [wald.ZeroInflatedPoisson(), wald.ZeroInflatedNegativeBinomial()])
@pytest.mark.parametrize("far", [-1e4, -200.0, 200.0, 1e4])
def test_zeros_have_finite_gradients_wherever_they_cost_a_number(loss: wald.Loss, far: float) -> None:
    size = loss.card.inputs["prediction"].size
    rows = torch.full((size, size), 0.3) + torch.diag(torch.full((size,), far))
    for count in (0.0, 2.0):
        x = rows.clone().requires_grad_()
        value = loss.per_example(x, torch.full((size,), count))
        value.nan_to_num(posinf=0).sum().backward()
        assert not value.isnan().any()
        assert x.grad is not None
        assert x.grad[value.isfinite()].isfinite().all(), (count, value, x.grad)


# Mixtures.


def test_a_mixture_is_scipys(rng: torch.Generator) -> None:
    x = torch.randn(31, 4, 3, generator=rng, dtype=F64)
    y = torch.randn(31, generator=rng, dtype=F64)

    def theirs(z: Tensor, y: Tensor) -> np.ndarray:
        w, m, s = (a.detach().numpy() for a in (z[..., 0].softmax(-1), z[..., 1], z[..., 2].exp()))
        return -np.log((w * stats.norm.pdf(y.numpy()[:, None], m, s)).sum(-1))

    holds(wald.MixtureNLL(), theirs, x, y)


def test_a_component_far_off_has_no_gradient_and_no_nan() -> None:
    x = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 5.0, -100.0]]], requires_grad=True)
    value = wald.MixtureNLL()(x, torch.tensor([0.5]))
    value.backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad[0, 1, 1:].tolist() == [0.0, 0.0]
    assert value.item() == pytest.approx(0.9189385 + 0.125 + np.log(2), rel=1e-6)


# Histograms.


def test_binned_density_adds_up_to_one(rng: torch.Generator) -> None:
    edges = (-2.0, -1.5, 0.0, 0.2, 3.0)
    logits = torch.randn(4, generator=rng, dtype=F64).expand(50_000, 4)
    grid = torch.linspace(-2, 3, 50_001, dtype=F64)[:-1] + 5e-5
    density = (-wald.BinnedNLL(edges=edges).per_example(logits, grid)).exp()
    assert density.mean().item() * 5 == pytest.approx(1, abs=1e-6)


def test_bins_are_half_open_and_the_outer_ones_take_the_rest() -> None:
    loss, logits = wald.BinnedNLL(edges=(0.0, 1.0, 2.0, 3.0)), torch.tensor([[0.0, 1.0, 2.0]])
    surprise = -logits.log_softmax(-1)[0]
    target = torch.tensor([-9.0, 0.0, 1.0, 1.99, 2.0, 99.0])
    assert torch.equal(loss.per_example(logits.expand(6, 3), target), surprise[[0, 0, 1, 1, 2, 2]])


def test_two_hot_labels_have_the_target_as_their_mean(rng: torch.Generator) -> None:
    loss, atoms = wald.TwoHot(low=-2, high=4), torch.linspace(-2, 4, 7, dtype=F64)
    target = -2 + 6 * torch.rand(20, generator=rng, dtype=F64)
    logits = torch.zeros(20, 7, dtype=F64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.per_example(logits, target).sum(), logits)
    labels = 1 / 7 - slope.detach()
    torch.testing.assert_close((labels * atoms).sum(-1), target)
    assert ((labels > 1e-9).sum(-1) <= 2).all()
    assert loss.per_example(logits.detach(), torch.full((20,), 1e9, dtype=F64))[0].item() == pytest.approx(np.log(7))


def test_hl_gauss_is_the_code_of_its_paper(rng: torch.Generator) -> None:
    low, high, bins, sigma = -1.0, 3.0, 8, 0.75 * 4 / 8
    support = torch.linspace(low, high, bins + 1, dtype=F64)
    target = -1 + 4 * torch.rand(15, generator=rng, dtype=F64)

    def theirs(logits: Tensor, y: Tensor) -> Tensor:
        cdf = torch.special.erf((support - y.unsqueeze(-1)) / (2**0.5 * sigma))
        share = (cdf[:, 1:] - cdf[:, :-1]) / (cdf[:, -1:] - cdf[:, :1])
        return torch.nn.functional.cross_entropy(logits, share, reduction="none")

    holds(wald.HLGauss(low=low, high=high), theirs, torch.randn(15, bins, generator=rng, dtype=F64), target)


# Uncertainty.


def test_evidential_is_the_likelihood_of_its_paper(rng: torch.Generator) -> None:
    x, y = spread(rng, 23, 4), torch.randn(23, generator=rng, dtype=F64)

    def theirs(z: Tensor, y: Tensor) -> Tensor:
        g, v, a, b = z.unbind(-1)
        w = 2 * b * (1 + v)
        likelihood = 0.5 * (torch.pi / v).log() - a * w.log() + (a + 0.5) * (v * (y - g) ** 2 + w).log()
        return likelihood + torch.lgamma(a) - torch.lgamma(a + 0.5) + 0.3 * (y - g).abs() * (2 * v + a)

    holds(wald.Evidential(link="identity", coefficient=0.3), theirs, x, y)
    logs = torch.stack([x[:, 0], x[:, 1].log(), x[:, 2].log(), x[:, 3].log()], -1)
    above_one = torch.stack([x[:, 0], x[:, 1], 1 + x[:, 2], x[:, 3]], -1)
    torch.testing.assert_close(
        wald.Evidential().per_example(logs, y), wald.Evidential(link="identity").per_example(above_one, y)
    )


def test_beta_nll_has_the_gradients_of_its_paper(rng: torch.Generator) -> None:
    x, y = torch.randn(11, 2, generator=rng, dtype=F64).requires_grad_(), torch.randn(11, generator=rng, dtype=F64)
    variance = x[:, 1].exp()

    def slope(loss: wald.Loss, *more: Tensor) -> Tensor:
        return torch.autograd.grad(loss.per_example(x, y, *more).sum(), x)[0]

    plain = slope(wald.GaussianNLL())
    for beta in (0.0, 0.5, 1.0):
        ours = slope(wald.BetaNLL(beta=beta), variance.detach())
        torch.testing.assert_close(ours, variance.detach().unsqueeze(-1) ** beta * plain)
    torch.testing.assert_close(slope(wald.BetaNLL(beta=1), variance.detach())[:, 0], (x[:, 0] - y).detach())


# What is refused.


def test_wrong_input_is_told() -> None:
    with pytest.raises(wald.DomainError, match="target contains 1 "):
        wald.BetaLikelihood()(torch.zeros(2, 2), torch.tensor([0.5, 1.0]))
    with pytest.raises(ValueError, match=r"must rise, each once. Use edges=\(0.0, 1.0\)"):
        wald.BinnedNLL(edges=(1.0, 0.0))
    with pytest.raises(ValueError, match="2 edges"):
        wald.BinnedNLL(edges=(1.0,))
    with pytest.raises(ValueError, match=r"use TwoHot\(low=0, high=1\)"):
        wald.TwoHot(low=1, high=0)
    with pytest.raises(wald.ShapeError, match="has 1 atoms"):
        wald.TwoHot(low=0, high=1)(torch.zeros(3, 1), torch.zeros(3))
    with pytest.raises(wald.DomainError, match="entries of the diagonal of factor are not positive"):
        wald.MultivariateGaussianNLL(link="identity")(torch.zeros(1, 2), torch.zeros(1, 2, 2), torch.zeros(1, 2))
