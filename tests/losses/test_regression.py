"""The regression losses against other people's code, against exact arithmetic, and against what their cards say."""

from __future__ import annotations

from collections.abc import Callable
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics
from sklearn._loss import loss as sklearn_loss
import torch
from torch import Tensor
from torch.func import grad, jvp, vmap
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.subjects.draw import draw, variants

KINDS = [
    wald.Absolute,
    wald.Expectile,
    wald.GaussianNLL,
    wald.Huber,
    wald.LogCosh,
    wald.Percentage,
    wald.Pinball,
    wald.Poisson,
    wald.PseudoHuber,
    wald.Squared,
    wald.SquaredLog,
]
CASES = [loss for kind in KINDS for loss in variants(kind)]
#: Of one number against one number, in the same unit.
PLAIN = [loss for loss in CASES if not any(domain.axes for _, domain in loss.named_domains)]
#: Quadratic near the target with curvature 1, straight far from it.
ROBUST = [wald.Huber(delta=0.7), wald.PseudoHuber(delta=0.7), wald.LogCosh(scale=0.7)]

Oracle = Callable[[Tensor, Tensor], Tensor]


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def value_and_slope(loss: Oracle, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    prediction = leaf(prediction)
    value = loss(prediction, target)
    (slope,) = torch.autograd.grad(value.sum(), prediction)
    return value.detach(), slope


def same(a: Tensor, b: Tensor, relative: float = 1e-12) -> None:
    torch.testing.assert_close(a, b, rtol=relative, atol=1e-14, equal_nan=True)


def exactly(function: Callable[..., mp.mpf], *inputs: Tensor) -> Tensor:
    """Exact values of `function` at these numbers, rounded once."""
    with mp.workdps(90):  # 1 + r² holds the digits of both for r of 1e-30
        rows = [[mp.mpf(float(x)) for x in row] for row in zip(*(x.tolist() for x in inputs), strict=True)]
        return torch.tensor([float(function(*row)) for row in rows], dtype=torch.float64)


# What other people's code says of value and gradient.

TORCH: list[tuple[wald.Loss, Oracle]] = [
    (wald.Squared(), lambda p, y: F.mse_loss(p, y, reduction="none")),
    (wald.Absolute(), lambda p, y: F.l1_loss(p, y, reduction="none")),
    (wald.Huber(delta=0.7), lambda p, y: F.huber_loss(p, y, reduction="none", delta=0.7)),
    (wald.Huber(delta=0.7), lambda p, y: 0.7 * F.smooth_l1_loss(p, y, reduction="none", beta=0.7)),
    (wald.Expectile(), lambda p, y: 0.5 * F.mse_loss(p, y, reduction="none")),
    (wald.Pinball(), lambda p, y: 0.5 * F.l1_loss(p, y, reduction="none")),
    (wald.Poisson(), lambda p, y: F.poisson_nll_loss(p, y, reduction="none")),
    (wald.Poisson(log_input=False), lambda p, y: F.poisson_nll_loss(p, y, log_input=False, eps=0, reduction="none")),
    (
        wald.GaussianNLL(scale="variance"),
        lambda p, y: F.gaussian_nll_loss(p[..., 0], y, p[..., 1], reduction="none"),
    ),
    (
        wald.GaussianNLL(scale="variance", full=True),
        lambda p, y: F.gaussian_nll_loss(p[..., 0], y, p[..., 1], full=True, reduction="none"),
    ),
    (
        wald.GaussianNLL(),
        lambda p, y: F.gaussian_nll_loss(p[..., 0], y, p[..., 1].exp(), reduction="none"),
    ),
    (
        wald.GaussianNLL(scale="log_std", full=True),
        lambda p, y: -torch.distributions.Normal(p[..., 0], p[..., 1].exp()).log_prob(y),
    ),
]


@pytest.mark.parametrize(("loss", "oracle"), TORCH, ids=[f"{loss}-{i}" for i, (loss, _) in enumerate(TORCH)])
def test_torch_agrees(loss: wald.Loss, oracle: Oracle, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 200, rng)
    ours, our_slope = value_and_slope(loss.per_example, prediction, target)
    theirs, their_slope = value_and_slope(oracle, prediction, target)
    same(ours, theirs)
    same(our_slope, their_slope)


SKLEARN = [
    (wald.Squared(), sklearn_loss.HalfSquaredError(), 2.0),
    (wald.Absolute(), sklearn_loss.AbsoluteError(), 1.0),
    (wald.Pinball(level=0.8), sklearn_loss.PinballLoss(quantile=0.8), 1.0),
    (wald.Huber(delta=0.7), sklearn_loss.HuberLoss(delta=0.7), 1.0),
    (wald.Poisson(), sklearn_loss.HalfPoissonLoss(), 1.0),
]


@pytest.mark.parametrize(("loss", "oracle", "factor"), SKLEARN, ids=lambda x: repr(x)[:40])
def test_scikit_learn_agrees(loss: wald.Loss, oracle: object, factor: float, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 200, rng)
    value, slope = value_and_slope(loss.per_example, prediction, target)
    theirs = oracle.loss(target.numpy(), prediction.numpy())
    same(value, factor * torch.from_numpy(theirs))
    same(slope, factor * torch.from_numpy(oracle.gradient(target.numpy(), prediction.numpy())))


METRICS = [
    (wald.Squared(), metrics.mean_squared_error),
    (wald.Absolute(), metrics.mean_absolute_error),
    (wald.Percentage(), metrics.mean_absolute_percentage_error),
    (wald.SquaredLog(), metrics.mean_squared_log_error),
    (wald.Pinball(level=0.2), lambda y, p, **kw: metrics.mean_pinball_loss(y, p, alpha=0.2, **kw)),
]


@pytest.mark.parametrize(("loss", "metric"), METRICS, ids=[repr(loss) for loss, _ in METRICS])
def test_weighted_means_are_those_of_scikit_learn(
    loss: wald.Loss, metric: Callable[..., float], rng: torch.Generator
) -> None:
    prediction, target, weight = 0.1 + torch.rand(3, 50, generator=rng, dtype=torch.float64)
    wanted = metric(target.numpy(), prediction.numpy(), sample_weight=weight.numpy())
    assert loss(prediction, target, weight=weight).item() == pytest.approx(wanted, rel=1e-12)


BY_HAND: list[tuple[wald.Loss, Oracle, Oracle]] = [
    (
        wald.Expectile(level=0.75),
        lambda p, y: (0.75 - (y < p).double()).abs() * (y - p) ** 2,
        lambda p, y: 2 * (0.75 - (y < p).double()).abs() * (p - y),
    ),
    (wald.Percentage(), lambda p, y: (p / y - 1).abs(), lambda p, y: (p - y).sign() / y),
    (
        wald.SquaredLog(),
        lambda p, y: ((1 + p) / (1 + y)).log() ** 2,
        lambda p, y: 2 * ((1 + p) / (1 + y)).log() / (1 + p),
    ),
    (
        wald.Pinball(level=(0.1, 0.5, 0.9)),
        lambda p, y: sum((q - (y < p[:, k]).double()) * (y - p[:, k]) for k, q in enumerate((0.1, 0.5, 0.9))) / 3,
        lambda p, y: ((y[:, None] < p).double() - torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)) / 3,
    ),
]


@pytest.mark.parametrize(("loss", "value", "slope"), BY_HAND, ids=[repr(loss) for loss, *_ in BY_HAND])
def test_value_and_slope_by_hand(loss: wald.Loss, value: Oracle, slope: Oracle, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 200, rng)
    ours, our_slope = value_and_slope(loss.per_example, prediction, target)
    torch.testing.assert_close(ours, value(prediction, target), rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(our_slope, slope(prediction, target), rtol=1e-11, atol=1e-13)


def test_scipy_agrees(rng: torch.Generator) -> None:
    residual = 3 * torch.randn(200, generator=rng, dtype=torch.float64)
    nothing = torch.zeros_like(residual)
    for ours, theirs in ((wald.Huber, special.huber), (wald.PseudoHuber, special.pseudo_huber)):
        value = ours(delta=0.7).per_example(residual, nothing)
        same(value, torch.from_numpy(theirs(0.7, residual.numpy())), 1e-11)


def test_the_full_poisson_and_gaussian_values_are_likelihoods(rng: torch.Generator) -> None:
    count = torch.tensor([0.0, 1.0, 2.0, 7.0, 300.0], dtype=torch.float64)
    rate = torch.tensor([0.2, 1.0, 5.0, 6.0, 250.0], dtype=torch.float64)
    wanted = torch.from_numpy(-stats.poisson.logpmf(count.numpy(), rate.numpy()))
    same(wald.Poisson(full=True).per_example(rate.log(), count), wanted)
    same(wald.Poisson(log_input=False, full=True).per_example(rate, count), wanted)
    mean, spread = torch.randn(2, 5, generator=rng, dtype=torch.float64)
    wanted = torch.from_numpy(-stats.norm.logpdf(count.numpy(), mean.numpy(), spread.exp().numpy()))
    same(wald.GaussianNLL(scale="log_std", full=True).per_example(torch.stack([mean, spread], -1), count), wanted)


def test_poisson_deviance_is_twice_the_excess(rng: torch.Generator) -> None:
    rate, target = 0.1 + torch.rand(2, 50, generator=rng, dtype=torch.float64)
    loss = wald.Poisson(log_input=False)
    wanted = metrics.mean_poisson_deviance(target.numpy(), rate.numpy())
    assert 2 * (loss(rate, target) - loss(target, target)).item() == pytest.approx(wanted, rel=1e-11)


def test_torch_approximates_the_constant_that_is_exact_here() -> None:
    log_rate, two = torch.zeros(1), torch.full((1,), 2.0)
    gap = wald.Poisson(full=True)(log_rate, two) - F.poisson_nll_loss(log_rate, two, full=True)
    assert gap.item() == pytest.approx(0.0413, abs=1e-4)
    assert wald.which(wald.Poisson(full=True), log_rate, two).startswith("definition")


# What exact arithmetic says, from the smallest errors to the largest.

EXTREMES = [10.0**k for k in (-30, -20, -12, -8, -5, -3, -1, 0, 0.3, 1, 2, 5, 12, 20, 30)]
EXACT: list[tuple[wald.Loss, Callable[[mp.mpf], mp.mpf], Callable[[mp.mpf], mp.mpf]]] = [
    (wald.Absolute(), abs, mp.sign),
    (
        wald.Huber(delta=0.5),
        lambda r: r**2 / 2 if abs(r) <= 0.5 else abs(r) / 2 - mp.mpf(1) / 8,
        lambda r: r if abs(r) <= 0.5 else mp.sign(r) / 2,
    ),
    (
        wald.PseudoHuber(delta=0.5),
        lambda r: (mp.sqrt(1 + (2 * r) ** 2) - 1) / 4,
        lambda r: r / mp.sqrt(1 + (2 * r) ** 2),
    ),
    (
        wald.LogCosh(scale=0.5),
        lambda r: (abs(2 * r) + mp.log1p(mp.exp(-abs(4 * r))) - mp.log(2)) / 4,
        lambda r: mp.tanh(2 * r) / 2,
    ),
    (
        wald.Pinball(level=0.875),
        lambda r: -r * 0.875 if r < 0 else r * 0.125,
        lambda r: mp.mpf(-0.875 if r < 0 else 0.125),
    ),
]


@pytest.mark.parametrize(("loss", "value", "slope"), EXACT, ids=[repr(loss) for loss, *_ in EXACT])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_no_digits_are_lost_at_either_end(
    loss: wald.Loss, value: Callable[[mp.mpf], mp.mpf], slope: Callable[[mp.mpf], mp.mpf], dtype: torch.dtype
) -> None:
    residual = torch.tensor([sign * x for x in EXTREMES for sign in (1, -1)], dtype=dtype)
    ours, our_slope = value_and_slope(loss.per_example, residual, torch.zeros_like(residual))
    digits = 8 * torch.finfo(dtype).eps
    tiny = torch.finfo(dtype).tiny
    torch.testing.assert_close(ours.double(), exactly(value, residual), rtol=digits, atol=tiny)
    torch.testing.assert_close(our_slope.double(), exactly(slope, residual), rtol=digits, atol=tiny)


def test_exact_values_see_what_the_naive_log_cosh_loses() -> None:
    r = torch.tensor([1e-8], dtype=torch.float64)
    naive = r.abs() + F.softplus(-2 * r.abs()) - math.log(2)
    wanted = exactly(lambda x: mp.log(mp.cosh(x)), r)
    assert (naive / wanted - 1).abs().item() > 0.1
    same(wald.LogCosh().per_example(r, torch.zeros_like(r)), wanted)


@pytest.mark.parametrize("loss", ROBUST, ids=repr)
def test_curvature_is_exact_on_the_target_and_around_it(loss: wald.Loss) -> None:
    residual = torch.tensor([0.0, 1e-9, -0.01, 0.3], dtype=torch.float64)
    _, hessian = wald.gradient_and_hessian(loss, residual, torch.zeros_like(residual))
    wanted = {
        wald.Huber: lambda r: mp.mpf(1),
        wald.PseudoHuber: lambda r: (1 + (r / mp.mpf(0.7)) ** 2) ** mp.mpf(-1.5),
        wald.LogCosh: lambda r: mp.sech(r / mp.mpf(0.7)) ** 2,
    }[type(loss)]
    same(hessian, exactly(wanted, residual))


def test_curvature_is_never_negative_where_the_loss_is_convex(rng: torch.Generator) -> None:
    residual = torch.cat([torch.linspace(-40, 40, 801), torch.tensor([-1e4, 1e4, 1e8])])
    for loss in (*ROBUST, wald.Squared(), wald.Expectile(level=0.9)):
        _, hessian = wald.gradient_and_hessian(loss, residual, torch.zeros_like(residual))
        # In float32 what is tiny may round below 0, never by more than the last digit of 1.
        assert hessian.min() >= -2e-7, loss
        assert hessian[400] > 0, loss


def test_half_precision_survives_a_residual_of_300() -> None:
    p, y = torch.tensor([300.0], dtype=torch.float16), torch.zeros(1, dtype=torch.float16)
    assert ((p - y) ** 2).isinf()
    assert wald.Squared()(p, y).item() == 90_000
    for loss in (*ROBUST, wald.Expectile(level=0.9), wald.Absolute()):
        value, slope = value_and_slope(loss, p, y)
        assert value.dtype == torch.float32
        assert value.isfinite()
        assert slope.isfinite().all()


# What the cards say.


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_the_formula_on_the_card_is_the_loss(loss: wald.Loss, rng: torch.Generator) -> None:
    defaults = type(loss)()
    names = loss.card.formula.names
    for name in loss.to_dict().keys() - {"loss"} - names:
        # A formula speaks for the fields that it names, and for each choice that picks another formula.
        if getattr(loss, name) != getattr(defaults, name) and str(loss.card.formula) == str(defaults.card.formula):
            pytest.skip(f"the formula leaves {name} at its default")
    inputs = draw(loss, 50, rng)
    value = loss.per_example(*inputs)
    fields = {name: getattr(loss, name) for name in loss.to_dict() if name != "loss"}
    wanted = [
        loss.card.formula(prediction=p, target=y, **fields) for p, y in zip(*(x.tolist() for x in inputs), strict=True)
    ]
    same(value, torch.tensor(wanted, dtype=torch.float64), 1e-9)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_card_is_complete(kind: type[wald.Loss]) -> None:
    card = kind().card
    assert card.task == "regression"
    for said in (card.elicits, card.when, card.when_not, card.aliases, card.tags, card.cite):
        assert said
    assert card.convex is not None
    assert card.slope in {"bounded", "linear", "exponential", "vanishing"}


@pytest.mark.parametrize("loss", PLAIN, ids=repr)
def test_convexity_is_as_claimed(loss: wald.Loss, rng: torch.Generator) -> None:
    a, y = draw(loss, 4000, rng)
    b, _ = draw(loss, 4000, rng)
    chord = (loss.per_example(a, y) + loss.per_example(b, y)) / 2
    sags = (loss.per_example((a + b) / 2, y) <= chord + 1e-12).all().item()
    assert sags == loss.card.convex


@pytest.mark.parametrize("scale", ["log_variance", "variance", "log_std"])
def test_gaussian_likelihood_is_not_convex(scale: str, rng: torch.Generator) -> None:
    loss = wald.GaussianNLL(scale=scale)
    assert loss.card.convex is False
    a, y = draw(loss, 4000, rng)
    b, _ = draw(loss, 4000, rng)
    chord = (loss.per_example(a, y) + loss.per_example(b, y)) / 2
    assert (loss.per_example((a + b) / 2, y) > chord + 1e-6).any()


@pytest.mark.parametrize("loss", PLAIN, ids=repr)
def test_a_perfect_prediction_is_as_good_as_claimed(loss: wald.Loss, rng: torch.Generator) -> None:
    other, target = draw(loss, 2000, rng)
    if isinstance(loss, wald.Poisson):
        target = target.clamp(min=0.1)  # a rate of 0 is the border of its domain
    best = (loss.per_example(target, target) <= loss.per_example(other, target) + 1e-12).all().item()
    assert best == bool(loss.card.perfect_is_minimal)


@pytest.mark.parametrize("loss", PLAIN, ids=repr)
def test_the_slope_grows_as_claimed(loss: wald.Loss) -> None:
    far = torch.tensor([50.0, 500.0], dtype=torch.float64)
    _, (near, wide) = value_and_slope(loss.per_example, far, torch.ones(2, dtype=torch.float64))
    growth = (wide / near).item()
    said = {"bounded": 0.9 < growth < 1.1, "linear": 9 < growth < 11, "exponential": growth > 1e10}
    assert (said | {"vanishing": growth < 0.5})[loss.card.slope]


def test_the_slope_of_the_gaussian_likelihood_is_linear_in_the_error() -> None:
    prediction = torch.tensor([[50.0, 0.0], [500.0, 0.0]], dtype=torch.float64)
    _, slope = value_and_slope(wald.GaussianNLL().per_example, prediction, torch.zeros(2, dtype=torch.float64))
    assert (slope[1, 0] / slope[0, 0]).item() == pytest.approx(10)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MSELoss", wald.Squared),
        ("mean_squared_error", wald.Squared),
        ("reg:squarederror", wald.Squared),
        ("l2", wald.Squared),
        ("rmse", wald.RootMeanSquared),
        ("L1Loss", wald.Absolute),
        ("MAE", wald.Absolute),
        ("reg:absoluteerror", wald.Absolute),
        ("regression_l1", wald.Absolute),
        ("HuberLoss", wald.Huber),
        ("SmoothL1Loss", wald.SmoothL1),
        ("reg:pseudohubererror", wald.PseudoHuber),
        ("charbonnier", wald.Charbonnier),
        ("log_cosh", wald.LogCosh),
        ("QuantileLoss", wald.Pinball),
        ("PinballLoss", wald.Pinball),
        ("quantile", wald.Pinball),
        ("MultiQuantile", wald.Pinball),
        ("reg:quantileerror", wald.Pinball),
        ("mean_pinball_loss", wald.Pinball),
        ("check loss", wald.Pinball),
        ("reg:expectileerror", wald.Expectile),
        ("MAPE", wald.Percentage),
        ("MeanAbsolutePercentageError", wald.Percentage),
        ("MSLE", wald.SquaredLog),
        ("MeanSquaredLogarithmicError", wald.SquaredLog),
        ("reg:squaredlogerror", wald.SquaredLog),
        ("PoissonNLLLoss", wald.Poisson),
        ("count:poisson", wald.Poisson),
        ("GaussianNLLLoss", wald.GaussianNLL),
        ("RMSEWithUncertainty", wald.GaussianNLL),
    ],
)
def test_it_is_found_by_the_name_that_people_know(name: str, kind: type[wald.Loss]) -> None:
    assert wald.get(name) is kind


# What the minimiser is: the best constant for a skewed sample.

SAMPLE = torch.from_numpy(np.random.default_rng(7).lognormal(0, 1, 999))


def weighted_median(y: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(y)
    share = np.cumsum(weight[order]) / weight.sum()
    return float(y[order][np.searchsorted(share, 0.5)])


def best_among_targets(loss: wald.Loss) -> float:
    """The best constant of a loss with kinks at the targets, which is itself a target."""
    grid = SAMPLE.expand(len(SAMPLE), -1)
    return SAMPLE[loss.per_example(grid.T, grid).mean(-1).argmin()].item()


def stationary(loss: wald.Loss, low: float, high: float) -> float:
    """The constant at which a smooth loss has no slope, by halving."""
    slope = grad(lambda c: loss.per_example(c.expand_as(SAMPLE), SAMPLE).mean())
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(torch.tensor(middle, dtype=torch.float64)) < 0 else (low, middle)
    return (low + high) / 2


def test_kinked_losses_have_the_minimisers_that_they_claim() -> None:
    y = SAMPLE.numpy()
    wanted = {
        wald.Absolute(): ("median", float(np.median(y))),
        wald.Pinball(): ("median", float(np.median(y))),
        wald.Pinball(level=0.9): ("quantile(0.9)", float(np.quantile(y, 0.9, method="inverted_cdf"))),
        wald.Pinball(level=0.123): ("quantile(0.123)", float(np.quantile(y, 0.123, method="inverted_cdf"))),
        wald.Percentage(): ("weighted median(y^-1)", weighted_median(y, 1 / y)),
        wald.Percentage(zero="floor"): (
            "weighted median(max(y, 1)^-1)",
            weighted_median(y, 1 / np.maximum(y, 1)),
        ),
    }
    for loss, (words, number) in wanted.items():
        assert loss.card.elicits == words
        assert best_among_targets(loss) == number, loss
    # As the documentation says: far too low.
    assert best_among_targets(wald.Percentage()) == pytest.approx(0.37, abs=0.05)


def test_smooth_losses_have_the_minimisers_that_they_claim() -> None:
    y = SAMPLE.numpy()
    mean = float(y.mean())
    wanted = {
        wald.Squared(): ("mean", mean),
        wald.Expectile(): ("mean", mean),
        wald.Expectile(level=0.75): ("expectile(0.75)", float(stats.expectile(y, 0.75))),
        wald.SquaredLog(): ("mean through log1p", float(np.expm1(np.log1p(y).mean()))),
        wald.Poisson(): ("mean through log", math.log(mean)),
        wald.Poisson(log_input=False): ("mean", mean),
        wald.Poisson(log_input=False, full=True): ("mean", mean),
    }
    for loss, (words, number) in wanted.items():
        assert loss.card.elicits == words
        assert stationary(loss, -0.5 if words != "mean" else 0.01, 10.0) == pytest.approx(number, rel=1e-9), loss


@pytest.mark.parametrize("loss", ROBUST, ids=repr)
def test_robust_losses_lie_between_the_median_and_the_mean(loss: wald.Loss) -> None:
    assert loss.card.elicits == "m-functional"
    median, mean = SAMPLE.median().item(), SAMPLE.mean().item()
    best = stationary(loss, 0.0, 10.0)
    assert median * 1.05 < best < mean * 0.95


@pytest.mark.parametrize("scale", ["log_variance", "variance", "log_std"])
def test_gaussian_likelihood_elicits_mean_and_variance(scale: str) -> None:
    loss = wald.GaussianNLL(scale=scale)
    assert loss.card.elicits.startswith("mean, ")
    variance = SAMPLE.var(correction=0)
    spread = {"variance": variance, "log_variance": variance.log(), "log_std": variance.log() / 2}[scale]
    best = torch.stack([SAMPLE.mean(), spread])

    def cost(prediction: Tensor) -> Tensor:
        return loss.per_example(prediction.expand(len(SAMPLE), 2), SAMPLE).mean()

    assert grad(cost)(best).abs().max() < 1e-12
    assert torch.linalg.eigvalsh(torch.func.hessian(cost)(best)).min() > 0


# Where torch has the fast kernel.

KERNELS = [found for found in wald.implementations() if found.of in KINDS and found.name.startswith("torch.")]
EDGES = torch.tensor([0.0, -0.0, 1.0, -1.0, 1e-30, 88.0, 1e20, -1e20, torch.inf, -torch.inf, torch.nan])


def test_the_kernels_are_these() -> None:
    assert {found.of.__name__ for found in KERNELS} == {"Huber", "Poisson", "Squared"}
    assert wald.which(wald.Squared(), torch.zeros(1), torch.zeros(1)) == "torch.nn.functional.mse_loss"
    assert wald.which(wald.Poisson(), torch.zeros(1), torch.zeros(1)) == "torch.nn.functional.poisson_nll_loss"
    assert wald.which(wald.Poisson(log_input=False), torch.ones(1), torch.ones(1)).startswith("definition")


@pytest.mark.parametrize("found", KERNELS, ids=lambda found: found.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_kernel_is_the_definition(found: object, dtype: torch.dtype, rng: torch.Generator) -> None:
    for loss in variants(found.of):
        typical = [x.to(dtype) for x in draw(loss, 50, rng)]
        if not found.accepts(loss, *typical):
            continue
        grid = torch.cartesian_prod(EDGES.to(dtype), EDGES.to(dtype)).unbind(-1)
        for prediction, target in (typical, grid):
            a, b, c, d = leaf(prediction), leaf(target), leaf(prediction), leaf(target)
            fast, plain = found.run(loss, a, b), loss.per_example(c, d)
            relative = 4 * torch.finfo(dtype).eps
            torch.testing.assert_close(fast, plain, rtol=relative, atol=0, equal_nan=True)
            known = plain.isfinite()
            for ours, theirs in zip(
                torch.autograd.grad(fast.sum(), (a, b)), torch.autograd.grad(plain.sum(), (c, d)), strict=True
            ):
                torch.testing.assert_close(ours[known], theirs[known], rtol=relative, atol=0)


@pytest.mark.parametrize("found", KERNELS, ids=lambda found: found.name)
def test_a_kernel_transforms_as_the_definition_does(found: object, rng: torch.Generator) -> None:
    loss = found.of()
    prediction, target = draw(loss, 20, rng)
    target = torch.cat([prediction[:5].abs(), target[5:]])  # some exactly on the target

    def fast(x: Tensor) -> Tensor:
        return found.run(loss, x, target)

    def plain(x: Tensor) -> Tensor:
        return loss.per_example(x, target)

    along = torch.ones_like(prediction)
    same(jvp(fast, (prediction,), (along,))[1], jvp(plain, (prediction,), (along,))[1])
    same(
        torch.func.hessian(lambda x: fast(x).sum())(prediction),
        torch.func.hessian(lambda x: plain(x).sum())(prediction),
    )
    each = vmap(grad(lambda x, y: found.run(loss, x, y)))(prediction, target)
    same(each, grad(lambda x: plain(x).sum())(prediction))


# Sharp corners.


@pytest.mark.parametrize("loss", PLAIN, ids=repr)
def test_a_column_against_a_row_is_refused_with_the_fix(loss: wald.Loss) -> None:
    with pytest.raises(wald.ShapeError, match=r"\(5, 5\).*Use target\.unsqueeze\(-1\) or prediction\.squeeze\(-1\)"):
        loss(torch.ones(5, 1), torch.ones(5))


def test_columns_that_do_not_belong_are_refused() -> None:
    with pytest.raises(wald.ShapeError, match="there are 2"):
        wald.GaussianNLL()(torch.zeros(5, 3), torch.zeros(5))
    with pytest.raises(wald.ShapeError, match=r"\(5, 2\).*\(5, 1\)"):
        wald.GaussianNLL()(torch.zeros(5, 2), torch.zeros(5, 1))
    with pytest.raises(wald.ShapeError, match="there are 3"):
        wald.Pinball(level=(0.1, 0.5, 0.9))(torch.zeros(5, 2), torch.zeros(5))


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_what_is_masked_leaves_neither_value_nor_gradient(loss: wald.Loss, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 6, rng)
    keep = torch.tensor([True, False] * 3)
    for poison in (torch.nan, torch.inf, 0.0, -100.0):
        spoilt = torch.where(keep, target, torch.full_like(target, poison))
        wrong = prediction.clone()
        wrong[~keep] = poison
        value, slope = value_and_slope(lambda p, y: loss(p, y, mask=keep), wrong, spoilt)
        same(value, loss(prediction[keep], target[keep]))
        assert (slope[~keep] == 0).all()


@pytest.mark.parametrize("loss", [wald.Absolute(), wald.Pinball(level=0.9), wald.Percentage(), *ROBUST], ids=repr)
def test_a_perfect_prediction_has_no_slope(loss: wald.Loss) -> None:
    _, slope = value_and_slope(loss.per_example, torch.ones(3), torch.ones(3))
    assert (slope == 0).all()


def test_huber_is_not_smooth_l1() -> None:
    five, nothing = torch.tensor([5.0]), torch.tensor([0.0])
    assert wald.Huber(delta=0.1)(five, nothing).item() == pytest.approx(0.495)
    assert F.smooth_l1_loss(five, nothing, beta=0.1).item() == pytest.approx(4.95)


def test_charbonnier_is_pseudo_huber_scaled_and_shifted(rng: torch.Generator) -> None:
    residual = torch.randn(50, generator=rng, dtype=torch.float64)
    epsilon = 1e-3
    pseudo = wald.PseudoHuber(delta=epsilon).per_example(residual, torch.zeros_like(residual))
    same(pseudo / epsilon + epsilon, (residual**2 + epsilon**2).sqrt())


# Pinball.


def test_a_target_above_the_prediction_costs_the_level() -> None:
    under, over = torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0])
    value, slope = value_and_slope(wald.Pinball(level=0.9).per_example, under, over)
    torch.testing.assert_close(value, torch.tensor([0.9, 0.1]))
    torch.testing.assert_close(slope, torch.tensor([-0.9, 0.1]))


def test_a_level_near_one_keeps_its_digits_in_float32() -> None:
    levels = (0.5, 0.99999)
    over = wald.Pinball(level=levels)(torch.tensor([[0.0, 1.0]]), torch.tensor([0.0]))
    assert over.item() == pytest.approx(0.5e-5, rel=1e-6)


def test_several_levels_are_the_mean_of_each(rng: torch.Generator) -> None:
    levels = (0.1, 0.5, 0.9)
    prediction = torch.randn(4, 7, 3, generator=rng, dtype=torch.float64)
    target = torch.randn(4, 7, generator=rng, dtype=torch.float64)
    each = [wald.Pinball(level=q)(prediction[..., k], target, reduction="none") for k, q in enumerate(levels)]
    loss = wald.Pinball(level=levels)
    same(loss(prediction, target, reduction="none"), torch.stack(each).mean(0))
    assert loss.card.elicits == "quantile(0.1), quantile(0.5), quantile(0.9)"
    gradient, hessian = wald.gradient_and_hessian(loss, prediction, target)
    assert gradient.shape == hessian.shape == prediction.shape


def test_levels_first_met_inside_a_transform_can_be_used_after_it() -> None:
    loss = wald.Pinball(level=(0.111, 0.222))
    prediction, target = torch.zeros(4, 2), torch.ones(4)
    for _ in range(2):
        wald.gradient_and_hessian(loss, prediction, target)
        with torch.inference_mode():
            loss(prediction, target)
        loss(leaf(prediction), target).backward()


def test_levels_come_from_anything_that_holds_numbers() -> None:
    wanted = wald.Pinball(level=(0.25, 0.75))
    for given in ([0.25, 0.75], torch.tensor([0.25, 0.75]), np.array([0.25, 0.75])):
        assert wald.Pinball(level=given) == wanted
    for given in (0.25, np.float64(0.25), torch.tensor(0.25)):
        assert wald.Pinball(level=given) == wald.Pinball(level=0.25)


@pytest.mark.parametrize(
    ("level", "says"),
    [
        (0, r"> 0, got 0\.0"),
        (1.0, r"< 1, got 1\.0"),
        ((0.1, 1.5), r"< 1, got 1\.5"),
        ((0.9, 0.1), r"must rise.*Use level=\(0\.1, 0\.9\)"),
        ((0.5, 0.5), r"must rise.*Use level=\(0\.5,\)"),
        ((), "empty"),
    ],
)
def test_levels_that_cannot_be_meant_are_refused(level: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        wald.Pinball(level=level)


# Percentage.


def test_zero_targets_follow_the_policy() -> None:
    p, y = torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0.0, 2.0, 0.0])
    with pytest.raises(wald.DomainError, match=r'2 of 3 targets are 0.*zero="mask".*zero="floor"'):
        wald.Percentage()(p, y)
    value, slope = value_and_slope(wald.Percentage(zero="mask"), p, y)
    assert value.item() == pytest.approx(0.5)
    torch.testing.assert_close(slope, torch.tensor([0.0, 0.5, 0.0]))
    assert wald.Percentage(zero="mask").tally(p, y).masked == 2
    assert wald.Percentage(zero="floor")(p, y).item() == pytest.approx((1 + 0.5 + 2) / 3)
    assert wald.Percentage(zero="floor", floor=4.0)(p, y).item() == pytest.approx((1 + 1 + 2) / 12)


def test_a_masked_zero_is_not_a_zero() -> None:
    p, y = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])
    value, slope = value_and_slope(lambda a, b: wald.Percentage()(a, b, mask=b != 0), p, y)
    assert value.item() == pytest.approx(0.5)
    torch.testing.assert_close(slope, torch.tensor([0.0, 0.5]))


def test_where_no_one_may_look_a_zero_target_costs_infinity() -> None:
    p, y = torch.tensor([1.0, 0.0, 3.0]), torch.tensor([0.0, 0.0, 2.0])
    loss = wald.Percentage()
    with wald.value_checks(False):
        value = loss(p, y, reduction="none")
    assert value[0] == torch.inf
    assert value[1].isnan()
    compiled = torch.compile(lambda a, b: loss(a, b), fullgraph=True, backend="eager")
    assert compiled(p[:1], y[:1]) == torch.inf
    assert vmap(loss.per_example)(p, y)[0] == torch.inf


# Poisson, Gaussian, squared log.


def test_a_rate_that_underflows_where_nothing_is_counted_is_finite() -> None:
    with wald.value_checks(False):
        value, slope = value_and_slope(wald.Poisson(log_input=False), torch.zeros(1), torch.zeros(1))
    assert value == 0
    assert slope == 1


def test_values_outside_the_domain_are_refused() -> None:
    with pytest.raises(wald.DomainError, match="target contains -1"):
        wald.Poisson()(torch.zeros(2), torch.tensor([-1.0, 2.0]))
    with pytest.raises(wald.DomainError, match="prediction contains 0"):
        wald.Poisson(log_input=False)(torch.zeros(1), torch.ones(1))
    with pytest.raises(wald.DomainError, match="prediction contains -1"):
        wald.SquaredLog()(torch.tensor([-1.0]), torch.ones(1))
    with pytest.raises(wald.DomainError, match=r'1 of 2 variances.*one is -3.*scale="log_variance"'):
        wald.GaussianNLL(scale="variance")(torch.tensor([[0.0, -3.0], [0.0, 1.0]]), torch.zeros(2))


def test_the_scales_of_the_gaussian_likelihood_agree(rng: torch.Generator) -> None:
    mean, log_std, target = torch.randn(3, 30, generator=rng, dtype=torch.float64)
    values = [
        wald.GaussianNLL(scale=scale).per_example(torch.stack([mean, spread], -1), target)
        for scale, spread in (
            ("log_variance", 2 * log_std),
            ("variance", (2 * log_std).exp()),
            ("log_std", log_std),
        )
    ]
    same(values[0], values[1])
    same(values[0], values[2])


def test_the_gaussian_likelihood_is_finite_where_its_variance_is_not_a_float32() -> None:
    sure = torch.tensor([[1.0, -150.0], [1.0, 150.0]])
    value, slope = value_and_slope(wald.GaussianNLL().per_example, sure, torch.tensor([1.0, 1e20]))
    torch.testing.assert_close(value, torch.tensor([-75.0, 75.0]))
    assert slope.isfinite().all()
    wide = torch.tensor([[0.0, 1e30], [0.0, 1e-30]])
    value, slope = value_and_slope(wald.GaussianNLL(scale="variance").per_example, wide, torch.tensor([1e20, 1e-20]))
    wanted = exactly(lambda v, r: (mp.log(v) + r**2 / v) / 2, wide[:, 1], torch.tensor([1e20, 1e-20]))
    torch.testing.assert_close(value.double(), wanted, rtol=1e-5, atol=0)
    assert slope.isfinite().all()


def test_negative_gaussian_values_are_normal() -> None:
    hit = torch.tensor([[2.0, 1e-4]])
    assert wald.GaussianNLL(scale="variance")(hit, torch.tensor([2.0])).item() == pytest.approx(-4.605, abs=1e-3)
    assert wald.GaussianNLL().card.bounded_below is False
