"""The tempered softmax and the losses that stand on it: entmax, sparsemax, bi-tempered."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.losses.pieces.tempered import tempered_log_softmax

from .agreeing import agree, ids, near, scores, value_and_slope

TEMPERATURES = [0.0, 0.3, 0.5, 0.9, 0.9999, 1.0, 1.0001, 1.2, 2.0, 4.0]


@pytest.mark.parametrize("t", TEMPERATURES)
@pytest.mark.parametrize("size", [0.0, 1e-2, 1.0, 1e4])
def test_probabilities_add_to_one(t: float, size: float) -> None:
    for dtype, close in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        p = tempered_log_softmax((size * scores(classes=50)).to(dtype), t).exp()
        assert (p.sum(-1) - 1).abs().max().item() < close


@pytest.mark.parametrize("t", [0.0, 0.5, 0.75, 1.5, 2.0])
def test_probabilities_are_those_of_many_digits(t: float) -> None:
    """The λ at which they add to 1, by bisection in 50 digits."""
    row = [2.0, 1.9, 0.5, -1.0, -30.0]
    with mp.workdps(50):

        def one(x: mp.mpf) -> mp.mpf:
            base = 1 + (1 - mp.mpf(t)) * x
            return base ** (1 / (1 - mp.mpf(t))) if base > 0 else mp.mpf(0)

        low, high = mp.mpf(2), mp.mpf(500)
        for _ in range(170):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(one(x - middle) for x in row) > 1 else (low, middle)
        wanted = [float(one(x - low)) for x in row]
    near(tempered_log_softmax(torch.tensor(row, dtype=torch.float64), t).exp(), wanted, 1e-13)


@pytest.mark.parametrize("t", [0.5, 0.75, 1.2])
def test_two_derivatives_are_exact(t: float) -> None:
    z = scores(rows=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: tempered_log_softmax(z, t).exp(), (z,))
    assert torch.autograd.gradgradcheck(lambda z: tempered_log_softmax(z, t).exp(), (z,))


def test_a_class_that_cannot_occur_and_one_that_is_unknown() -> None:
    for t in (0.0, 0.5, 1.2):
        p = tempered_log_softmax(torch.tensor([1.0, -math.inf, 1.0]), t).exp()
        near(p, [0.5, 0.0, 0.5], 1e-6)
        assert tempered_log_softmax(torch.tensor([1.0, math.nan, 1.0]), t).isnan().any()


# Entmax.


def sparsemax_by_sorting(z: Tensor) -> Tensor:
    """Martins & Astudillo 2016, algorithm 1."""
    ordered = z.sort(-1, descending=True).values
    k = torch.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    support = (1 + k * ordered > ordered.cumsum(-1)).sum(-1, keepdim=True)
    threshold = (ordered.cumsum(-1).gather(-1, support - 1) - 1) / support
    return (z - threshold).clamp(min=0)


def test_sparsemax_is_that_of_the_sorted_scores() -> None:
    z, y = scores(), ids()
    loss = wald.Entmax(alpha=2.0)
    p = sparsemax_by_sorting(z)
    near(loss.probabilities(z), p)
    value, slope = value_and_slope(loss.per_example, z, y)
    near(slope, p - F.one_hot(y, 4))
    near(value, (p * z).sum(-1) - z.gather(-1, y[:, None])[:, 0] + (1 - p.square().sum(-1)) / 2)


@pytest.mark.parametrize("alpha", [1.0, 1.1, 1.5, 1.9, 2.0])
def test_the_slope_of_entmax_is_its_probabilities_less_the_target(alpha: float) -> None:
    loss, z, y = wald.Entmax(alpha=alpha), scores(), ids()
    value, slope = value_and_slope(loss.per_example, z, y)
    near(slope, loss.probabilities(z) - F.one_hot(y, 4), 1e-10)
    assert (value >= 0).all()
    # Close to 1 it is cross-entropy, and at 1 it is exactly that.
    near(wald.Entmax(alpha=1 + 1e-9).per_example(z, y), wald.CrossEntropy().per_example(z, y), 1e-6)
    agree(wald.Entmax(alpha=1).per_example, wald.CrossEntropy().per_example, z, y)


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_a_wide_lead_costs_nothing(alpha: float) -> None:
    loss, lead = wald.Entmax(alpha=alpha), 1 / (alpha - 1)
    z = torch.tensor([[lead, 0.0, 0.0], [lead - 0.01, 0.0, 0.0], [1e4, 0.0, -1e4]], dtype=torch.float64)
    value, slope = value_and_slope(loss.per_example, z, torch.zeros(3, dtype=torch.long))
    near(value[0], 0.0)
    assert value[1] > 1e-7
    near(value[2], 0.0)
    near(slope[2], [0.0, 0.0, 0.0])
    near(loss.per_example(z, torch.full((3,), 2))[2], 2e4)


def test_entmax_leaves_out_ignored_targets() -> None:
    """Defect of the entmax package: its default ignore_index of -100 is not honoured (see test_ports)."""
    z, y = scores(), ids()
    y[:5] = -100
    near(wald.Entmax()(z, y), wald.Entmax()(z[5:], y[5:]))


def test_chance_and_perfect_are_where_the_card_says() -> None:
    for alpha in (1.0, 1.5, 2.0):
        loss = wald.Entmax(alpha=alpha)
        near(loss(torch.zeros(1, 7), torch.tensor([3])), loss.reference_points(classes=7)["chance"], 1e-6)


# Bi-tempered.


def published(z: Tensor, y: Tensor, t1: float, t2: float, steps: int) -> Tensor:
    """The formula of Amid et al. with their normalisation: a fixed-point iteration above 1, bisection below."""
    ahead = z - z.amax(-1, keepdim=True)

    def total(x: Tensor) -> Tensor:
        return ((1 + (1 - t2) * x).clamp(min=0) ** (1 / (1 - t2))).sum(-1, keepdim=True)

    if t2 > 1:
        scaled = ahead
        for _ in range(steps):
            scaled = ahead * total(scaled) ** (1 - t2)
        shift = (total(scaled) ** (t2 - 1) - 1) / (t2 - 1)
    else:
        low, high = torch.zeros_like(ahead[:, :1]), torch.full_like(ahead[:, :1], 1 / (1 - t2))
        for _ in range(steps):
            middle = (low + high) / 2
            much = total(ahead - middle) > 1
            low, high = torch.where(much, middle, low), torch.where(much, high, middle)
        shift = low
    p = (1 + (1 - t2) * (ahead - shift)).clamp(min=0) ** (1 / (1 - t2))
    own = p.gather(-1, y[:, None])[:, 0]
    surprise = -own.log() if t1 == 1 else (1 - own ** (1 - t1)) / (1 - t1)
    return surprise - (1 - (p ** (2 - t1)).sum(-1)) / (2 - t1)


@pytest.mark.parametrize(("t1", "t2"), [(0.8, 1.2), (0.2, 4.0), (1.0, 1.5), (0.3, 0.6), (0.5, 0.9)])
def test_bi_tempered_is_the_published_formula(t1: float, t2: float) -> None:
    loss, z, y = wald.BiTempered(t1=t1, t2=t2), scores(), ids()
    near(loss.per_example(z, y), published(z, y, t1, t2, 2000 if t2 > 1 else 60), 1e-10)
    p = loss.probabilities(z)
    near(p.sum(-1), torch.ones(31))
    if t2 > 1:
        # Their five steps come close for few classes, and the gradient is that of the exact value.
        near(loss.per_example(z, y), published(z, y, t1, t2, 5), 0.2)
        agree(loss.per_example, lambda z, y: published(z, y, t1, t2, 2000), z[:3], y[:3], relative=1e-8)


def test_bi_tempered_at_one_is_cross_entropy() -> None:
    z, y = scores(), ids()
    agree(wald.BiTempered(t1=1, t2=1).per_example, wald.CrossEntropy().per_example, z, y)
    near(wald.BiTempered(t1=1 - 1e-9, t2=1 + 1e-9)(z, y), wald.CrossEntropy()(z, y), 1e-6)
    smooth = wald.BiTempered(t1=1, t2=1 + 1e-9, label_smoothing=0.1)(z, y)
    near(smooth, wald.CrossEntropy(label_smoothing=0.1)(z, y), 1e-6)
    # And the tempered softmax at t2 is the entmax at 2 - t2.
    near(wald.BiTempered(t1=0.2, t2=0.5).probabilities(z), wald.Entmax(alpha=1.5).probabilities(z))


def test_what_one_example_costs_is_bounded() -> None:
    z = torch.tensor([[1e4, -1e4], [0.0, -1e30]])
    value, slope = value_and_slope(wald.BiTempered(t1=0.8, t2=1.2).per_example, z, torch.tensor([1, 1]))
    assert (value <= 5.0).all()
    assert (value > 3.5).all()
    assert slope.isfinite().all()


def test_a_logarithm_less_bounded_than_the_tails_is_refused() -> None:
    with pytest.raises(ValueError, match=r"t1 must not be above t2, got t1=0\.9 and t2=0\.5"):
        wald.BiTempered(t1=0.9, t2=0.5)
