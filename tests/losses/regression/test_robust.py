"""The robust losses against exact arithmetic, against each other, and against torch."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import wald

from .exact import EXTREMES, Number, exactly, same, value_and_slope


def _barron(alpha: float) -> Number:
    a, b = mp.mpf(alpha), abs(mp.mpf(alpha) - 2)
    return lambda r: b / a * ((r**2 / b + 1) ** (a / 2) - 1)


EXACT: list[tuple[wald.Loss, Number]] = [
    (wald.SmoothL1(beta=0.5), lambda r: r**2 if abs(r) <= 0.5 else abs(r) - mp.mpf(1) / 4),
    (wald.Fair(scale=0.5), lambda r: (abs(2 * r) - mp.log1p(abs(2 * r))) / 4),
    (wald.Cauchy(scale=0.5), lambda r: mp.log1p(2 * r**2)),
    (wald.GemanMcClure(scale=0.5), lambda r: 8 * r**2 / (4 * r**2 + 4)),
    (wald.Welsch(scale=0.5), lambda r: -mp.expm1(-2 * r**2)),
    (wald.Charbonnier(epsilon=0.5), lambda r: mp.sqrt(r**2 + mp.mpf(1) / 4)),
    (wald.Charbonnier(epsilon=0.5, form="unit"), lambda r: mp.sqrt(4 * r**2 + 1) - 1),
    (wald.GeneralRobust(alpha=0.5), _barron(0.5)),
    (wald.GeneralRobust(alpha=1.5), _barron(1.5)),
    (wald.GeneralRobust(alpha=-3.0), _barron(-3.0)),
    (wald.Tukey(threshold=2.0), lambda r: mp.mpf(2) / 3 * (1 - (1 - min(r**2 / 4, 1)) ** 3)),
    (wald.EpsilonInsensitive(epsilon=0.5), lambda r: max(abs(r) - mp.mpf(1) / 2, 0)),
    (wald.SquaredEpsilonInsensitive(epsilon=0.5), lambda r: max(abs(r) - mp.mpf(1) / 2, 0) ** 2),
    (wald.Power(exponent=1.5), lambda r: abs(r) ** mp.mpf(1.5)),
    (wald.Power(exponent=3.0), lambda r: abs(r) ** 3),
    (
        wald.QuantileHuber(level=0.875, delta=0.5),
        lambda r: (mp.mpf(0.875 if r < 0 else 0.125)) * (r**2 / 2 if abs(r) <= 0.5 else abs(r) / 2 - mp.mpf(1) / 8),
    ),
]


@pytest.mark.parametrize(("loss", "function"), EXACT, ids=[repr(loss) for loss, _ in EXACT])
def test_no_digits_are_lost_at_either_end(loss: wald.Loss, function: Number) -> None:
    # No error lies on a seam, where a difference would straddle it.
    residual = torch.tensor(EXTREMES, dtype=torch.float64)
    ours, our_slope = value_and_slope(loss.per_example, residual, torch.zeros_like(residual))
    value, slope = exactly(function, residual)
    torch.testing.assert_close(ours, value, rtol=1e-13, atol=1e-300)
    # Slopes that fade to less than a rounding error of 1 may do so in their own way.
    torch.testing.assert_close(our_slope, slope, rtol=1e-11, atol=1e-26)


@pytest.mark.parametrize("loss", [loss for loss, _ in EXACT], ids=repr)
def test_single_precision_is_finite_from_0_to_the_largest_error(loss: wald.Loss) -> None:
    residual = torch.tensor([0.0, 1e-30, 1e-8, 1.0, 1e4, 1e12])
    value, slope = value_and_slope(loss.per_example, residual, torch.zeros_like(residual))
    assert value.isfinite().all()
    assert slope.isfinite().all()
    assert slope[0] == 0


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 7.0])
def test_smooth_l1_is_that_of_torch(beta: float, rng: torch.Generator) -> None:
    p, y = 3 * torch.randn(2, 7, 13, generator=rng, dtype=torch.float64)
    ours = value_and_slope(wald.SmoothL1(beta=beta).per_example, p, y)
    theirs = value_and_slope(lambda p, y: F.smooth_l1_loss(p, y, beta=beta, reduction="none"), p, y)
    same(ours[0], theirs[0])
    same(ours[1], theirs[1])


def test_smooth_l1_is_huber_over_its_threshold_as_both_sides_have_it() -> None:
    """The third disagreement: an error of 2 costs 0.875 and 1.75 at a threshold of 0.5, 2 and 1 at one of 2."""
    two, zero = torch.full((1,), 2.0), torch.zeros(1)
    for threshold, huber, smooth in ((0.5, 0.875, 1.75), (2.0, 2.0, 1.0)):
        assert wald.Huber(delta=threshold)(two, zero).item() == huber == F.huber_loss(two, zero, delta=threshold)
        assert wald.SmoothL1(beta=threshold)(two, zero).item() == smooth == F.smooth_l1_loss(two, zero, beta=threshold)


def test_one_general_loss_is_all_of_them(rng: torch.Generator) -> None:
    p, y = 3 * torch.randn(2, 50, generator=rng, dtype=torch.float64)
    family = {
        2.0: wald.Squared(),
        1.0: wald.Charbonnier(form="unit", epsilon=0.7),
        0.0: wald.Cauchy(scale=0.7),
        -2.0: wald.GemanMcClure(scale=0.7),
        -math.inf: wald.Welsch(scale=0.7),
    }
    for alpha, other in family.items():
        factor = 0.5 / 0.7**2 if alpha == 2 else 1.0
        for ours, theirs in zip(
            value_and_slope(wald.GeneralRobust(alpha=alpha, scale=0.7).per_example, p, y),
            value_and_slope(other.per_example, p, y),
            strict=True,
        ):
            same(ours, factor * theirs, 1e-11)


@pytest.mark.parametrize("alpha", [2.0, 0.0, -math.inf])
def test_a_limit_is_what_its_neighbours_come_to(alpha: float) -> None:
    r = torch.linspace(-5, 5, 41, dtype=torch.float64)
    near = [-1e9] if alpha == -math.inf else [alpha - 1e-7, alpha + 1e-7]
    for other in near:
        same(
            wald.GeneralRobust(alpha=other).per_example(r, 0 * r),
            wald.GeneralRobust(alpha=alpha).per_example(r, 0 * r),
            1e-5,
        )


def test_a_power_between_has_both_ends(rng: torch.Generator) -> None:
    p, y = torch.randn(2, 50, generator=rng, dtype=torch.float64)
    for loss, other in (
        (wald.Power(exponent=1.0), wald.Absolute()),
        (wald.Power(exponent=2.0), wald.Squared()),
        (wald.EpsilonInsensitive(epsilon=0.0), wald.Absolute()),
        (wald.SquaredEpsilonInsensitive(epsilon=0.0), wald.Squared()),
        (wald.SmoothL1(beta=0.0), wald.Absolute()),
    ):
        same(loss.per_example(p, y), other.per_example(p, y))
    half = wald.QuantileHuber(level=0.5, delta=0.3)
    same(half.per_example(p, y), wald.Huber(delta=0.3).per_example(p, y) / 2)
    same(half.replace(form="smooth").per_example(p, y), wald.SmoothL1(beta=0.3).per_example(p, y) / 2)
    # As its threshold goes to 0 the divided form becomes the loss of a quantile.
    small = wald.QuantileHuber(level=0.9, delta=1e-12, form="smooth")
    same(small.per_example(p, y), wald.Pinball(level=0.9).per_example(p, y), 1e-9)


def test_charbonnier_is_pseudo_huber_up_to_scale_and_shift(rng: torch.Generator) -> None:
    p, y = torch.randn(2, 50, generator=rng, dtype=torch.float64)
    pseudo = wald.PseudoHuber(delta=0.3).per_example(p, y)
    same(wald.Charbonnier(epsilon=0.3).per_example(p, y), pseudo / 0.3 + 0.3)
    same(wald.Charbonnier(epsilon=0.3, form="unit").per_example(p, y), pseudo / 0.09)
    assert wald.Charbonnier(epsilon=0.3).reference_points()["perfect"] == 0.3
    assert wald.Charbonnier(epsilon=0.3)(y, y).item() == pytest.approx(0.3)


def test_the_classical_geman_mcclure_is_half_of_it_at_half_the_scale() -> None:
    r = torch.linspace(-9, 9, 19, dtype=torch.float64)
    same(wald.GemanMcClure(scale=1.5).per_example(r, 0 * r) / 2, r**2 / (9 + r**2))


def test_curvature_is_right_on_the_target() -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    for loss, wanted in (
        (wald.SmoothL1(beta=0.5), 2.0),
        (wald.Fair(scale=0.5), 1.0),
        (wald.Cauchy(scale=0.5), 4.0),
        (wald.GemanMcClure(scale=0.5), 4.0),
        (wald.Welsch(scale=0.5), 4.0),
        (wald.Charbonnier(epsilon=0.5), 2.0),
        (wald.GeneralRobust(alpha=-1.0, scale=0.5), 4.0),
        (wald.Tukey(threshold=3.0), 1.0),
        (wald.SquaredEpsilonInsensitive(epsilon=0.0), 2.0),
        (wald.Power(exponent=3.0), 0.0),
    ):
        _, curvature = wald.gradient_and_hessian(loss, zero, zero)
        assert curvature.item() == pytest.approx(wanted), loss


def test_tukey_is_the_right_way_up_where_neuralforecast_s_is_not() -> None:
    """neuralforecast 3.3.0: c² / 6 · (1 - (r / c)²)³ inside the threshold, c² / 6 beyond.

    That is c² / 6 - ours inside: 3.66 for a perfect prediction, falling to 0 at the threshold and back up beyond it, so
    its slope has the wrong sign everywhere and minimising it drives errors to the threshold.
    """
    c = 4.685

    def theirs(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        size = (p - y).abs()
        inside = (c >= size).to(p.dtype)
        return c**2 / 6 * (inside * (1 - (size / c) ** 2) ** 3 + (1 - inside))

    error = torch.tensor([0.0, 1.0, 3.0, 4.6849, 4.6851, 100.0], dtype=torch.float64)
    value, slope = value_and_slope(theirs, error, torch.zeros_like(error))
    assert value[0].item() == value[-1].item() == pytest.approx(3.658, abs=1e-3)
    assert value[3] < 1e-9
    ours, our_slope = value_and_slope(wald.Tukey().per_example, error, torch.zeros_like(error))
    assert ours[0] == 0
    assert (ours.diff() >= 0).all()
    same(ours[:4], c**2 / 6 - value[:4])
    same(our_slope, -slope)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SmoothL1Loss", wald.SmoothL1),
        ("smooth_l1", wald.SmoothL1),
        ("bisquare", wald.Tukey),
        ("barron", wald.GeneralRobust),
        ("charbonnier", wald.Charbonnier),
        ("Lq", wald.Power),
        ("correntropy", wald.Welsch),
        ("geman-mcclure", wald.GemanMcClure),
        ("lorentzian", wald.Cauchy),
        ("FairLoss", wald.Fair),
        ("epsilon_insensitive", wald.EpsilonInsensitive),
        ("HuberQLoss", wald.QuantileHuber),
    ],
)
def test_it_is_found_by_the_name_that_people_know(name: str, kind: type[wald.Loss]) -> None:
    assert wald.get(name) is kind


def test_what_is_no_power_is_refused() -> None:
    for alpha in (math.nan, math.inf):
        with pytest.raises(ValueError, match=r"alpha is (nan|inf); it must be a number .* alpha=2.0"):
            wald.GeneralRobust(alpha=alpha)
    with pytest.raises(ValueError, match=r"Power: exponent must be >= 1, got 0.5"):
        wald.Power(exponent=0.5)
