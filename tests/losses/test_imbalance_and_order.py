"""Losses of rare classes, ordered classes and decision thresholds, against other code and plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

import mpmath as mp
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

COUNTS = (900.0, 90.0, 9.0, 1.0)


def near(found: Tensor, wanted: Any, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=found.dtype), rtol=tolerance, atol=tolerance)


def value_and_slope(loss: Callable[..., Tensor], prediction: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
    x = prediction.detach().clone().requires_grad_()
    value = loss(x, *rest)
    (slope,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), slope


def agree(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *inputs: Tensor) -> None:
    for mine, its in zip(value_and_slope(ours, *inputs), value_and_slope(theirs, *inputs), strict=True):
        near(mine, its)


@pytest.fixture
def scores(rng: torch.Generator) -> Tensor:
    return 3 * torch.randn(40, 4, generator=rng, dtype=torch.float64)


@pytest.fixture
def ids(rng: torch.Generator) -> Tensor:
    return torch.randint(0, 4, (40,), generator=rng)


@pytest.fixture
def logits(rng: torch.Generator) -> Tensor:
    return 3 * torch.randn(40, generator=rng, dtype=torch.float64)


@pytest.fixture
def labels(rng: torch.Generator) -> Tensor:
    return torch.randint(0, 2, (40,), generator=rng).double()


EVERY_CLASS = [
    wald.ClassBalancedCrossEntropy(counts=COUNTS),
    wald.LogitAdjusted(prior=COUNTS),
    wald.LDAM(counts=COUNTS, scale=3.0),
    wald.RankedProbability(),
    wald.Brier(kind="multiclass"),
]


@pytest.mark.parametrize("loss", EVERY_CLASS, ids=lambda loss: type(loss).__name__)
def test_a_soft_target_is_the_mean_over_its_labels(loss: wald.Loss, scores: Tensor, rng: torch.Generator) -> None:
    law = torch.randn(40, 4, generator=rng, dtype=torch.float64).softmax(-1)
    each = torch.stack([loss.per_example(scores, torch.full((40,), k)) for k in range(4)], -1)
    near(loss.per_example(scores, law), (law * each).sum(-1))


@pytest.mark.parametrize("loss", EVERY_CLASS, ids=lambda loss: type(loss).__name__)
def test_images_and_ignored_targets(loss: wald.Loss, scores: Tensor, ids: Tensor) -> None:
    image, truth = scores.reshape(2, 20, 4).movedim(-1, 1), ids.clone().reshape(2, 20)
    near(loss.replace(axis=1)(image, truth), loss(scores, ids))
    truth[0, :7] = -100
    near(loss.replace(axis=1)(image, truth), loss(scores[7:], ids[7:]))


# Class-balanced cross-entropy.


def test_class_balanced_is_cross_entropy_with_the_weights_of_the_paper(scores: Tensor, ids: Tensor) -> None:
    for beta in (0.9, 0.999):
        weight = [(1 - beta) / (1 - beta**n) for n in COUNTS]
        weight = torch.tensor([4 * each / sum(weight) for each in weight], dtype=torch.float64)
        loss = wald.ClassBalancedCrossEntropy(counts=COUNTS, beta=beta)
        near(torch.tensor(loss.class_weight, dtype=torch.float64), weight)
        agree(loss, lambda z, y, w=weight: F.cross_entropy(z, y, weight=w), scores, ids)
        # As written in the paper: divided by the number of examples.
        agree(
            lambda z, y, loss=loss: loss(z, y, normalizer="rows"),
            lambda z, y, w=weight: (w[y] * F.cross_entropy(z, y, reduction="none")).mean(),
            scores,
            ids,
        )


def test_the_ends_of_beta(scores: Tensor, ids: Tensor) -> None:
    assert wald.ClassBalancedCrossEntropy(counts=COUNTS, beta=0).class_weight == (1.0,) * 4
    by_count = wald.ClassBalancedCrossEntropy(counts=COUNTS, beta=1).class_weight
    assert [w * n for w, n in zip(by_count, COUNTS, strict=True)] == pytest.approx([by_count[3]] * 4)
    # Close to 1 no digits are lost on the way.
    close = wald.ClassBalancedCrossEntropy(counts=COUNTS, beta=1 - 2**-50).class_weight
    assert close == pytest.approx(by_count, rel=1e-12)
    agree(wald.ClassBalancedCrossEntropy(counts=COUNTS, beta=0), wald.CrossEntropy(), scores, ids)


# Logit adjustment.


def test_logit_adjusted_adds_the_log_prior(scores: Tensor, ids: Tensor) -> None:
    prior = torch.tensor(COUNTS, dtype=torch.float64) / 1000
    loss = wald.LogitAdjusted(prior=COUNTS, tau=0.7)
    assert loss == wald.LogitAdjusted(prior=(0.9, 0.09, 0.009, 0.001), tau=0.7)
    agree(loss, lambda z, y: F.cross_entropy(z + 0.7 * prior.log(), y), scores, ids)
    agree(wald.LogitAdjusted(prior=COUNTS, tau=0), wald.CrossEntropy(), scores, ids)


def test_one_logit_is_the_difference_of_two(logits: Tensor, labels: Tensor) -> None:
    one, two = wald.LogitAdjusted(prior=0.02), wald.LogitAdjusted(prior=(980, 20))
    columns = torch.stack([torch.zeros_like(logits), logits], -1)
    near(one(logits, labels), two(columns, labels.long()))
    shift = math.log(0.02 / 0.98)
    agree(one, lambda z, y: F.binary_cross_entropy_with_logits(z + shift, y), logits, labels)
    marked = torch.where(torch.arange(40) < 5, -100.0, labels)
    near(one(logits, marked), one(logits[5:], labels[5:]))


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_its_decision_flips_where_its_card_says(tau: float) -> None:
    loss = wald.LogitAdjusted(prior=0.1, tau=tau)
    chance = torch.tensor([loss.card.threshold], dtype=torch.float64)
    z = torch.zeros(1, dtype=torch.float64)
    _, slope = value_and_slope(loss, z, chance)
    near(slope, [0.0])
    assert value_and_slope(loss, z, chance + 0.01)[1] < 0 < value_and_slope(loss, z, chance - 0.01)[1]


# LDAM.


def test_ldam_asks_the_true_class_for_its_margin(scores: Tensor, ids: Tensor) -> None:
    margins = torch.tensor([0.5 / n**0.25 for n in COUNTS], dtype=torch.float64)
    loss = wald.LDAM(counts=COUNTS)
    near(torch.tensor(loss.margins, dtype=torch.float64), margins)

    def theirs(z: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(30 * (z - margins * F.one_hot(y, 4)), y)

    agree(loss, theirs, scores / 10, ids)
    agree(wald.LDAM(counts=COUNTS, max_margin=0, scale=1), wald.CrossEntropy(), scores, ids)


# Ordered classes.


def test_ordinal_is_the_mean_cross_entropy_of_its_questions(scores: Tensor, rng: torch.Generator) -> None:
    grade = torch.randint(0, 5, (40,), generator=rng)
    beyond = (grade.unsqueeze(-1) > torch.arange(4)).double()
    agree(
        wald.Ordinal(levels=5),
        lambda z, _: F.binary_cross_entropy_with_logits(z, beyond),
        scores,
        grade,
    )
    near(
        wald.Ordinal(levels=2)(scores[:, :1], (grade > 2).long()),
        wald.BinaryCrossEntropy()(scores[:, 0], (grade > 2).double()),
    )


def test_ordinal_is_least_at_the_true_law(rng: torch.Generator) -> None:
    law = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=torch.float64)
    beyond = torch.tensor([0.9, 0.5, 0.2], dtype=torch.float64)
    loss = wald.Ordinal(levels=4)

    def expected(z: Tensor) -> Tensor:
        return (law * loss.per_example(z.expand(4, 3), torch.arange(4))).sum()

    _, slope = value_and_slope(expected, beyond.logit())
    near(slope, torch.zeros(3))
    near(loss.probabilities(beyond.logit()), law)


def test_probabilities_of_grades_are_never_negative(scores: Tensor) -> None:
    law = wald.Ordinal(levels=5).probabilities(50 * scores)
    assert (law >= 0).all()
    near(law.sum(-1), torch.ones(40))
    # The tails keep their digits.
    sure = wald.Ordinal(levels=3).probabilities(torch.tensor([60.0, 50.0], dtype=torch.float64))
    assert sure[0].item() == pytest.approx(math.exp(-60))


def test_ranked_probability_is_the_squared_distance_of_cumulative_laws(scores: Tensor, ids: Tensor) -> None:
    def by_hand(z: Tensor, y: Tensor) -> Tensor:
        step = (y.unsqueeze(-1) <= torch.arange(4)).double()
        return (z.softmax(-1).cumsum(-1) - step).square().sum(-1).mean()

    agree(wald.RankedProbability(average=False), by_hand, scores, ids)
    near(3 * wald.RankedProbability()(scores, ids), by_hand(scores, ids))
    two = torch.stack([torch.zeros(40, dtype=torch.float64), scores[:, 0]], -1)
    near(wald.RankedProbability()(two, ids % 2), wald.Brier()(scores[:, 0], (ids % 2).double()))
    # What is nearly right costs next to nothing, and not zero.
    value = wald.RankedProbability()(torch.tensor([[40.0, 0.0, 0.0]], dtype=torch.float64), torch.tensor([0]))
    assert value.item() == pytest.approx((4 * math.exp(-80) + math.exp(-80)) / 2)


# Proper losses of decision thresholds.


def test_brier_is_the_score_of_others(logits: Tensor, labels: Tensor, scores: Tensor, ids: Tensor) -> None:
    assert wald.Brier()(logits, labels).item() == pytest.approx(brier_score_loss(labels, logits.sigmoid()))
    agree(wald.Brier(), lambda z, y: (z.sigmoid() - y).square().mean(), logits, labels)
    agree(
        wald.Brier(kind="multiclass"),
        lambda z, y: (z.softmax(-1) - F.one_hot(y, 4)).square().sum(-1).mean(),
        scores,
        ids,
    )


def test_beta_at_zero_is_the_log_loss_and_at_one_half_the_brier_score(logits: Tensor, labels: Tensor) -> None:
    soft = (labels + 0.3) / 1.6
    for target in (labels, soft):
        assert torch.equal(
            wald.BetaProper(alpha=0, beta=0).per_example(logits, target),
            wald.BinaryCrossEntropy().per_example(logits, target),
        )
    agree(wald.BetaProper(alpha=1, beta=1), lambda z, y: wald.Brier()(z, y) / 2, logits, labels)
    # The boosting loss, exponential in half the logit.
    agree(wald.BetaProper(alpha=-0.5, beta=-0.5), lambda z, y: (2 * torch.exp(z * (0.5 - y))).mean(), logits, labels)
    # Towards 0 it becomes the log loss, and does not jump there.
    for small in (1e-3, 1e-9, -1e-9, 1e-300):
        one = wald.BetaProper(alpha=small, beta=small)(logits, labels, reduction="none")
        log_loss = wald.BinaryCrossEntropy()(logits, labels, reduction="none")
        torch.testing.assert_close(one, log_loss, rtol=10 * abs(small) + 1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(2, 3), (0.5, 0.5), (0.499, 0.501), (0, 3), (-0.9, 2), (5, 20), (2, 198), (150, 50)]
)
def test_beta_is_its_integral_in_value_and_slope(alpha: float, beta: float) -> None:
    z = torch.tensor([-30.0, *(k / 4 for k in range(-24, 25)), 30.0], dtype=torch.float64)
    loss = wald.BetaProper(alpha=alpha, beta=beta)
    for label in (0.0, 1.0):
        value, slope = value_and_slope(loss.per_example, z, torch.full_like(z, label))
        wanted = torch.tensor([float(cost(each, label, alpha, beta)) for each in z.tolist()], dtype=torch.float64)
        p, q = z.sigmoid(), (-z).sigmoid()
        tilt = -(p**alpha) * q ** (beta + 1) if label else p ** (alpha + 1) * q**beta
        # Where almost all of it is behind, what is left is exact to the size of the whole.
        for found, true in ((value, wanted), (slope, tilt)):
            size = true.abs().maximum(true.abs().amax().clamp(max=1))
            assert ((found - true).abs() <= 5e-13 * size).all()


def cost(z: float, label: float, alpha: float, beta: float) -> Any:
    """What a yes costs, or a no from the other side: ∫ from 0 to q of t^beta (1 - t)^(alpha - 1) dt."""
    if not label:
        return cost(-z, 1.0, beta, alpha)
    with mp.workdps(40):
        a, b = mp.mpf(alpha), mp.mpf(beta)
        q = 1 / (1 + mp.exp(mp.mpf(z)))
        return mp.re(q ** (b + 1) / (b + 1) * mp.hyp2f1(1 - a, b + 1, b + 2, q))


def test_a_normalised_beta_weighs_one_in_all(logits: Tensor, labels: Tensor) -> None:
    raw, whole = wald.BetaProper(alpha=2, beta=5), wald.BetaProper(alpha=2, beta=5, normalised=True)
    near(whole(logits, labels), 30 * raw(logits, labels))  # 1 / B(2, 5)


def elementary(p: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """The cost of decisions at each threshold: a miss costs 1 - c, a false alarm c."""
    yes = p.unsqueeze(-1) >= at
    y = y.unsqueeze(-1)
    return torch.where(yes, (1 - y) * at, y * (1 - at))


def test_one_exact_threshold_is_the_cost_of_its_mistakes(logits: Tensor, labels: Tensor) -> None:
    misses, alarms = 20.0, 1.0
    cut = alarms / (misses + alarms)
    loss = wald.ThresholdWeighted(thresholds=cut, weights=misses + alarms, width=0, smooth=0)
    yes = logits.sigmoid() >= cut
    paid = misses * (labels * ~yes).sum() + alarms * ((1 - labels) * yes).sum()
    x = logits.clone().requires_grad_()
    value = loss(x, labels, reduction="sum")
    near(value.detach(), paid)
    value.backward()
    assert x.grad is not None
    assert not x.grad.any()


def test_it_is_the_mixture_of_the_costs_at_its_thresholds(logits: Tensor, labels: Tensor) -> None:
    cuts, weights, density = (0.05, 0.3, 0.8), (2.0, 0.0, 1.0), (1.0, 4.0, 0.0, 0.5)
    points = torch.tensor(cuts, dtype=torch.float64)
    at = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    height = torch.tensor(density, dtype=torch.float64)[torch.bucketize(at, points)]
    mixed = (elementary(logits.sigmoid(), labels, at) * height).mean(-1)
    mixed = mixed + (elementary(logits.sigmoid(), labels, points) * torch.tensor(weights, dtype=torch.float64)).sum(-1)
    loss = wald.ThresholdWeighted(thresholds=cuts, weights=weights, density=density, width=0, smooth=0)
    near(loss(logits, labels, reduction="none"), mixed, tolerance=1e-3)
    # Spread over log-odds, a weight of 2 around 0.05 is a mixture, too.
    spread = wald.ThresholdWeighted(thresholds=0.05, weights=2, width=0.7, smooth=0)
    odds = math.log(0.05 / 0.95) + 0.7 * (2 * at - 1)
    near(
        spread(logits, labels, reduction="none"),
        2 * elementary(logits.sigmoid(), labels, odds.sigmoid()).mean(-1),
        tolerance=1e-3,
    )


def test_many_steps_become_the_beta_family(logits: Tensor, labels: Tensor) -> None:
    edges = [k / 400 for k in range(1, 400)]
    middles = [(k + 0.5) / 400 for k in range(400)]
    steps = wald.ThresholdWeighted(thresholds=edges, density=[c * (1 - c) ** 2 for c in middles], smooth=0)
    near(steps(logits, labels), wald.BetaProper(alpha=2, beta=3)(logits, labels), tolerance=1e-5)
    flat = wald.ThresholdWeighted(thresholds=(), density=2, smooth=0)
    agree(flat, wald.Brier(), logits, labels)


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.35, 0.9])
def test_a_smooth_part_leaves_the_true_probability_alone(chance: float) -> None:
    loss = wald.ThresholdWeighted(thresholds=(0.05, 0.2), weights=(5.0, 1.0))
    eta = torch.tensor([chance], dtype=torch.float64)
    z = eta.logit()
    near(value_and_slope(loss, z, eta)[1], [0.0])
    assert value_and_slope(loss, z - 0.2, eta)[1] < 0 < value_and_slope(loss, z + 0.2, eta)[1]
    # Far off there is a slope still, that of the log loss.
    assert value_and_slope(loss, z - 20, torch.ones(1, dtype=torch.float64))[1].abs() > 0.2


# Asymmetric focal.


def test_asymmetric_focal_is_the_formula_of_the_paper(logits: Tensor, labels: Tensor) -> None:
    def theirs(z: Tensor, y: Tensor) -> Tensor:
        p = z.sigmoid()
        q = (p - 0.05).clamp(min=0)
        return -(y * (1 - p) * p.log() + (1 - y) * q**4 * torch.log(1 - q)).mean()

    agree(wald.AsymmetricFocal(gamma_pos=1), theirs, logits, labels)
    agree(wald.AsymmetricFocal(gamma_pos=0, gamma_neg=0, clip=0), wald.BinaryCrossEntropy(), logits, labels)
    agree(wald.AsymmetricFocal(gamma_pos=2, gamma_neg=2, clip=0), wald.Focal(gamma=2), logits, labels)
    easy = torch.tensor([-3.0, -90.0, -torch.inf])
    value, slope = value_and_slope(wald.AsymmetricFocal().per_example, easy, torch.zeros(3))
    assert not value.any()
    assert not slope.any()


# Pairs.


def test_pairwise_logistic_is_the_mean_over_all_pairs(logits: Tensor, labels: Tensor) -> None:
    yes, no = logits[labels == 1], logits[labels == 0]
    agree(
        wald.PairwiseLogistic(scale=2),
        lambda z, y: F.softplus(2 * (z[y == 0] - z[y == 1].unsqueeze(-1)), threshold=99).mean(),
        logits,
        labels,
    )
    # A steep one counts the pairs in the wrong order.
    steep = wald.PairwiseLogistic(scale=1e4)(logits, labels) / 1e4
    near(steep, F.relu(no - yes.unsqueeze(-1)).mean(), tolerance=1e-3)
    assert roc_auc_score(labels, logits) == pytest.approx((yes.unsqueeze(-1) > no).double().mean().item())
    keep = torch.arange(40) % 3 > 0
    near(wald.PairwiseLogistic()(logits, labels, mask=keep), wald.PairwiseLogistic()(logits[keep], labels[keep]))


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_without_both_labels_there_is_nothing_to_learn(label: float) -> None:
    value, slope = value_and_slope(wald.PairwiseLogistic(), torch.randn(5), torch.full((5,), label))
    assert value == 0
    assert not slope.any()


# What is refused, and what to write instead.


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: wald.ClassBalancedCrossEntropy(counts=(10, 0)), "counts must be > 0, got 0.0"),
        (lambda: wald.ClassBalancedCrossEntropy(counts=(10,)), "two classes or more"),
        (lambda: wald.ClassBalancedCrossEntropy(counts=COUNTS, beta=1.1), "beta must be <= 1"),
        (lambda: wald.LDAM(counts=5), "one number for each class is wanted"),
        (lambda: wald.LogitAdjusted(prior=990), r"prior=\(990, 10\)"),
        (lambda: wald.LogitAdjusted(prior=(0.9, 0.0)), "prior must be > 0"),
        (lambda: wald.LogitAdjusted(prior=(1.0,)), "prior=0.01"),
        (lambda: wald.LogitAdjusted(prior=0.1, axis=1), "has no axis"),
        (lambda: wald.Ordinal(levels=1), "levels must be >= 2"),
        (lambda: wald.BetaProper(alpha=-1, beta=0), "alpha must be > -1"),
        (lambda: wald.BetaProper(alpha=0, beta=1, normalised=True), "Use normalised=False"),
        (lambda: wald.ThresholdWeighted(thresholds=(0.4, 0.1)), r"Use thresholds=\(0.1, 0.4\)"),
        (lambda: wald.ThresholdWeighted(thresholds=1.0), "thresholds must be < 1"),
        (lambda: wald.ThresholdWeighted(thresholds=(0.1, 0.4), weights=3), "give one for each"),
        (lambda: wald.ThresholdWeighted(thresholds=0.1, density=3), "2 pieces"),
        (lambda: wald.ThresholdWeighted(thresholds=()), "no decision counts"),
        (lambda: wald.ThresholdWeighted(thresholds=0.1, density=(1, 2), width=2), "Leave it out"),
        (lambda: wald.Brier(axis=1), "has no axis"),
    ],
)
def test_fields_that_cannot_be_meant_are_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says):
        make()


def test_inputs_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(wald.DomainError, match="target"):
        wald.Ordinal(levels=4)(torch.zeros(2, 3), torch.tensor([0, 4]))
    with pytest.raises(wald.ShapeError, match="thresholds"):
        wald.Ordinal(levels=4)(torch.zeros(2, 4), torch.tensor([0, 3]))
    with pytest.raises(wald.ShapeError, match=r"prediction\.flatten"):
        wald.PairwiseLogistic()(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(wald.ShapeError, match="there are 4"):
        wald.LogitAdjusted(prior=COUNTS)(torch.zeros(2, 3), torch.tensor([0, 2]))
