"""Losses of lists: against their definitions by loops, and what empty places, ties and extremes do to them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import wald

from ...catalogue import leaf

LISTWISE: list[wald.Loss] = [
    wald.RankNet(),
    wald.RankNet(average=False, bits=True),
    *(wald.LambdaRank(weights=w, average=a, k=k) for w, a, k in (("ndcg2++", False, None), ("lambda_rank", True, 2))),
    wald.LambdaRank(weights="ndcg2", k=2, among="both"),
    wald.LambdaRank(weights="ndcg1"),
    *(wald.ListNet(relevance_as=one) for one in ("logits", "shares", "weights")),
    wald.ApproxNDCG(temperature=0.7),
    wald.ApproxMRR(),
    wald.ApproxRankMSE(),
    wald.NeuralNDCG(rounds=2),
    wald.NeuralNDCG(k=2),
    *(wald.MarginMSE(against=one) for one in ("first", "mean", "all")),
]
every = pytest.mark.parametrize("loss", LISTWISE, ids=lambda loss: loss.id)


def lists(rows: int = 3, items: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scores, and grades from 0 to 3 with ties among them."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(rows, items, generator=generator, dtype=torch.float64)
    return scores, torch.randint(0, 4, (rows, items), generator=generator).double()


@every
def test_an_empty_place_is_no_place(loss: wald.Loss) -> None:
    scores, relevance = lists()
    padded = torch.cat([scores, torch.full((3, 2), 7.0, dtype=torch.float64)], -1)
    empty = torch.cat([relevance, torch.full((3, 2), -torch.inf, dtype=torch.float64)], -1)
    mine, theirs = leaf(padded), leaf(scores)
    value, wanted = loss(mine, empty), loss(theirs, relevance)
    torch.testing.assert_close(value, wanted, rtol=1e-12, atol=1e-12)
    value.backward()
    wanted.backward()
    assert mine.grad is not None
    torch.testing.assert_close(mine.grad[:, :5], theirs.grad, rtol=1e-10, atol=1e-12)
    assert not mine.grad[:, 5:].any()


@every
def test_the_layout_of_a_list_does_not_matter(loss: wald.Loss) -> None:
    if isinstance(loss, wald.MarginMSE) and loss.against == "first":
        return
    scores, relevance = lists()
    scores[0, 1] = scores[0, 3]
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(loss(scores[:, order], relevance[:, order]), loss(scores, relevance))


@every
@pytest.mark.parametrize("items", [0, 1, 4])
def test_lists_without_anything_to_learn(loss: wald.Loss, items: int) -> None:
    for relevance in (torch.zeros(2, items), torch.full((2, items), -torch.inf)):
        scores = torch.linspace(-1, 1, items).expand(2, items).clone().requires_grad_()
        value = loss(scores, relevance)
        value.backward()
        assert value.isfinite()
        assert scores.grad is not None
        assert scores.grad.isfinite().all()


@every
def test_far_apart_and_equal_scores_are_finite(loss: wald.Loss) -> None:
    _, relevance = lists(1)
    for scores in (torch.zeros(1, 5), torch.tensor([[1e4, -1e4, 0.0, 1e4, 1e-30]])):
        x = scores.clone().requires_grad_()
        value = loss(x, relevance.float())
        value.backward()
        assert value.isfinite()
        assert x.grad is not None
        assert x.grad.isfinite().all()


@every
def test_what_is_not_known_is_not_hidden(loss: wald.Loss) -> None:
    scores, relevance = lists(2)
    relevance[0, 2] = torch.nan
    found = loss(scores, relevance, reduction="none")
    assert found[0].isnan()
    assert found[1].isfinite()


def dcg(relevance: Tensor, k: int | None = None) -> float:
    """The metric of a list in this order."""
    return sum((2 ** y.item() - 1) / math.log2(2 + i) for i, y in enumerate(relevance[:k]))


def ndcg(scores: Tensor, relevance: Tensor, k: int | None = None) -> float:
    order = scores.argsort(descending=True)
    best = max(dcg(relevance[list(way)], k) for way in permutations(range(len(relevance))))
    return dcg(relevance[order], k) / best


@pytest.mark.parametrize("seed", range(3))
def test_what_is_sharp_is_the_metric(seed: int) -> None:
    scores, relevance = lists(1, seed=seed)
    wanted = 1 - ndcg(scores[0], relevance[0])
    assert wald.ApproxNDCG(temperature=1e-4)(scores, relevance).item() == pytest.approx(wanted, abs=1e-6)
    assert wald.NeuralNDCG(temperature=1e-4)(scores, relevance).item() == pytest.approx(wanted, abs=1e-6)
    at_2 = wald.NeuralNDCG(temperature=1e-4, k=2)(scores, relevance).item()
    assert at_2 == pytest.approx(1 - ndcg(scores[0], relevance[0], 2), abs=1e-6)
    one = torch.zeros(5, dtype=torch.float64)
    one[seed] = 1
    rank = 1 + (scores[0] > scores[0, seed]).sum().item()
    assert wald.ApproxMRR(temperature=1e-4)(scores, one[None]).item() == pytest.approx(1 - 1 / rank, abs=1e-6)


@pytest.mark.parametrize("weights", ["lambda_rank", "ndcg2", "ndcg2++"])
def test_lambda_loss_is_a_sum_over_pairs(weights: Any) -> None:
    """ "lambda_rank" is weighed by what NDCG changes by when both swap places, worked out by swapping them."""
    (s,), (y,) = lists(1, seed=4)
    place = {i: r for r, i in enumerate(s.argsort(descending=True).tolist(), 1)}
    best = max(dcg(y[list(way)]) for way in permutations(range(5)))
    total = 0.0
    for i in range(5):
        for j in range(5):
            if y[i] <= y[j]:
                continue
            swapped = s.clone()
            swapped[i], swapped[j] = s[j], s[i]
            swap = abs(ndcg(swapped, y) - ndcg(s, y))
            far = abs(place[i] - place[j])
            gap = abs(2 ** y[i].item() - 2 ** y[j].item()) / best
            bound = gap * (1 / math.log2(1 + far) - 1 / math.log2(2 + far))
            weight = {"lambda_rank": swap, "ndcg2": bound, "ndcg2++": 10 * bound + swap}[weights]
            total += weight * math.log2(1 + math.exp(s[j] - s[i]))
    assert wald.LambdaRank(weights=weights)(s, y).item() == pytest.approx(total, rel=1e-9)


def test_large_grades_do_not_overflow() -> None:
    scores, relevance = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[900.0, 3.0, 899.0]])
    for loss in (wald.ApproxNDCG(), wald.LambdaRank(), wald.NeuralNDCG()):
        assert loss(scores, relevance).isfinite()


def test_scores_that_cannot_be_told_apart_still_learn() -> None:
    scores = torch.zeros(1, 4, requires_grad=True)
    wald.LambdaRank()(scores, torch.tensor([[3.0, 0.0, 1.0, 2.0]])).backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] < 0 < scores.grad[0, 1]


def same(a: wald.Loss, b: Callable[..., Tensor], *inputs: Tensor) -> None:
    mine, theirs = leaf(inputs[0]), leaf(inputs[0])
    value, wanted = a(mine, *inputs[1:]), b(theirs, *inputs[1:])
    torch.testing.assert_close(value, wanted)
    value.backward()
    wanted.backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_one_loss_by_two_names() -> None:
    scores, _ = lists(6)
    first = torch.zeros(6, 5, dtype=torch.float64)
    first[:, 0] = 1
    zeros = torch.zeros(6, dtype=torch.float64), torch.zeros(6, 4, dtype=torch.float64)
    rest = scores[:, 1:]
    # One relevant item: ListNet of shares, sampled softmax and cross-entropy; RankNet and BradleyTerry.
    same(wald.ListNet(relevance_as="shares"), lambda s, _: wald.CrossEntropy()(s, zeros[0].long()), scores, first)
    sampled = wald.SampledSoftmax()(scores[:, 0], rest, *zeros)
    torch.testing.assert_close(sampled, wald.CrossEntropy()(scores, zeros[0].long()))
    drawn = wald.NoiseContrastive()(scores[:, 0], rest, *zeros)
    torch.testing.assert_close(drawn, wald.NegativeSampling(total=True)(scores[:, 0], rest))
    same(wald.RankNet(), lambda s, _: wald.BradleyTerry()(s[:, :1], s[:, 1:2]), scores[:, :2], first[:, :2])
    assert wald.get("BPR") is wald.BradleyTerry
    # A list as a batch: RankNet of one list is PairwiseLogistic of two grades.
    same(wald.RankNet(), wald.PairwiseLogistic(), scores[0], torch.tensor([1.0, 0, 1, 0, 0], dtype=torch.float64))


def test_squares_of_differences_over_all_pairs_are_the_spread() -> None:
    scores, teacher = lists(4)
    spread = wald.MarginMSE(against="mean")(scores, teacher)
    torch.testing.assert_close(wald.MarginMSE(against="all")(scores, teacher), 2 * 5 / 4 * spread)
    torch.testing.assert_close(spread, (scores - teacher).var(-1, correction=0).mean())
    margins = (scores[:, :1] - scores[:, 1:]), (teacher[:, :1] - teacher[:, 1:])
    torch.testing.assert_close(wald.MarginMSE()(scores, teacher), wald.Squared()(*margins))


def test_a_correction_makes_draws_stand_for_all_items() -> None:
    """The softmax over many draws from a skewed law comes to the softmax over all items; without log_q it does not."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(20, generator=generator, dtype=torch.float64)
    q = torch.linspace(0, 3, 20, dtype=torch.float64).softmax(0)
    draws = q.multinomial(20_000, replacement=True, generator=generator)
    log_q = (len(draws) * q).log()
    full = wald.CrossEntropy()(scores[None], torch.tensor([3]))
    # The true item is one of the items drawn, so it takes no place of its own.
    hits = draws == 3
    others = scores[draws].masked_fill(hits, -torch.inf)
    zero = torch.zeros((), dtype=torch.float64)
    found = wald.SampledSoftmax()(scores[3], others, zero, log_q[draws])
    assert found.item() == pytest.approx(full.item(), rel=0.02)
    assert wald.SampledSoftmax()(scores[3], others, zero, 0 * log_q[draws]).item() > 1.5 * full.item()


@pytest.mark.parametrize(
    "loss",
    [wald.NegativeSampling(), wald.NegativeSampling(temperature=2.0), wald.NegativeSampling(total=True), wald.WARP()],
    ids=repr,
)
def test_a_negative_that_is_not_there(loss: wald.Loss) -> None:
    positive, negatives = lists(3)[0][:, 0], lists(3, seed=1)[0]
    gone = torch.cat([negatives, torch.full((3, 1), -torch.inf, dtype=torch.float64)], -1)
    torch.testing.assert_close(loss(positive, gone), loss(positive, negatives))
    nobody = torch.full((3, 2), -torch.inf, dtype=torch.float64).requires_grad_()
    value = loss(positive, nobody)
    value.backward()
    assert value.isfinite()
    assert nobody.grad is not None
    assert not nobody.grad.any()


def test_hard_negatives_count_most_in_self_adversarial_sampling() -> None:
    positive, negatives = lists(3)[0][:, 0], lists(3, seed=1)[0]
    weight = (2 * negatives).softmax(-1)
    wanted = -torch.nn.functional.logsigmoid(9 + positive) - (
        weight * torch.nn.functional.logsigmoid(-negatives - 9)
    ).sum(-1)
    found = wald.NegativeSampling(margin=9.0, temperature=2.0)(positive, negatives, reduction="none")
    torch.testing.assert_close(found, wanted)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="Use temperature=0 with total=True"):
        wald.NegativeSampling(total=True, temperature=1.0)
    with pytest.raises(ValueError, match="among must be one of 'either', 'both', got 'all'"):
        wald.LambdaRank(among="all")  # pyright: ignore[reportArgumentType]
