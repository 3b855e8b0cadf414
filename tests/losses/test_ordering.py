"""Losses of order: held to all pairs, all risk sets and all cuts, in value and gradient, ties included."""

from __future__ import annotations

from collections.abc import Callable
import math

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.losses.pieces.soft_ranks import pools_of_all_means, soft_ranks

from ..catalogue import leaf
from ..kernels.ordering import naive

#: Scores, labels and times from few values, so that many of them tie.
COARSE = st.integers(-4, 4).map(lambda k: k / 2)
FINE = st.floats(-30, 30).map(lambda x: round(x, 3))


@st.composite
def examples(draw: st.DrawFn, *columns: st.SearchStrategy[float], most: int = 12) -> tuple[Tensor, ...]:
    size = draw(st.integers(1, most))
    fine = draw(st.booleans())
    made = [st.lists(FINE if fine and column is COARSE else column, min_size=size, max_size=size) for column in columns]
    return tuple(torch.tensor(draw(column), dtype=torch.float64) for column in made)


HARD, SOFT = st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.25, 1.0])
few = settings(max_examples=25, deadline=None)


def both(
    ours: Callable[[Tensor], Tensor], truth: Callable[[Tensor], Tensor], at: Tensor, tolerance: float = 1e-9
) -> None:
    """The same values, and the same gradients of an uneven sum of them."""
    mine, theirs = leaf(at), leaf(at)
    value, wanted = ours(mine), truth(theirs)
    torch.testing.assert_close(value, wanted, rtol=tolerance, atol=tolerance)
    upstream = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    for each in (value, wanted):
        if each.requires_grad:
            each.backward(upstream)
    torch.testing.assert_close(
        torch.zeros_like(at) if mine.grad is None else mine.grad,
        torch.zeros_like(at) if theirs.grad is None else theirs.grad,
        rtol=tolerance,
        atol=tolerance,
    )


# Pairs.


@given(examples(COARSE, SOFT), st.sampled_from([0.3, 1.0]), st.sampled_from([1, 2]))
@few
def test_pairwise_hinge_is_the_mean_over_all_pairs(batch: tuple[Tensor, ...], margin: float, power: int) -> None:
    score, target = batch
    loss = wald.PairwiseHinge(margin=margin, power=power)
    truth = naive.hinge(margin, power)
    both(lambda s: loss.per_example(s, target), lambda s: naive.pairwise(truth, s, target), score)
    both(lambda s: loss(s, target, reduction="none"), lambda s: naive.pairwise(truth, s, target), score)
    keep = torch.arange(len(score)) % 3 != 1
    both(lambda s: loss(s, target, mask=keep), lambda s: loss(s[keep], target[keep]), score)


def test_the_mean_over_the_batch_is_the_mean_over_the_pairs(rng: torch.Generator) -> None:
    score = torch.randn(40, generator=rng, dtype=torch.float64)
    target = (torch.arange(40) % 7 == 0).double()
    lead = score[target == 1].unsqueeze(-1) - score[target == 0]
    for power in (1, 2):
        loss = wald.PairwiseHinge(power=power)
        torch.testing.assert_close(loss(score, target), (torch.relu(1 - lead) ** power).mean())


@pytest.mark.parametrize(
    "loss", [wald.PairwiseHinge(), wald.PairwiseHinge(power=2), wald.PartialAUC(max_fpr=1)], ids=repr
)
def test_far_from_zero_and_far_apart_nothing_is_lost(loss: wald.Supervised) -> None:
    """Sums of squares of scores near 1e9 would be wrong by hundreds."""
    near = torch.tensor([0.0, 0.5, 0.75, -0.25], dtype=torch.float64)
    target = torch.tensor([1.0, 0.0, 1.0, 0.0])
    moved = loss(near + 2.0**30, target)
    torch.testing.assert_close(moved, loss(near, target), rtol=1e-12, atol=0)
    far = torch.cat([near, torch.tensor([-(2.0**40)], dtype=torch.float64)])
    alone = loss.per_example(far, torch.cat([target, torch.zeros(1)]))
    assert alone[-1] == 0
    torch.testing.assert_close(loss.per_example(near, target)[1], alone[1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("loss", [wald.PairwiseHinge(), wald.PartialAUC()], ids=repr)
def test_one_label_alone_teaches_nothing(loss: wald.Supervised, label: float) -> None:
    for size in (0, 1, 4):
        score = torch.linspace(-1, 1, size).requires_grad_()
        value = loss(score, torch.full((size,), label))
        value.backward()
        assert value == 0
        assert score.grad is not None
        assert not score.grad.any()


@given(examples(COARSE, HARD), st.sampled_from([0.1, 0.37, 0.5, 1.0]), st.sampled_from([1, 2]))
@few
def test_partial_auc_is_the_mean_of_the_worst_pairs(batch: tuple[Tensor, ...], share: float, power: int) -> None:
    score, target = batch
    loss = wald.PartialAUC(max_fpr=share, power=power)
    if target.any() and not target.all():
        truth = naive.partial(naive.hinge(1.0, power), score, target, share)
        torch.testing.assert_close(loss.per_example(score, target).mean(), truth)
        torch.testing.assert_close(loss(score, target), truth)
    both(lambda s: loss(s, target, reduction="none"), lambda s: loss.per_example(s, target), score)


def test_partial_auc_of_everything_is_pairwise_hinge(rng: torch.Generator) -> None:
    score, target = torch.randn(30, generator=rng, dtype=torch.float64), (torch.arange(30) % 4 == 0).double()
    whole, all_pairs = wald.PartialAUC(max_fpr=1, power=1), wald.PairwiseHinge(power=1)
    both(lambda s: whole(s, target, reduction="none"), lambda s: all_pairs(s, target, reduction="none"), score)


def test_negatives_of_equal_score_share_alike() -> None:
    score = torch.tensor([0.0, 1.0, 1.0, 1.0]).requires_grad_()
    wald.PartialAUC(max_fpr=0.5)(score, torch.tensor([1.0, 0.0, 0.0, 0.0])).backward()
    assert score.grad is not None
    assert score.grad[1:].unique().numel() == 1
    assert score.grad[1] > 0


# Ensembles.


@given(examples(COARSE, most=9), COARSE, st.booleans())
@few
def test_crps_is_the_mean_over_all_pairs_of_members(batch: tuple[Tensor, ...], seen: float, fair: bool) -> None:
    (members,) = batch
    if fair and len(members) < 2:
        return
    # Not quite a value that a member can have: at a hit the gradient is one of many.
    loss, target = wald.CRPS(fair=fair), torch.tensor(seen + 1e-4, dtype=torch.float64)
    both(lambda x: loss.per_example(x, target), lambda x: naive.crps(x, target, fair=fair), members)
    both(lambda x: loss(x, target), lambda x: naive.crps(x, target, fair=fair), members)


def test_a_member_that_hits_the_target_stays_there() -> None:
    members = torch.tensor([[1.0, 1.0, 3.0]]).requires_grad_()
    value = wald.CRPS()(members, torch.ones(1))
    value.backward()
    torch.testing.assert_close(value.detach(), naive.crps(members, torch.ones(1), fair=False)[0].detach())
    assert members.grad is not None
    assert members.grad[0].tolist() == pytest.approx([0, 0, 1 / 9])


def test_crps_is_the_area_between_the_steps(rng: torch.Generator) -> None:
    members = torch.randn(1, 7, generator=rng, dtype=torch.float64)
    at = torch.linspace(-6, 6, 200_001, dtype=torch.float64)
    below = (members.mT <= at).double().mean(0)
    area = (below - (at >= 0.3).double()).square().sum() * (at[1] - at[0])
    assert wald.CRPS()(members, torch.tensor([0.3])).item() == pytest.approx(area.item(), abs=1e-4)


def test_only_the_fair_score_is_right_on_average(rng: torch.Generator) -> None:
    """The score of the law itself, by closed form: for a normal one, of itself, 1/√π."""
    members, seen = torch.randn(200_000, 3, generator=rng), torch.randn(200_000, generator=rng)
    assert wald.CRPS(fair=True)(members, seen).item() == pytest.approx(1 / math.sqrt(math.pi), abs=4e-3)
    # A member with itself adds E|x - x'| / 2m.
    assert wald.CRPS()(members, seen).item() == pytest.approx((1 + 1 / 3) / math.sqrt(math.pi), abs=4e-3)


def test_crps_of_an_ensemble_that_is_one_number_is_the_absolute_error() -> None:
    members, seen = torch.full((1, 5), 2.0, dtype=torch.float64), torch.tensor([5.0], dtype=torch.float64)
    both(lambda x: wald.CRPS()(x, seen), lambda x: (x - seen.unsqueeze(-1)).abs().mean(), members)
    with pytest.raises(wald.ShapeError, match=r"pairs of different ones need 2.*fair=False"):
        wald.CRPS(fair=True)(torch.zeros(3, 1), torch.zeros(3))
    with pytest.raises(wald.ShapeError, match="at least 1"):
        wald.CRPS()(torch.zeros(3, 0), torch.zeros(3))


# Lists.


@given(examples(COARSE, COARSE))
@few
def test_list_mle_is_the_likelihood_of_the_order(batch: tuple[Tensor, ...]) -> None:
    scores, relevance = batch
    both(lambda s: wald.ListMLE()(s, relevance), lambda s: naive.list_mle(s, relevance), scores)


def test_list_mle_adds_up_over_all_orders(rng: torch.Generator) -> None:
    """The probabilities of all orders of a list add up to 1."""
    from itertools import permutations

    scores = torch.randn(4, generator=rng, dtype=torch.float64).expand(24, 4)
    orders = torch.tensor(list(permutations(range(4))), dtype=torch.float64)
    assert wald.ListMLE()(scores, orders, reduction="none").neg().exp().sum().item() == pytest.approx(1)


@pytest.mark.parametrize("loss", [wald.ListMLE(), wald.ListMLE(average=True), wald.SoftSpearman()], ids=repr)
def test_an_empty_place_of_a_list_does_not_exist(loss: wald.Loss, rng: torch.Generator) -> None:
    scores, relevance = torch.randn(2, 2, 5, generator=rng, dtype=torch.float64)
    scores = scores + 20
    for hidden in (torch.nan, torch.inf, 1e30, -1e30, 0.0):
        padded = torch.cat([scores[:, :2], torch.full((2, 2), hidden).double(), scores[:, 2:]], 1).requires_grad_()
        empty = torch.full((2, 2), -torch.inf).double()
        value = loss(padded, torch.cat([relevance[:, :2], empty, relevance[:, 2:]], 1))
        torch.testing.assert_close(value, loss(scores, relevance))
        value.backward()
        assert padded.grad is not None
        assert not padded.grad[:, 2:4].any()
        assert padded.grad.isfinite().all()
    nobody = loss(scores, torch.full_like(relevance, -torch.inf))
    assert nobody == 0


@pytest.mark.parametrize("loss", [wald.ListMLE(), wald.SoftSpearman()], ids=repr)
@pytest.mark.parametrize("items", [0, 1])
def test_a_list_of_one_has_no_order(loss: wald.Loss, items: int) -> None:
    scores = torch.ones(3, items).requires_grad_()
    value = loss(scores, torch.ones(3, items))
    value.backward()
    assert value == 0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_list_mle_bears_scores_far_apart() -> None:
    scores = torch.tensor([[800.0, -800.0, 0.0, 1e6]], dtype=torch.float64)
    assert wald.ListMLE()(scores, torch.tensor([[1.0, 2.0, 3.0, 4.0]])).item() == pytest.approx(1600 + 800)


# Soft ranks.


@given(examples(COARSE, most=7), st.sampled_from([0.3, 1.0, 5.0]))
@few
def test_soft_ranks_are_the_nearest_mixture_of_rankings(batch: tuple[Tensor, ...], strength: float) -> None:
    scores = batch[0] / strength
    ranks = soft_ranks(scores, torch.ones_like(scores, dtype=torch.bool), pools_of_all_means)
    torch.testing.assert_close(ranks, torch.tensor(naive.projected(scores.tolist()), dtype=torch.float64))
    assert ranks.sum().item() == pytest.approx(len(scores) * (len(scores) + 1) / 2)


def test_a_weak_soft_rank_is_the_rank_correlation(rng: torch.Generator) -> None:
    scores, relevance = torch.randn(2, 20, generator=rng, dtype=torch.float64)
    ranks = torch.stack([scores, relevance]).argsort().argsort().double()
    wanted = 1 - ranks.corrcoef()[0, 1].item()
    assert wald.SoftSpearman(strength=1e-6)(scores, relevance).item() == pytest.approx(wanted)
    assert wald.SoftSpearman(strength=1e9)(scores, relevance).item() == pytest.approx(0.5)


# Survival.


@given(examples(COARSE, st.integers(0, 3).map(float), HARD), st.sampled_from(["efron", "breslow"]))
@few
def test_cox_is_the_product_over_the_events(batch: tuple[Tensor, ...], ties: str) -> None:
    hazard, time, event = batch
    loss = wald.Cox(ties=ties)  # pyright: ignore[reportArgumentType]
    both(lambda h: loss(h, time, event.long(), reduction="sum"), lambda h: naive.cox(h, time, event, ties), hazard)
    torch.testing.assert_close(
        loss(hazard, time, event), naive.cox(hazard, time, event, ties) / max(1, event.sum().item())
    )


def test_cox_costs_alike_for_events_at_one_time() -> None:
    hazard, time = torch.zeros(4, dtype=torch.float64), torch.ones(4)
    each = wald.Cox()(hazard, time, torch.tensor([1, 1, 0, 0]), reduction="none")
    # log(4 · 3) / 2 for the two that went.
    torch.testing.assert_close(each, torch.tensor([math.log(12) / 2] * 2 + [0.0] * 2, dtype=torch.float64))
    each = wald.Cox(ties="breslow")(hazard, time, torch.tensor([1, 1, 0, 0]), reduction="none")
    assert each[:2].tolist() == pytest.approx([math.log(4)] * 2)


def test_the_order_of_the_rows_is_of_no_interest(rng: torch.Generator) -> None:
    """pycox and others let tied times be broken by the order of the rows."""
    hazard = torch.randn(30, generator=rng, dtype=torch.float64)
    time, event = torch.arange(30) // 6, torch.arange(30) % 2
    other = torch.randperm(30, generator=rng)
    for loss in (wald.Cox(), wald.Cox(ties="breslow")):
        both(
            lambda h, loss=loss: loss(h, time, event, reduction="none")[other],
            lambda h, loss=loss: loss(h[other], time[other], event[other], reduction="none"),
            hazard,
        )


def test_cox_bears_hazards_far_apart() -> None:
    hazard = torch.tensor([2000.0, -2000.0, 0.0], dtype=torch.float64).requires_grad_()
    value = wald.Cox()(hazard, torch.tensor([3.0, 2.0, 1.0]), torch.tensor([1, 1, 1]), reduction="none")
    assert value.tolist() == [0.0, 4000.0, 2000.0]
    value.sum().backward()
    assert hazard.grad is not None
    assert hazard.grad.tolist() == [2.0, -1.0, -1.0]


def test_cox_divides_by_the_events() -> None:
    hazard, time = torch.zeros(3), torch.tensor([1.0, 2.0, 3.0])
    loss, event = wald.Cox(), torch.tensor([1, 0, 1])
    assert loss(hazard, time, event).item() == pytest.approx(math.log(3) / 2)
    assert loss(hazard, time, event, normalizer="rows").item() == pytest.approx(math.log(3) / 3)
    assert loss(hazard, time, torch.zeros(3, dtype=torch.long)).item() == 0
    assert loss(hazard, time, event.bool()) == loss(hazard, time, event.float())


def test_times_with_the_censoring_in_their_sign_are_refused() -> None:
    with pytest.raises(wald.DomainError, match="time contains -2"):
        wald.Cox()(torch.zeros(2), torch.tensor([1.0, -2.0]), torch.tensor([1, 0]))
    with pytest.raises(wald.ShapeError, match=r"one batch axis.*torch\.vmap\(loss\)\(prediction, time, event\)"):
        wald.Cox()(torch.zeros(2, 2), torch.ones(2, 2), torch.ones(2, 2))


# Overlap.


@given(examples(COARSE, SOFT, most=8))
@few
def test_lovasz_hinge_is_the_area_under_the_jaccard_loss(batch: tuple[Tensor, ...]) -> None:
    score, truth = batch
    found = wald.LovaszHinge()(score, truth)
    torch.testing.assert_close(found, naive.lovasz_hinge(score, truth))


def test_lovasz_hinge_of_whole_errors_is_the_jaccard_loss() -> None:
    truth = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    right = torch.tensor([[True, False, True, True, False]])
    # A pixel that is wrong by 1 has score 0; one that is right leads by 1.
    score = torch.where(right, 2 * truth - 1, 0.0)
    assert wald.LovaszHinge()(score, truth).item() == pytest.approx(naive.jaccard(~right[0], truth[0]))


def test_an_empty_mask_charges_its_most_wrong_pixel() -> None:
    score = torch.tensor([[0.5, -2.0, 1.0]]).requires_grad_()
    value = wald.LovaszHinge()(score, torch.zeros(1, 3))
    value.backward()
    assert value == 2
    assert score.grad is not None
    assert score.grad.tolist() == [[0.0, 0.0, 1.0]]
    assert wald.LovaszHinge(absent="skip")(score, torch.zeros(1, 3)) == 0


def test_lovasz_softmax_of_sure_predictions_is_the_mean_overlap(rng: torch.Generator) -> None:
    truth, found = torch.randint(0, 3, (2, 1, 20), generator=rng)
    overlap = [((truth == c) & (found == c)).sum() / ((truth == c) | (found == c)).sum() for c in range(3)]
    sure = 80 * torch.nn.functional.one_hot(found, 4).double()
    # The fourth class is nowhere: nothing to lose.
    assert wald.LovaszSoftmax()(sure, truth).item() == pytest.approx(1 - float(sum(overlap)) / 3)
    assert wald.LovaszSoftmax(classes="all")(sure, truth).item() == pytest.approx((3 - float(sum(overlap))) / 4)


def test_lovasz_softmax_is_the_area_under_each_jaccard_loss(rng: torch.Generator) -> None:
    logits, truth = torch.randn(1, 9, 3, generator=rng, dtype=torch.float64), torch.arange(9).unsqueeze(0) % 2
    p = logits.softmax(-1)[0]
    # A hinge at score z is wrong by what 1 - z is in the mask and 1 + z outside: probabilities, in its words.
    each = [
        naive.lovasz_hinge(torch.where(truth[0] == c, p[:, c], p[:, c] - 1), (truth[0] == c).double()) for c in range(3)
    ]
    torch.testing.assert_close(wald.LovaszSoftmax()(logits, truth), (each[0] + each[1]) / 2)
    torch.testing.assert_close(wald.LovaszSoftmax(classes="all")(logits, truth), sum(each) / 3)


def test_void_pixels_are_of_no_class(rng: torch.Generator) -> None:
    logits, truth = torch.randn(1, 9, 3, generator=rng, dtype=torch.float64), torch.arange(9).unsqueeze(0) % 3
    void = torch.cat([truth, torch.full((1, 4), 255)], 1)
    more = torch.cat([logits, torch.randn(1, 4, 3, generator=rng, dtype=torch.float64)], 1).requires_grad_()
    loss = wald.LovaszSoftmax(ignore_index=255)
    value = loss(more, void)
    torch.testing.assert_close(value, loss(logits, truth))
    value.backward()
    assert more.grad is not None
    assert not more.grad[:, 9:].any()
    assert loss(more, torch.full_like(void, 255)) == 0
    with pytest.raises(wald.DomainError, match=r"contains 255; expected class ids from 0 to 2.*ignore_index=255"):
        wald.LovaszSoftmax()(more, void)
