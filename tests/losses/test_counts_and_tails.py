"""The losses of counts, amounts and tails against other people's code, exact arithmetic and what they estimate."""

from __future__ import annotations

from collections.abc import Callable
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import metrics
from sklearn._loss import loss as sklearn_loss
import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw

SAMPLE = torch.from_numpy(np.random.default_rng(7).lognormal(0, 1, 999))
COUNTS = torch.from_numpy(np.random.default_rng(8).negative_binomial(1, 0.2, 999)).double()
#: Gains, most of them small, whose lower tail lies below 0 and whose upper tail above it.
GAINS = torch.from_numpy(np.random.default_rng(9).standard_t(4, 1000)) + 0.3


def value_and_slope(loss: wald.Loss, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    prediction = prediction.detach().clone().requires_grad_()
    value = loss.per_example(prediction, target)
    (slope,) = torch.autograd.grad(value.sum(), prediction)
    return value.detach(), slope


def same(a: Tensor, b: Tensor | np.ndarray, relative: float = 1e-12) -> None:
    torch.testing.assert_close(a, torch.as_tensor(b), rtol=relative, atol=1e-13)


def best(loss: wald.Loss, sample: Tensor, low: float, high: float) -> float:
    """The constant at which a loss of one number has no slope on average, by halving."""
    for _ in range(45):
        middle = (low + high) / 2
        _, slope = value_and_slope(loss, torch.full_like(sample, middle), sample)
        low, high = (middle, high) if slope.sum() < 0 else (low, middle)
    return (low + high) / 2


# What other people's code says.

SKLEARN = [
    (wald.Gamma(), sklearn_loss.HalfGammaLoss()),
    (wald.Tweedie(), sklearn_loss.HalfTweedieLoss(power=1.5)),
    (wald.Tweedie(power=1.1), sklearn_loss.HalfTweedieLoss(power=1.1)),
    (wald.Tweedie(power=1), sklearn_loss.HalfTweedieLoss(power=1)),
    (wald.Tweedie(power=2), sklearn_loss.HalfTweedieLoss(power=2)),
    (wald.Tweedie(power=3), sklearn_loss.HalfTweedieLoss(power=3)),
    (wald.Tweedie(power=1.7, log_input=False), sklearn_loss.HalfTweedieLossIdentity(power=1.7)),
]


@pytest.mark.parametrize(("loss", "oracle"), SKLEARN, ids=[repr(loss) for loss, _ in SKLEARN])
def test_scikit_learn_agrees_up_to_what_no_prediction_changes(
    loss: wald.Loss, oracle: object, rng: torch.Generator
) -> None:
    prediction, target = draw(loss, 200, rng)
    other, _ = draw(loss, 200, rng)
    value, slope = value_and_slope(loss, prediction, target)
    ours = value - loss.per_example(other, target)
    theirs = oracle.loss(target.numpy(), prediction.numpy()) - oracle.loss(target.numpy(), other.numpy())
    same(ours, theirs, 1e-10)
    same(slope, oracle.gradient(target.numpy(), prediction.numpy()), 1e-10)


@pytest.mark.parametrize("power", [0, 1, 1.01, 1.5, 1.99, 2, 2.5, 3])
def test_the_deviance_is_twice_the_excess_over_a_hit(power: float, rng: torch.Generator) -> None:
    mean, target = 0.1 + 3 * torch.rand(2, 80, generator=rng, dtype=torch.float64)
    wanted = metrics.mean_tweedie_deviance(target.numpy(), mean.numpy(), power=power)
    for loss, prediction, hit in (
        (wald.Tweedie(power=power), mean.log(), target.log()),
        (wald.Tweedie(power=power, log_input=False), mean, target),
    ):
        assert 2 * (loss(prediction, target) - loss(hit, target)).item() == pytest.approx(wanted, rel=1e-9)


def test_whole_powers_are_the_losses_of_their_laws(rng: torch.Generator) -> None:
    for log in (True, False):
        prediction, target = draw(wald.Gamma(log_input=log), 50, rng)
        for power, twin in ((1, wald.Poisson(log_input=log)), (2, wald.Gamma(log_input=log))):
            tweedie = wald.Tweedie(power=power, log_input=log)
            for ours, theirs in zip(
                value_and_slope(tweedie, prediction, target), value_and_slope(twin, prediction, target), strict=True
            ):
                assert torch.equal(ours, theirs)
    mean, target = torch.rand(2, 50, generator=rng, dtype=torch.float64)
    half_square = (mean - target).square() / 2 - target.square() / 2
    same(wald.Tweedie(power=0, log_input=False).per_example(mean, target), half_square)


def test_gamma_of_shape_one_is_the_exponential_law(rng: torch.Generator) -> None:
    mean, target = 0.1 + torch.rand(2, 50, generator=rng, dtype=torch.float64)
    wanted = -stats.expon.logpdf(target.numpy(), scale=mean.numpy())
    same(wald.Gamma(log_input=False).per_example(mean, target), wanted)
    same(wald.Gamma().per_example(mean.log(), target), wanted)


@pytest.mark.parametrize("dispersion", [1e-9, 1e-3, 0.0624, 0.0626, 0.5, 1.0, 30.0])
def test_the_full_negative_binomial_is_a_likelihood(dispersion: float) -> None:
    mean, count = torch.cartesian_prod(
        torch.tensor([1e-3, 0.7, 5.0, 900.0], dtype=torch.float64),
        torch.tensor([0.0, 1.0, 2.0, 40.0, 1000.0], dtype=torch.float64),
    ).T

    def exact(m: float, y: float) -> float:
        with mp.workdps(60):
            m, y, r = mp.mpf(m), mp.mpf(y), 1 / mp.mpf(dispersion)
            log = mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1) + r * mp.log(r / (r + m))
            return float(-(log + y * mp.log(m / (r + m))))

    exactly = [exact(m, y) for m, y in zip(mean.tolist(), count.tolist(), strict=True)]
    wanted = torch.tensor(exactly, dtype=torch.float64)
    full = wald.NegativeBinomial(dispersion=dispersion, log_input=False, full=True)
    torch.testing.assert_close(full.per_example(mean, count), wanted, rtol=1e-11, atol=1e-9)
    log, slope = value_and_slope(full.replace(log_input=True), mean.log(), count)
    torch.testing.assert_close(log, full.per_example(mean, count), rtol=1e-11, atol=1e-9)
    same(slope, (mean - count) / (1 + dispersion * mean), 1e-9)
    if dispersion >= 1e-3:
        size = 1 / dispersion
        theirs = -stats.nbinom.logpmf(count.numpy(), size, size / (size + mean.numpy()))
        torch.testing.assert_close(full.per_example(mean, count), torch.from_numpy(theirs), rtol=1e-9, atol=1e-9)


def test_without_dispersion_a_negative_binomial_is_poisson(rng: torch.Generator) -> None:
    prediction, target = draw(wald.Poisson(), 50, rng)
    for full in (False, True):
        nearly = wald.NegativeBinomial(dispersion=1e-12, full=full)
        same(nearly.per_example(prediction, target), wald.Poisson(full=full).per_example(prediction, target), 1e-9)
    with pytest.raises(ValueError, match="dispersion must be > 0"):
        wald.NegativeBinomial(dispersion=0)


# What they estimate.


@pytest.mark.parametrize(
    "loss",
    [
        wald.Gamma(),
        wald.Tweedie(),
        wald.Tweedie(power=1.9),
        wald.Tweedie(power=3),
        wald.Tweedie(power=0),
        wald.NegativeBinomial(),
        wald.NegativeBinomial(dispersion=5.0),
    ],
    ids=repr,
)
def test_the_best_constant_is_the_mean(loss: wald.Loss) -> None:
    sample = COUNTS if isinstance(loss, wald.NegativeBinomial) or loss == wald.Tweedie() else SAMPLE
    mean = sample.mean().item()
    assert loss.card.elicits == "mean through log"
    assert best(loss, sample, -3.0, 4.0) == pytest.approx(math.log(mean), abs=1e-9)
    natural = loss.replace(log_input=False)
    assert natural.card.elicits == "mean"
    assert best(natural, sample, 0.05, 50.0) == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize("steepness", [2.0, 0.5, -0.5])
def test_linex_estimates_what_it_says(steepness: float) -> None:
    y = GAINS.clamp(-3, 3)
    wanted = -math.log(np.exp(-steepness * y.numpy()).mean()) / steepness
    assert best(wald.Linex(steepness=steepness), y, -5, 5) == pytest.approx(wanted, abs=1e-9)
    normal = torch.from_numpy(stats.norm.ppf((np.arange(4_000) + 0.5) / 4_000))
    assert best(wald.Linex(steepness=steepness), normal, -3, 3) == pytest.approx(-steepness / 2, abs=0.02)


@pytest.mark.parametrize(("level", "width"), [(0.5, 0.3), (0.9, 0.3), (0.1, 2.0)])
def test_a_smoothed_pinball_estimates_the_quantile_of_blurred_targets(level: float, width: float) -> None:
    noise = torch.linspace(-width, width, 4001, dtype=torch.float64)
    blurred = (SAMPLE[:200].unsqueeze(1) + noise).flatten()
    found = best(wald.SmoothedPinball(level=level, width=width), SAMPLE[:200], -5, 20)
    assert found == pytest.approx(np.quantile(blurred.numpy(), level), abs=2e-3 * width)


def test_how_far_a_smoothed_pinball_is_off() -> None:
    """As the documentation says: width² / 6 times how steeply the log density falls."""
    law, level, width = stats.norm, 0.9, 0.3
    y = torch.from_numpy(law.ppf((np.arange(20_000) + 0.5) / 20_000))
    true = law.ppf(level)
    off = best(wald.SmoothedPinball(level=level, width=width), y, 0, 3) - true
    assert off == pytest.approx(width**2 / 6 * true, rel=0.05)  # the log density of a normal falls by x


@pytest.mark.parametrize("level", [0.05, 0.1, 0.9, 0.975])
@pytest.mark.parametrize("form", ["log", "number"])
def test_value_at_risk_and_shortfall_of_a_sample_cost_least(level: float, form: str) -> None:
    upper, y = level > 0.5, GAINS.sort().values
    many = round((1 - level if upper else level) * len(y))
    tail = y[-many:] if upper else y[:many]
    risk, shortfall = (y[-many] if upper else y[many - 1]).item(), tail.mean().item()
    loss = wald.FisslerZiegel(level=level, shortfall=form)
    assert loss.card.elicits.startswith(f"quantile({level:g}), expected shortfall({level:g}")

    def cost(value: Tensor, short: Tensor) -> Tensor:
        second = short.abs().log() if form == "log" else short
        pairs = torch.stack([value, second], -1).unsqueeze(1)
        return loss.per_example(pairs.expand(-1, len(y), 2), y.expand(len(value), -1)).mean(1)

    (least,) = cost(*torch.tensor([[risk], [shortfall]], dtype=torch.float64))
    # Each target as the value at risk, with the sample's own shortfall; shortfalls around it; and both, from afar.
    assert least <= cost(y, torch.full_like(y, shortfall)).min() + 1e-12
    around = shortfall * torch.linspace(0.5, 2, 301, dtype=torch.float64)
    at = cost(torch.full_like(around, risk), around)
    assert around[at.argmin()].item() == pytest.approx(shortfall, rel=5e-3)
    assert least <= at.min() + 1e-12
    values, shorts = torch.cartesian_prod(y[::29], around[::15]).T
    assert least <= cost(values, shorts).min() + 1e-12


# Fissler and Ziegel.


def test_it_is_the_loss_of_the_paper(rng: torch.Generator) -> None:
    """Patton, Ziegel & Chen 2019, equation 6."""
    level, n = 0.05, 100
    v, y = torch.randn(2, n, generator=rng, dtype=torch.float64)
    e = -0.1 - 3 * torch.rand(n, generator=rng, dtype=torch.float64)
    wanted = -((y <= v) * (v - y)) / (level * e) + v / e + (-e).log() - 1
    pair = torch.stack([v, e], -1)
    same(wald.FisslerZiegel(level=level, shortfall="number").per_example(pair, y), wanted)
    logs = torch.stack([v, (-e).log()], -1)
    same(wald.FisslerZiegel(level=level).per_example(logs, y), wanted)
    for loss, sign in ((wald.FisslerZiegel(level=0.95), 1), (wald.FisslerZiegel(level=0.95, shortfall="number"), -1)):
        turned = torch.stack([-v, logs[:, 1] if sign == 1 else -e], -1)
        same(loss.per_example(turned, -y), wanted, 1e-9)


def test_another_currency_adds_a_constant(rng: torch.Generator) -> None:
    loss = wald.FisslerZiegel(level=0.1)
    pair, y = draw(loss, 50, rng)
    cents = torch.stack([100 * pair[:, 0], pair[:, 1] + math.log(100)], -1)
    same(loss.per_example(cents, 100 * y), loss.per_example(pair, y) + math.log(100), 1e-10)


@pytest.mark.parametrize(
    ("level", "shortfall", "says"),
    [
        (0.05, 0.5, r"1 of 2 expected shortfalls are not negative \(one is 0\.5\).*lower tail.*-exp"),
        (0.95, -0.5, r"1 of 2 expected shortfalls are not positive \(one is -0\.5\).*upper tail.*add a constant"),
    ],
)
def test_a_shortfall_of_the_wrong_sign_is_refused_with_the_fix(level: float, shortfall: float, says: str) -> None:
    loss = wald.FisslerZiegel(level=level, shortfall="number")
    pair = torch.tensor([[0.0, -math.copysign(1.0, shortfall)], [0.0, shortfall]])
    with pytest.raises(wald.DomainError, match=says):
        loss(pair, torch.zeros(2))
    kept = loss(pair, torch.zeros(2), mask=torch.tensor([True, False]))
    assert kept.isfinite()


# Interval and its quantiles.


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.99])
def test_an_interval_is_two_pinballs(level: float, rng: torch.Generator) -> None:
    loss, a = wald.Interval(level=level), 1 - level
    pair, y = draw(loss, 100, rng)  # every other one crosses
    assert (pair[:, 0] > pair[:, 1]).any()
    pinball = wald.Pinball(level=(a / 2, 1 - a / 2))
    for ours, theirs in zip(value_and_slope(loss, pair, y), value_and_slope(pinball, pair, y), strict=True):
        same(ours, 4 / a * theirs, 1e-9)
    low, high = pair.T
    winkler = high - low + 2 / a * ((low - y) * (y < low) + (y - high) * (y > high))
    same(loss.per_example(pair, y), winkler, 1e-10)
    assert loss.card.elicits == pinball.card.elicits


# Smoothed pinball and linex, in every digit.


@pytest.mark.parametrize(("level", "width"), [(0.5, 0.1), (0.9, 0.5), (0.05, 3.0)])
def test_a_smoothed_pinball_is_an_average_over_a_window(level: float, width: float) -> None:
    loss = wald.SmoothedPinball(level=level, width=width)
    errors = [-9.0, -width, -0.7 * width, 0.0, 1e-9, 0.3 * width, width, 9.0]

    def pinball(e: float) -> float:
        return max(level * e, (level - 1) * e)

    wanted = [
        integrate.quad(
            lambda u, e=e: pinball(e + u) / (2 * width), -width, width, points=[min(max(-e, -width), width)]
        )[0]
        for e in errors
    ]
    e = torch.tensor(errors, dtype=torch.float64)
    value, slope = value_and_slope(loss, -e, torch.zeros_like(e))
    same(value, torch.tensor(wanted, dtype=torch.float64), 1e-9)
    share_below = ((width - e) / (2 * width)).clamp(0, 1)  # of the window that lies below 0
    same(slope, share_below - level, 1e-10)
    _, curvature = wald.gradient_and_hessian(loss, -e, torch.zeros_like(e))
    inside = e.abs() < width
    same(curvature[inside], torch.full_like(e[inside], 1 / (2 * width)))


def test_beyond_its_window_a_smoothed_pinball_is_a_pinball(rng: torch.Generator) -> None:
    prediction, target = draw(wald.Pinball(), 100, rng)
    far = (prediction - target).abs() > 0.1
    for level in (0.1, 0.5, 0.99999):
        ours = wald.SmoothedPinball(level=level, width=0.1).per_example(prediction, target)[far]
        same(ours, wald.Pinball(level=level).per_example(prediction, target)[far], 1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_linex_loses_no_digits_near_the_target(dtype: torch.dtype) -> None:
    r = torch.tensor(
        [s * 10.0**k for k in (-30, -12, -8, -5, -3, -1, -0.302, -0.3, 0.3, 1) for s in (1, -1)], dtype=dtype
    )
    loss = wald.Linex(steepness=2.0)
    value, slope = value_and_slope(loss, r, torch.zeros_like(r))
    with mp.workdps(90):
        exact = [(mp.expm1(2 * mp.mpf(x)) - 2 * mp.mpf(x)) / 4 for x in r.tolist()]
        slopes = [mp.expm1(2 * mp.mpf(x)) / 2 for x in r.tolist()]
    digits, tiny = 8 * torch.finfo(dtype).eps, torch.finfo(dtype).tiny
    wanted = [torch.tensor([float(x) for x in part], dtype=torch.float64) for part in (exact, slopes)]
    torch.testing.assert_close(value.double(), wanted[0], rtol=digits, atol=tiny)
    torch.testing.assert_close(slope.double(), wanted[1], rtol=digits, atol=tiny)


def test_a_flat_linex_is_half_the_square(rng: torch.Generator) -> None:
    prediction, target = draw(wald.Squared(), 50, rng)
    same(wald.Linex(steepness=1e-9).per_example(prediction, target), (prediction - target) ** 2 / 2, 1e-7)
    with pytest.raises(ValueError, match=r"steepness is 0.*use Squared\(\)"):
        wald.Linex(steepness=0)
    mirrored = wald.Linex(steepness=-2.0).per_example(target, prediction)
    same(wald.Linex(steepness=2.0).per_example(prediction, target), mirrored)


# Sharp corners.


def test_powers_that_no_law_has_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"power is 0\.5.*no distribution.*Tweedie\(power=1\.5\)"):
        wald.Tweedie(power=0.5)
    with pytest.raises(ValueError, match="power must be >= 0"):
        wald.Tweedie(power=-1)


@pytest.mark.parametrize("loss", [wald.Gamma(), wald.Tweedie(power=2), wald.Tweedie(power=3)], ids=repr)
def test_what_must_be_positive_refuses_a_zero(loss: wald.Loss) -> None:
    with pytest.raises(wald.DomainError, match="target contains 0"):
        loss(torch.zeros(2), torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize(
    "loss", [wald.Tweedie(), wald.Tweedie(power=1), wald.NegativeBinomial(), wald.NegativeBinomial(full=True)], ids=repr
)
def test_zeros_are_what_they_are_for(loss: wald.Loss) -> None:
    for log in (True, False):
        prediction = torch.tensor([-300.0, 0.0]) if log else torch.tensor([1e-35, 1.0])
        value, slope = value_and_slope(loss.replace(log_input=log), prediction, torch.zeros(2))
        assert value.isfinite().all()
        assert slope.isfinite().all()
    with pytest.raises(wald.DomainError, match="target contains -1"):
        loss(torch.zeros(1), torch.tensor([-1.0]))


def test_a_large_log_mean_is_linear_for_a_negative_binomial() -> None:
    value, slope = value_and_slope(wald.NegativeBinomial(), torch.tensor([1e4, -1e4]), torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(value, torch.tensor([1e4, 3e4]))
    torch.testing.assert_close(slope, torch.tensor([1.0, -3.0]))


NAMES: dict[str, type[wald.Loss]] = {
    "GammaNLL": wald.GammaNLL,
    "reg:gamma": wald.Gamma,
    "gamma deviance": wald.Gamma,
    "reg:tweedie": wald.Tweedie,
    "TweedieLoss": wald.Tweedie,
    "tweedie deviance": wald.Tweedie,
    "NegativeBinomialLoss": wald.NegativeBinomial,
    "FZ0": wald.FisslerZiegel,
    "interval score": wald.Interval,
    "Winkler score": wald.Interval,
    "LINEX": wald.Linex,
    "smooth quantile": wald.SmoothedPinball,
}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_by_the_name_that_people_know(name: str) -> None:
    assert wald.get(name) is NAMES[name]


FORMULAS: list[Callable[[], wald.Loss]] = [
    lambda: wald.Tweedie(power=1, log_input=False),
    lambda: wald.Tweedie(power=3, log_input=False),
    lambda: wald.NegativeBinomial(dispersion=0.01, full=True),
    lambda: wald.FisslerZiegel(level=0.9, shortfall="number"),
    lambda: wald.Interval(level=0.5),
    lambda: wald.SmoothedPinball(level=0.9, width=2.0),
]


@pytest.mark.parametrize("make", FORMULAS, ids=lambda make: repr(make()))
def test_cards_hold_at_other_fields_too(make: Callable[[], wald.Loss]) -> None:
    found = [f"{one.code} {one.says}" for one in wald.check(make()).findings if one.state in ("fail", "error", "warn")]
    assert not found
