"""Calls that give a silent wrong number, a NaN or a riddle elsewhere, and what they give here: one test each."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from .catalogue import leaf

LOGITS = torch.tensor([[0.1, 2.0, -1.0], [1.0, 0.0, 0.5], [-0.3, 0.2, 0.9]])
IDS = torch.tensor([2, 0, 1])
HEAVY = (1.0, 2.0, 5.0)


def gradient(loss: wald.Loss, first: Tensor, *rest: Tensor, **how: object) -> Tensor:
    prediction = leaf(first)
    loss(prediction, *rest, **how).backward()
    assert prediction.grad is not None
    return prediction.grad


def test_cross_entropy_with_every_target_ignored_follows_the_policy() -> None:
    ignored = torch.full((3,), -100)
    loss = wald.CrossEntropy()
    assert F.cross_entropy(LOGITS, ignored).isnan()
    assert loss(LOGITS, ignored).item() == 0
    assert (gradient(loss, LOGITS, ignored) == 0).all()
    assert loss(LOGITS, ignored, empty="nan").isnan()
    assert loss.tally(LOGITS, ignored).count.item() == 0
    with pytest.raises(wald.EmptyBatchError):
        loss(LOGITS, ignored, empty="raise")


def test_the_class_weight_of_a_batch_of_one_shows_when_rows_are_the_denominator() -> None:
    plain, heavy = wald.CrossEntropy(), wald.CrossEntropy(class_weight=HEAVY)
    one = LOGITS[:1], IDS[:1]
    assert heavy(*one).item() == pytest.approx(plain(*one).item())
    assert heavy(*one, normalizer="rows").item() == pytest.approx(5 * plain(*one).item())


def test_the_two_weighted_means_have_two_names() -> None:
    loss = wald.CrossEntropy(class_weight=HEAVY)
    by_weight = F.cross_entropy(LOGITS, IDS, torch.tensor(HEAVY))
    by_rows = F.cross_entropy(LOGITS, IDS, torch.tensor(HEAVY), reduction="none").mean()
    assert loss(LOGITS, IDS).item() == pytest.approx(by_weight.item())
    assert loss(LOGITS, IDS, normalizer="rows").item() == pytest.approx(by_rows.item())
    assert by_weight.item() != pytest.approx(by_rows.item())


def test_weighted_cross_entropy_of_micro_batches_is_that_of_the_batch() -> None:
    loss = wald.CrossEntropy(class_weight=HEAVY)
    whole = loss(LOGITS, IDS).double()
    halves = loss.tally(LOGITS[:1], IDS[:1]) + loss.tally(LOGITS[1:], IDS[1:])
    assert halves.mean.item() == pytest.approx(whole.item(), rel=1e-6)
    assert (loss(LOGITS[:1], IDS[:1]) + loss(LOGITS[1:], IDS[1:])).item() / 2 != pytest.approx(whole.item())


def test_probabilities_where_log_probabilities_are_due_are_refused() -> None:
    p, q = LOGITS.softmax(-1), LOGITS.flip(0).softmax(-1)
    assert F.kl_div(q, p, reduction="batchmean") < 0
    with pytest.raises(wald.DomainError, match=r"log"):
        wald.KLDivergence(prediction_space="log_probabilities", target_space="probabilities")(q, p)


@pytest.mark.parametrize("loss", [wald.Poisson(), wald.Squared(), wald.Huber(), wald.Hinge()], ids=repr)
def test_a_column_against_a_row_is_refused_with_the_fix(loss: wald.Loss) -> None:
    with pytest.raises(wald.ShapeError, match=r"\(5, 5\).*Use target\.unsqueeze\(-1\) or prediction\.squeeze\(-1\)"):
        loss(torch.zeros(5, 1), torch.zeros(5))


def test_gaussian_likelihood_does_not_broadcast_either() -> None:
    with pytest.raises(wald.ShapeError, match=r"\(5, 2\).*\(5, 1\)"):
        wald.GaussianNLL()(torch.zeros(5, 2), torch.zeros(5, 1))


def test_a_pair_loss_does_not_broadcast_either() -> None:
    with pytest.raises(wald.ShapeError, match=r"same \(5, 1\)"):
        wald.ContrastivePair()(torch.zeros(5, 3), torch.zeros(5, 3), torch.ones(5, 1))


def test_softmax_before_cross_entropy_is_refused_with_the_floor() -> None:
    perfect = (20 * torch.eye(10)).softmax(-1)
    assert F.cross_entropy(perfect, torch.arange(10)).item() == pytest.approx(1.461, abs=1e-3)
    with pytest.raises(wald.DomainError, match=r"look like probabilities.*1\.461 for 10 classes"):
        wald.CrossEntropy()(perfect, torch.arange(10))


def test_a_target_of_255_is_refused_with_the_cause() -> None:
    target = torch.tensor([0.0, 1.0, 255.0])
    assert F.binary_cross_entropy_with_logits(torch.full((3,), 2.0), target) < 0
    with pytest.raises(wald.DomainError, match=r"contains 255.*expected \[0, 1\].*target / 255"):
        wald.BinaryCrossEntropy()(torch.full((3,), 2.0), target)


def test_labels_of_minus_one_are_refused_with_the_fix() -> None:
    with pytest.raises(wald.DomainError, match=r"\(target \+ 1\) / 2"):
        wald.Hinge()(torch.zeros(2), torch.tensor([-1.0, 1.0]))


def test_a_hidden_nan_leaves_no_gradient() -> None:
    x, y = torch.zeros(3), torch.tensor([1.0, torch.nan, 2.0])
    seen = ~y.isnan()
    leaky = leaf(x)
    F.mse_loss(leaky, y, reduction="none")[seen].mean().backward()
    assert leaky.grad is not None
    ours = gradient(wald.Squared(), x, y, mask=seen)
    torch.testing.assert_close(ours, torch.tensor([-1.0, 0.0, -2.0]))


def test_the_logistic_loss_of_a_very_wrong_logit_is_its_size() -> None:
    z = torch.tensor([-100.0])
    assert F.soft_margin_loss(z, torch.ones(1)).isinf()
    for loss in (wald.BinaryCrossEntropy(), wald.Focal(gamma=0.0)):
        assert loss(z, torch.ones(1)).item() == pytest.approx(100)
        assert gradient(loss, z, torch.ones(1)).item() == pytest.approx(-1)


def test_saturated_bfloat16_is_finite() -> None:
    sure = torch.tensor([40.0, -40.0], dtype=torch.bfloat16)
    wrong = torch.tensor([0.0, 1.0])
    assert (-torch.log1p(-sure.sigmoid().clamp(max=1 - 1e-6)))[0].isinf()
    assert wald.BinaryCrossEntropy()(sure, wrong).item() == pytest.approx(40)
    assert gradient(wald.BinaryCrossEntropy(), sure, wrong).isfinite().all()


def test_label_smoothing_spreads_over_the_allowed_classes_only() -> None:
    logits = torch.tensor([[1.0, 0.0, -torch.inf]])
    target = torch.tensor([0])
    assert F.cross_entropy(logits, target, label_smoothing=0.1).isinf()
    logp = torch.tensor([1.0, 0.0]).log_softmax(-1)
    wanted = -(0.9 * logp[0] + 0.05 * logp.sum())
    loss = wald.CrossEntropy(label_smoothing=0.1)
    assert loss(logits, target).item() == pytest.approx(wanted.item())
    grad = gradient(loss, logits, target)
    assert grad.isfinite().all()
    assert grad[0, 2] == 0


def test_focal_says_loudly_how_it_differs_from_torchvision() -> None:
    assert wald.Focal().alpha is None
    assert "torchvision" in (wald.Focal.__doc__ or "")
    z, y = torch.tensor([0.3, -0.2]), torch.tensor([1.0, 0.0])
    quarter = wald.Focal(alpha=0.25)(z, y, reduction="none") / wald.Focal()(z, y, reduction="none")
    torch.testing.assert_close(quarter, torch.tensor([0.25, 0.75]))


def test_the_gradient_of_a_similarity_is_bounded_at_the_zero_vector() -> None:
    query = torch.zeros(2, 3)
    key = torch.eye(3)[:2]
    assert gradient(wald.InfoNCE(), query, key).abs().max() < 1e3
    assert gradient(wald.Triplet(), torch.zeros(1, 3), torch.zeros(1, 3), torch.ones(1, 3)).isfinite().all()


def test_huber_and_smooth_l1_differ_by_delta() -> None:
    five, zero = torch.tensor([5.0]), torch.tensor([0.0])
    assert wald.Huber(delta=0.1)(five, zero).item() == pytest.approx(0.495)
    assert F.smooth_l1_loss(five, zero, beta=0.1).item() == pytest.approx(4.95)
    assert "smooth l1" in (wald.Huber.__doc__ or "").lower()


def test_an_integer_one_hot_target_is_named_and_mended() -> None:
    with pytest.raises(wald.ShapeError, match=r"one-hot.*argmax\(-1\).*\.float\(\)"):
        wald.CrossEntropy()(LOGITS, torch.eye(3, dtype=torch.int64))
    hot = torch.eye(3)[IDS]
    assert wald.CrossEntropy()(LOGITS, hot.argmax(-1)).item() == pytest.approx(wald.CrossEntropy()(LOGITS, hot).item())


def test_one_hot_and_ids_have_one_weighted_mean() -> None:
    loss = wald.CrossEntropy(class_weight=HEAVY)
    assert loss(LOGITS, torch.eye(3)[IDS]).item() == pytest.approx(loss(LOGITS, IDS).item())


def test_pos_weight_may_be_a_number() -> None:
    z, y = torch.tensor([0.2]), torch.tensor([1.0])
    assert wald.BinaryCrossEntropy(pos_weight=9.0)(z, y).item() == pytest.approx(
        9 * wald.BinaryCrossEntropy()(z, y).item()
    )


def test_a_percentage_of_zero_is_refused_or_left_out() -> None:
    p, y = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])
    with pytest.raises(wald.DomainError, match=r"zero"):
        wald.Percentage()(p, y)
    assert wald.Percentage(zero="mask")(p, y).item() == pytest.approx(0.5)
    assert wald.Percentage(zero="floor")(p, y).item() == pytest.approx((1.0 + 0.5) / 2)


def test_dpo_starts_at_the_log_of_two() -> None:
    chosen, rejected = torch.tensor([-3.0], dtype=torch.float64), torch.tensor([-5.0], dtype=torch.float64)
    assert wald.DPO()(chosen, rejected, chosen, rejected).item() == pytest.approx(math.log(2), abs=1e-15)
