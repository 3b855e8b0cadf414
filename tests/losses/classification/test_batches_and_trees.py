"""Losses of rare classes, of whole batches, of positives alone, of trees and of directions."""

from __future__ import annotations

from itertools import pairwise
import math
from typing import Any

import pytest
from sklearn.metrics import f1_score, matthews_corrcoef
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from .agreeing import agree, ids, law, near, scores

CE = wald.CrossEntropy()
COUNTS = (900.0, 90.0, 9.0, 1.0)


def hard(yes: Tensor) -> Tensor:
    """Scores that are sure."""
    return 80.0 * yes.double() - 40.0


def labels(seed: int, rows: int = 60) -> Tensor:
    return torch.randint(0, 2, (rows,), generator=torch.Generator().manual_seed(seed)).double()


# Vector scaling.


def test_vector_scaling_is_the_formula_and_logit_adjustment_without_factors() -> None:
    share = torch.tensor(COUNTS, dtype=torch.float64) / 1000
    z, y = scores(), ids()
    loss = wald.VectorScaling(counts=COUNTS, gamma=0.3, tau=0.7)
    agree(
        loss,
        lambda z, y: F.cross_entropy((share / share.max()) ** 0.3 * z + 0.7 * share.log(), y),
        z,
        y,
    )
    agree(wald.VectorScaling(counts=COUNTS, gamma=0), wald.LogitAdjusted(prior=COUNTS), z, y)
    agree(wald.VectorScaling(counts=(5, 5, 5, 5)), CE, z, y)
    with pytest.raises(ValueError, match="two classes or more"):
        wald.VectorScaling(counts=(5,))
    with pytest.raises(wald.ShapeError):
        loss(torch.randn(2, 3), torch.tensor([0, 1]))


# Directions.


def test_logit_norm_and_focal_cosine_are_their_formulas() -> None:
    z, y = scores(), ids()
    agree(wald.LogitNorm(temperature=0.3), lambda z, y: F.cross_entropy(F.normalize(z, dim=-1) / 0.3, y), z, y)

    def cosine(z: Tensor, y: Tensor) -> Tensor:
        near_target = F.cosine_similarity(z, F.one_hot(y, 4).to(z), dim=-1)
        surprise = F.cross_entropy(F.normalize(z, dim=-1), y, reduction="none")
        return 1 - near_target + 0.1 * (1 - (-surprise).exp()) ** 2 * surprise

    agree(wald.FocalCosine().per_example, cosine, z, y)


@pytest.mark.parametrize("loss", [wald.LogitNorm(temperature=0.5), wald.FocalCosine(), wald.FocalCosine(weight=0)])
def test_only_the_direction_counts(loss: wald.Loss) -> None:
    z, y = scores(), ids()
    near(loss(1e6 * z, y), loss(z, y))
    zero = torch.zeros(1, 4, requires_grad=True)
    value = loss(zero, torch.tensor([1]))
    value.backward()
    near(value.detach(), loss.reference_points(classes=4)["collapse"], 1e-6)
    assert zero.grad is not None
    assert (zero.grad == 0).all()
    # A class that cannot occur is as one that is not there.
    with_one_more = torch.cat([z, torch.full((31, 1), -torch.inf)], -1)
    near(loss(with_one_more, y), loss(z, y))


def test_how_low_logit_norm_can_go() -> None:
    loss = wald.LogitNorm(temperature=0.2)
    best = torch.tensor([[3.0, -1.0, -1.0, -1.0]], dtype=torch.float64)
    near(loss(best, torch.tensor([0])), loss.reference_points(classes=4)["floor"])
    assert (
        loss(scores(rows=500), torch.zeros(500, dtype=torch.long), reduction="none") >= loss(best, ids(rows=1) * 0)
    ).all()


# Batches.


@pytest.mark.parametrize("seed", range(4))
def test_of_hard_predictions_they_are_the_scores_of_scikit_learn(seed: int) -> None:
    said, truth = labels(seed), labels(seed + 10)
    near(wald.SoftF1()(hard(said), truth), 1 - f1_score(truth, said), 1e-12)
    near(wald.MatthewsCorrelation()(hard(said), truth), 1 - matthews_corrcoef(truth, said), 1e-12)


def test_soft_counts_are_those_of_the_definitions() -> None:
    z, t = scores(classes=1)[:, 0], labels(1, 31)

    def counts(z: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        p = z.sigmoid()
        return (p * t).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum(), ((1 - p) * (1 - t)).sum()

    def f1(z: Tensor, t: Tensor) -> Tensor:
        yes, false, missed, _ = counts(z, t)
        return 1 - 2 * yes / (2 * yes + false + missed)

    def mcc(z: Tensor, t: Tensor) -> Tensor:
        yes, false, missed, no = counts(z, t)
        root = ((yes + false) * (yes + missed) * (no + false) * (no + missed)).sqrt()
        return 1 - (yes * no - false * missed) / root

    agree(wald.SoftF1(), f1, z, t)
    agree(wald.MatthewsCorrelation(), mcc, z, t)
    # F1 is Dice over the batch.
    agree(wald.SoftF1(), lambda z, t: wald.Dice(smooth=0)(z[None], t[None]), z, t)
    agree(wald.SoftF1(smooth=1), lambda z, t: wald.Dice(smooth=1)(z[None], t[None]), z, t)


def test_macro_f1_of_several_labels_by_vmap() -> None:
    z, t = scores(classes=3), (scores(5, classes=3) > 0).double()
    macro = torch.vmap(wald.SoftF1(), in_dims=1)(z, t).mean()
    near(macro, sum(wald.SoftF1()(z[:, k], t[:, k]) for k in range(3)) / 3)


@pytest.mark.parametrize("loss", [wald.SoftF1(), wald.MatthewsCorrelation()], ids=repr)
@pytest.mark.parametrize(("said", "truth"), [(0, 0), (1, 1), (1, 0), (0, 1)])
def test_batches_of_one_kind_have_finite_slopes(loss: wald.Loss, said: int, truth: int) -> None:
    z = torch.full((5,), 200.0 * (2 * said - 1), requires_grad=True)
    value = loss(z, torch.full((5,), float(truth)))
    value.backward()
    assert value.isfinite()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    if isinstance(loss, wald.MatthewsCorrelation):
        assert value == 1


def test_a_hundred_thousand_examples_in_half_precision() -> None:
    """Products of four counts overflow; means do not."""
    z, t = torch.randn(100_000, generator=torch.Generator().manual_seed(0)), torch.arange(100_000) % 100 == 0
    found = wald.MatthewsCorrelation()(z.half(), t.half())
    near(found.double(), wald.MatthewsCorrelation()(z.half().double(), t.double()), 1e-5)


# Positives and unlabelled.


@pytest.mark.parametrize("surrogate", ["sigmoid", "logistic"])
@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("shift", [-4.0, 0.0, 4.0])
def test_positive_unlabelled_is_the_estimate_of_the_papers(surrogate: str, nonnegative: bool, shift: float) -> None:
    def theirs(z: Tensor, known: Tensor) -> Tensor:
        cost = torch.sigmoid if surrogate == "sigmoid" else F.softplus
        yes, other = z[known == 1], z[known == 0]
        negative = cost(other).mean() - 0.4 * cost(yes).mean()
        return 0.4 * cost(-yes).mean() + (negative.clamp(min=0) if nonnegative else negative)

    loss = wald.PositiveUnlabelled(prior=0.4, nonnegative=nonnegative, surrogate=surrogate)
    z, known = scores(classes=1)[:, 0], labels(3, 31)
    z = z + shift * (2 * known - 1)
    agree(loss, theirs, z, known.long())
    assert torch.autograd.gradcheck(lambda z: loss(z, known.long()), (z.requires_grad_(),))


def test_positive_unlabelled_is_unbiased() -> None:
    """On all of a population its risk is that of the labels, whichever positives are known."""
    z, truth = scores(rows=2000, classes=1)[:, 0], labels(4, 2000)
    prior = truth.mean().item()
    known = torch.cat([z[truth == 1], z])
    label = torch.cat([torch.ones(int(truth.sum())), torch.zeros(2000)]).long()
    found = wald.PositiveUnlabelled(prior=prior, nonnegative=False)(known, label)
    near(found, (truth * (-z).sigmoid() + (1 - truth) * z.sigmoid()).mean(), 1e-10)


def test_a_batch_without_one_of_both() -> None:
    loss, z = wald.PositiveUnlabelled(prior=0.3), torch.tensor([1.0, -1.0])
    near(loss(z, torch.tensor([0, 0])), z.sigmoid().mean())
    near(loss(z, torch.tensor([1, 1])), 0.3 * (-z).sigmoid().mean())
    with pytest.raises(wald.DomainError):
        loss(z, torch.tensor([1, 2]))


# Trees.

LEVELS = ((0, 0, 0, 1, 1), (0, 0, 1, 2, 2))


def by_hand(z: Tensor, y: int, alpha: float) -> Tensor:
    """Bertinetto et al., equation 4, along one path."""
    p = z.softmax(-1)
    sets = [[0, 1, 2, 3, 4], *([k for k in range(5) if row[k] == row[y]] for row in LEVELS), [y]]
    total: Any = 0.0
    for depth, (above, inside) in enumerate(pairwise(sets)):
        height = len(sets) - 2 - depth
        total = total - math.exp(-alpha * height) * (p[inside].sum() / p[above].sum()).log()
    return total


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.4])
def test_the_way_down_a_tree(alpha: float) -> None:
    loss = wald.HierarchicalCrossEntropy(levels=LEVELS, alpha=alpha)
    z, y = scores(classes=5), ids(classes=5)
    agree(
        loss.per_example, lambda z, y: torch.stack([by_hand(r, int(k), alpha) for r, k in zip(z, y, strict=True)]), z, y
    )
    share = law(classes=5)
    each = torch.stack([loss.per_example(z, torch.full((31,), k)) for k in range(5)], -1)
    near(loss.per_example(z, share), (share * each).sum(-1))
    if alpha == 0:
        agree(loss, CE, z, y)


def test_far_apart_and_impossible_classes_of_a_tree() -> None:
    loss = wald.HierarchicalCrossEntropy(levels=LEVELS)
    z = torch.tensor([[0.0, 1e4, -1e4, 3.0, -torch.inf]] * 5, requires_grad=True)
    value = loss(z, torch.arange(5), reduction="none")
    assert value[:4].isfinite().all()
    assert value[4] == torch.inf
    (slope,) = torch.autograd.grad(value[:4].sum(), z)
    assert slope.isfinite().all()
    share = torch.tensor([[0.5, 0.0, 0.0, 0.5, 0.0]])
    (slope,) = torch.autograd.grad(loss(z[:1], share), z)
    assert slope.isfinite().all()


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ((), "at least one level"),
        (((0, 0, 1), (0, 1)), r"for 3 classes, levels\[1\] for 2"),
        (((0, 0, 1), (0, 1, 1)), r"group 1 of levels\[1\] is in group 0 and, by class 2, in group 1"),
    ],
)
def test_what_is_no_tree_is_refused(levels: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wald.HierarchicalCrossEntropy(levels=levels)


# Log-probabilities and probabilities.


def test_negative_log_likelihood_is_cross_entropy_of_what_the_softmax_was_of() -> None:
    z, y, w = scores(), ids(), (1.0, 2.0, 5.0, 0.5)
    y[:3] = -100
    wanted = F.cross_entropy(z, y, weight=torch.tensor(w, dtype=torch.float64))
    logs = wald.NegativeLogLikelihood(class_weight=w)
    near(logs(z.log_softmax(-1), y), wanted)
    near(wald.NegativeLogLikelihood(space="probabilities", class_weight=w)(z.softmax(-1), y), wanted)
    agree(logs, lambda s, y: F.nll_loss(s, y, weight=torch.tensor(w).to(s)), z.log_softmax(-1), y)


def test_what_is_not_of_its_space_is_refused() -> None:
    """torch's NLLLoss takes probabilities in place of log-probabilities and gives a negative loss."""
    p, y = torch.tensor([[0.7, 0.3]]), torch.tensor([0])
    assert F.nll_loss(p, y) < 0
    with pytest.raises(wald.DomainError, match=r"prediction.log\(\) on probabilities"):
        wald.NegativeLogLikelihood()(p, y)
    with pytest.raises(wald.DomainError, match="read as probabilities"):
        wald.NegativeLogLikelihood(space="probabilities")(p.log(), y)


def test_a_probability_of_zero_for_what_is_true_costs_infinity() -> None:
    p = torch.tensor([[1.0, 0.0]], requires_grad=True)
    value = wald.NegativeLogLikelihood(space="probabilities")(p, torch.tensor([[1.0, 0.0]]))
    value.backward()
    assert value == 0
    assert p.grad is not None
    near(p.grad, [[-1.0, 0.0]])
    assert wald.NegativeLogLikelihood(space="probabilities")(p, torch.tensor([1])) == torch.inf


# Gradient harmony.


def test_gradient_harmonised_is_the_mean_of_the_means_of_its_bins() -> None:
    z, t = 2 * scores(classes=1, rows=200)[:, 0], labels(6, 200)

    def by_bins(z: Tensor, t: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(z, t, reduction="none")
        place = ((z.sigmoid() - t).abs() * 7).floor().clamp(max=6)
        return torch.stack([each[place == k].mean() for k in place.unique()]).mean()

    agree(wald.GradientHarmonised(bins=7), by_bins, z, t)
    agree(wald.GradientHarmonised(bins=1), wald.BinaryCrossEntropy(), z, t)
    kept = torch.arange(200) % 3 > 0
    near(wald.GradientHarmonised()(z, t, mask=kept), wald.GradientHarmonised()(z[kept], t[kept]))
