"""After training: probabilities of the true base rate, inverses of losses, and thresholds from costs."""

from __future__ import annotations

from collections.abc import Callable
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wald
from wald.choices import ChoiceError, Correction, Costs, prior_correction, recalibration, threshold
from wald.core import Loss

from ..sampling import daily

# Simulated logistic data at five base rates: the model is right, so that what is left is the correction's own.

RATES = (0.5, 0.1, 0.02, 0.005, 0.001)


def simulated(rate: float, rows: int = 30_000) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(7)
    x = torch.randn(rows, 3, generator=source, dtype=torch.float64)
    slope = x @ torch.tensor([1.2, -0.8, 0.5], dtype=torch.float64)
    low, high = -30.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(torch.sigmoid(slope + middle).mean()) < rate else (low, middle)
    # Each row in both labels, weighted by its chance: the sample is the population.
    return x, torch.sigmoid(slope + middle)


def fitted(loss: Callable[..., Tensor], x: Tensor, chance: Tensor) -> Tensor:
    """Raw predictions of a linear model that minimises the expected loss."""
    theta = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([theta], max_iter=300, tolerance_grad=1e-11, tolerance_change=1e-15,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        z = x @ theta[:-1] + theta[-1]
        yes, no = (loss(z, torch.full_like(z, label), reduction="none") for label in (1.0, 0.0))
        value = (chance * yes + (1 - chance) * no).mean() / float(chance.mean())
        value.backward()
        return value

    optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    return (x @ theta[:-1] + theta[-1]).detach()


def log_loss(p: Tensor, chance: Tensor) -> float:
    return float(-(chance * p.log() + (1 - chance) * torch.log1p(-p)).mean())


@pytest.mark.parametrize("rate", RATES)
def test_a_weighted_fit_is_taken_back_to_the_base_rate(rate: float) -> None:
    x, chance = simulated(rate)
    best = log_loss(torch.sigmoid(fitted(wald.BinaryCrossEntropy(), x, chance)), chance)
    loss = wald.BinaryCrossEntropy(pos_weight=(1 - rate) / rate)
    raw = fitted(loss, x, chance)
    if rate < 0.5:
        # What the weight had done: the average row was at one half, or near.
        assert float(torch.sigmoid(raw).mean()) > 2 * rate
    found = prior_correction(loss).probabilities(raw)
    assert float(found.mean()) == pytest.approx(rate, rel=0.02)
    assert log_loss(found, chance) == pytest.approx(best, rel=0.01)


def test_real_labels_and_the_ways_to_say_it_agree() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x, chance = simulated(0.02, 100_000)
    target = (torch.rand(len(x), generator=torch.Generator().manual_seed(1), dtype=torch.float64) < chance).numpy()
    weighted = linear.LogisticRegression(C=1e6, class_weight="balanced", max_iter=300).fit(x.numpy(), target)
    raw = weighted.decision_function(x.numpy())
    share = float(target.mean())
    found = [
        prior_correction(class_weight="balanced", target=target),
        prior_correction(trained=0.5, actual=share),
        prior_correction(class_weight={0: 0.5 / (1 - share), 1: 0.5 / share}),
        prior_correction(weight=np.where(target, 0.5 / share, 0.5 / (1 - share)), target=target),
        prior_correction(wald.BinaryCrossEntropy(pos_weight=(1 - share) / share)),
    ]
    first = found[0].probabilities(raw)
    for other in found[1:]:
        assert torch.allclose(other.probabilities(raw), first, rtol=1e-9)
    assert float(first.mean()) == pytest.approx(share, rel=0.02)
    plain = linear.LogisticRegression(C=1e6, max_iter=300).fit(x.numpy(), target)
    y = torch.from_numpy(target).double()
    best = log_loss(torch.sigmoid(torch.from_numpy(plain.decision_function(x.numpy()))), y)
    assert log_loss(first, y) == pytest.approx(best, rel=0.01)


# The population version is exact: the best score of each chance, found by a search on values, is mapped back.

ONE: tuple[Loss, ...] = (
    wald.BinaryCrossEntropy(),
    wald.BinaryCrossEntropy(pos_weight=9.0),
    wald.BinaryCrossEntropy(pos_weight=0.2, label_smoothing=0.1),
    wald.Focal(gamma=2.0),
    wald.Focal(gamma=0.5, alpha=0.25),
    wald.Focal(gamma=5.0),
    wald.SquaredHinge(),
    wald.SquaredHinge(margin=2.0),
    wald.Tempered(wald.BinaryCrossEntropy(), 2.0),
    wald.Smoothed(wald.Focal(gamma=2.0), 0.1),
    wald.Clipped(wald.BinaryCrossEntropy(), 10.0),
    wald.Squared(),
    wald.Expectile(level=0.8),
    wald.LogCosh(),
)


@pytest.mark.parametrize("loss", ONE, ids=str)
@pytest.mark.slow
def test_the_inverse_finds_the_chance_behind_the_best_score(loss: Loss) -> None:
    chance = torch.tensor([0.01, 0.1, 0.3, 0.5, 0.8, 0.98], dtype=torch.float64)
    low, high = torch.full_like(chance, -12.0), torch.full_like(chance, 12.0)
    golden = (5**0.5 - 1) / 2

    def cost(z: Tensor) -> Tensor:
        one, none = loss(z, torch.ones_like(z), reduction="none"), loss(z, torch.zeros_like(z), reduction="none")
        return chance * one + (1 - chance) * none

    grid = torch.linspace(-12, 12, 2401, dtype=torch.float64)
    least = torch.stack([cost(z.expand_as(chance)) for z in grid]).argmin(0)
    low, high = grid[(least - 1).clamp_min(0)], grid[(least + 1).clamp_max(2400)]
    for _ in range(80):
        a, b = high - golden * (high - low), low + golden * (high - low)
        left = cost(a) < cost(b)
        low, high = torch.where(left, low, a), torch.where(left, b, high)
    # A search on values finds a minimum to the root of the precision.
    assert torch.allclose(recalibration(loss).probabilities((low + high) / 2), chance, atol=2e-7)


def test_closed_forms() -> None:
    z = torch.linspace(-20, 20, 401, dtype=torch.float64)
    # Squared hinge: p = (1 + z / margin) / 2. Label smoothing: p = (q - s / 2) / (1 - s). Focal: Charoenphakdee et al.
    inside = z[z.abs() < 0.99]
    assert torch.allclose(recalibration(wald.SquaredHinge()).probabilities(inside), (1 + inside) / 2, atol=1e-12)
    q = torch.sigmoid(z)
    held = (q > 0.06) & (q < 0.94)
    smoothed = recalibration(wald.BinaryCrossEntropy(label_smoothing=0.1)).probabilities(z[held])
    assert torch.allclose(smoothed, (q[held] - 0.05) / 0.9, atol=1e-12)
    shifted = recalibration(wald.BinaryCrossEntropy(pos_weight=50.0)).logits(z)
    assert torch.allclose(shifted, z - math.log(50), atol=1e-9)
    v = torch.sigmoid(torch.linspace(-8, 8, 33, dtype=torch.float64))

    def steep(p: Tensor) -> Tensor:
        return (1 - p) ** 2 / p - 2 * (1 - p) * p.log()

    told = recalibration(wald.Focal(gamma=2)).probabilities(torch.logit(v))
    assert torch.allclose(told, (1 / steep(v)) / (1 / steep(v) + 1 / steep(1 - v)), rtol=1e-9)


@pytest.mark.parametrize("loss", ONE, ids=str)
def test_the_inverse_rises_reaches_far_and_has_a_slope(loss: Loss) -> None:
    found = recalibration(loss)
    z = torch.tensor([-1e4, -500, -40, -12, *torch.linspace(-3, 3, 61).tolist(), 12, 40, 500, 1e4]).double()
    logits = found.logits(z)
    assert bool(logits.isfinite().all())
    assert bool((logits.diff() > 0).all()) or isinstance(loss, wald.Squared)
    x = torch.tensor([0.2, 0.4, 0.7], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(found.logits(x).sum(), x)
    step = 1e-6
    numeric = (found.logits(x.detach() + step) - found.logits(x.detach() - step)) / (2 * step)
    assert torch.allclose(slope, numeric, rtol=1e-5)


SEVERAL: tuple[Loss, ...] = (
    wald.CrossEntropy(),
    wald.CrossEntropy(class_weight=(1, 2, 5)),
    wald.CrossEntropy(class_weight=(1, 2, 5), label_smoothing=0.1),
    wald.CrossEntropy(label_smoothing=0.1, z_loss=0.01),
    wald.Focal(gamma=2.0, kind="multiclass"),
    wald.Focal(gamma=1.0, alpha=(0.2, 0.3, 0.5), kind="multiclass"),
    wald.Smoothed(wald.Focal(gamma=2.0, kind="multiclass"), 0.1),
    wald.Tempered(wald.CrossEntropy(), 3.0),
    wald.LDAM(counts=(1000, 100, 10), scale=3.0),
    wald.ClassBalancedCrossEntropy(counts=(1000, 100, 10)),
    wald.LogitAdjusted(prior=(0.9, 0.09, 0.01)),
    wald.RankedProbability(),
)


@pytest.mark.parametrize("loss", SEVERAL, ids=str)
def test_several_classes_are_mapped_back(loss: Loss) -> None:
    chance = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.34, 0.33, 0.33], [0.96, 0.03, 0.01]]).double()
    z = torch.zeros_like(chance, requires_grad=True)
    optimiser = torch.optim.LBFGS([z], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-16,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        each = [loss(z, torch.full((4,), k), reduction="none") for k in range(3)]
        value = (chance * torch.stack(each, -1)).sum()
        value.backward()
        return value

    optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    found = recalibration(loss, classes=3).probabilities(z.detach())
    assert torch.allclose(found, chance, atol=1e-5)
    assert torch.allclose(found.sum(-1), torch.ones(4).double(), atol=1e-12)
    # A shift of all scores says nothing of the classes, whatever the loss makes of it (z-loss wants one of its own).
    assert torch.allclose(recalibration(loss, classes=3).probabilities(z.detach() + 5), found, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (wald.Hinge(), "does not say how likely"),
        (wald.Absolute(), "does not say how likely"),
        (wald.Pinball(level=0.9), "does not say how likely"),
        (wald.Huber(delta=0.2), "does not say how likely"),
        (wald.Truncated(wald.BinaryCrossEntropy(), 0.8), "no score is the best"),
        (wald.GaussianNLL(), "nothing from which the probability"),
        (wald.Gamma(), "no target of 0"),
        (wald.Triplet(), "anchor"),
    ],
    ids=str,
)
def test_what_has_no_inverse_is_refused_with_the_reason(loss: Loss, reason: str) -> None:
    with pytest.raises(ChoiceError, match=reason):
        recalibration(loss)


def test_a_second_minimum_is_no_inverse() -> None:
    # Level everywhere where focal is, but turned round: a maximum is as level as a minimum.
    def upside_down(z: Tensor, y: Tensor) -> Tensor:
        return -torch.nn.functional.binary_cross_entropy_with_logits(-z, y, reduction="none")

    def bumpy(z: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(z + 3 * torch.sin(2 * z), y, reduction="none")

    for loss in (upside_down, bumpy):
        with pytest.raises(ChoiceError):
            recalibration(loss)


def test_foreign_losses() -> None:
    found = recalibration(torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0)))
    assert float(found.probabilities([0.0])) == pytest.approx(0.1)
    assert float(prior_correction(torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))).logits([0.0])) == (
        pytest.approx(-math.log(9))
    )


# Rates.


def test_odds_are_divided_exactly() -> None:
    for raw in (-30.0, -3.0, 0.0, 8.0):
        for trained, actual in ((0.5, 0.001), (0.2, 0.7)):
            odds = math.exp(raw) * (actual / (1 - actual)) / (trained / (1 - trained))
            found = prior_correction(trained=trained, actual=actual).probabilities(torch.tensor([raw]).double())
            assert float(found) == pytest.approx(odds / (1 + odds), rel=1e-12)
    rates = torch.tensor([0.7, 0.2, 0.1]).double()
    found = prior_correction(trained=[1 / 3] * 3, actual=rates.numpy()).probabilities(torch.zeros(2, 3))
    assert torch.allclose(found.double(), rates.expand(2, 3), atol=1e-6)
    # Resampled, and trained with weights besides.
    both = prior_correction(wald.BinaryCrossEntropy(pos_weight=3.0), trained=0.25, actual=0.01)
    assert float(both.logits([0.0])) == pytest.approx(-math.log(3) + math.log(3) - math.log(99))


def test_what_losses_say_of_their_raw_scores() -> None:
    prior = (0.9, 0.09, 0.01)
    found = prior_correction(wald.LogitAdjusted(prior=prior))
    assert torch.allclose(found.probabilities(torch.zeros(1, 3)), torch.tensor([prior]))
    assert "balanced" in found.says
    assert "no weight" in prior_correction(wald.CrossEntropy()).says
    labels = prior_correction(wald.BinaryCrossEntropy(pos_weight=(9.0, 1.0)))
    assert torch.allclose(labels.probabilities(torch.zeros(4, 2)), torch.tensor([0.1, 0.5]).expand(4, 2))
    with pytest.raises(ChoiceError, match="recalibration"):
        prior_correction(wald.Focal(gamma=2.0, alpha=0.25))


def test_an_unknown_rate_is_found_without_labels() -> None:
    source = torch.Generator().manual_seed(3)
    x = torch.randn(200_000, generator=source, dtype=torch.float64)

    def drawn(rate: float, rows: int) -> Tensor:
        # Two normals a distance of 2 apart: the exact log-odds at a rate of one half are 2 x.
        yes = torch.rand(rows, generator=source, dtype=torch.float64) < rate
        return 2 * (torch.where(yes, 1.0, -1.0) + x[:rows])

    for rate in (0.5, 0.1, 0.02):
        found = prior_correction(trained=0.5, unlabelled=drawn(rate, 100_000))
        shift = found.shift
        assert isinstance(shift, float)
        assert 1 / (1 + math.exp(-shift)) == pytest.approx(rate, rel=0.06)
        assert "unlabelled" in found.says
    with pytest.raises(ChoiceError, match="standard error"):
        prior_correction(trained=0.5, unlabelled=torch.zeros(1000) + 0.01 * torch.randn(1000, generator=source))


# Costs.


@pytest.mark.parametrize("loss", daily(ONE, 4, str))
def test_the_threshold_is_where_the_corrected_probability_is(loss: Loss) -> None:
    costs = Costs(false_negative=30.0, false_positive=2.0, true_positive=1.0)
    found = threshold(loss, costs)
    assert found.probability == pytest.approx(2 / 31)
    assert float(recalibration(loss).probabilities(torch.tensor([found.score], dtype=torch.float64))) == pytest.approx(
        2 / 31
    )
    assert found.decide([found.score - 1e-6, found.score, 5.0]).tolist() == [0, 1, 1]


def test_weights_that_are_the_costs_decide_at_zero() -> None:
    costs = Costs(false_negative=99.0, false_positive=1.0)
    assert threshold(wald.BinaryCrossEntropy(pos_weight=99.0), costs).score == 0
    assert threshold(wald.Hinge(), Costs()).score == 0
    with pytest.raises(ChoiceError, match=r"weight=costs\.weight"):
        threshold(wald.Hinge(), costs)
    each = Costs(false_negative=torch.tensor([1.0, 9.0, 99.0]), false_positive=1.0)
    found = threshold(wald.BinaryCrossEntropy(), each)
    assert torch.allclose(found.score, -torch.tensor([1.0, 9.0, 99.0]).double().log())
    assert found.decide(torch.full((3,), -1.0)).tolist() == [0, 1, 1]


def test_several_classes_take_the_decision_of_least_expected_cost() -> None:
    costs = [[0.0, 1.0, 4.0], [1.0, 0.0, 1.0], [9.0, 2.0, 0.0]]
    raw = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    rule = threshold(wald.CrossEntropy(class_weight=(1, 2, 5)), costs)
    p = (raw - torch.tensor([1.0, 2.0, 5.0]).log()).softmax(-1)
    assert rule.decide(raw).tolist() == (p @ torch.tensor(costs)).argmin(-1).tolist()
    # Of two classes it is the threshold.
    two = threshold(wald.CrossEntropy(), [[0, 1], [9, 0]])
    assert two.decide(torch.tensor([[0.0, -2.3], [0.0, -2.1]])).tolist() == [0, 1]
    one = threshold(wald.BinaryCrossEntropy(), [[0, 1], [9, 0]])
    assert one.probability == pytest.approx(0.1)


# Values, and what people pass.


@pytest.mark.parametrize("make", [
    lambda: prior_correction(wald.BinaryCrossEntropy(pos_weight=9.0)),
    lambda: recalibration(wald.Focal(gamma=2.0)),
    lambda: recalibration(wald.SquaredHinge()),
])  # fmt: skip
def test_any_array_of_any_dtype(make: Callable[[], Correction]) -> None:
    found = make()
    again = pickle.loads(pickle.dumps(found))
    raw = [-1.0, 0.5, 0.75]
    wanted = found.probabilities(torch.tensor(raw).double())
    assert again == found
    assert repr(again) == repr(found)
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        told = again.probabilities(torch.tensor(raw, dtype=dtype))
        assert told.dtype == (torch.float64 if dtype is torch.float64 else torch.float32)
        assert torch.allclose(told.double(), wanted, atol=1e-6)
    given: list[Any] = [raw, np.array(raw), np.array(raw, dtype=np.float32), tuple(raw)]
    for one in given:
        assert torch.allclose(found(one).double(), wanted, atol=1e-6)
    assert found([]).shape == (0,)
    assert found(torch.zeros(4, 1)).shape == (4, 1)
    with torch.no_grad(), torch.inference_mode():
        assert found(torch.tensor(raw)).shape == (3,)
    with pytest.raises(ChoiceError, match="1 values that are NaN"):
        found([0.0, math.nan])


def test_images_have_their_classes_elsewhere() -> None:
    raw = torch.randn(2, 3, 4, 5)
    found = prior_correction(wald.CrossEntropy(class_weight=(1, 2, 5), axis=1)).probabilities(raw)
    assert found.shape == raw.shape
    assert torch.allclose(found.sum(1), torch.ones(2, 4, 5))
    focal = recalibration(wald.Focal(gamma=2.0, kind="multiclass", axis=1), classes=3).probabilities(raw)
    last = recalibration(wald.Focal(gamma=2.0, kind="multiclass"), classes=3).probabilities(raw.movedim(1, -1))
    assert torch.allclose(focal.movedim(1, -1), last)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: prior_correction(), "nothing was said"),
        (lambda: prior_correction(trained=50, actual=0.01), "Did you mean 0.5"),
        (lambda: prior_correction(trained=0.5), "where the model is used"),
        (lambda: prior_correction(actual=0.5, class_weight="balanced"), "labels that the model was trained on"),
        (lambda: prior_correction(trained=[0.5, 0.3], actual=[0.5, 0.5]), "add to 0.8"),
        (lambda: prior_correction(trained=[0.5, 0.5], actual=[0.2, 0.3, 0.5]), "2 classes"),
        (lambda: prior_correction(class_weight=[1, 2], weight=[1.0], target=[0, 1]), "each of 2 rows"),
        (lambda: prior_correction(weight=[1.0, 1.0]), "labels are needed"),
        (lambda: prior_correction(weight=[1.0, 1.0], target=[1, 1]), "no row of target is of class 0"),
        (lambda: prior_correction(trained=0.5, actual=0.1).logits(torch.zeros(4, 2)), "one rate for each"),
        (lambda: prior_correction(wald.CrossEntropy(class_weight=(1, 2))).logits(torch.zeros(4)), r"\(rows, 2"),
        (lambda: prior_correction(wald.CrossEntropy(class_weight=(1, 2))).logits(torch.zeros(4, 3)), r"\(rows, 2"),
        (lambda: recalibration(wald.Focal), r"write Focal\(\)"),
        (lambda: threshold(wald.BinaryCrossEntropy(), [[0, 1, 2], [1, 0, 1], [1, 1, 0]]), "yes or no"),
        (lambda: threshold(wald.CrossEntropy(), Costs(false_negative=torch.ones(3))), "several classes"),
    ],
)  # fmt: skip
def test_errors_say_what_to_write(call: Callable[[], Any], told: str) -> None:
    with pytest.raises(ChoiceError, match=told):
        call()
