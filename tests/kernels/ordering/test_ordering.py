"""The implementations by sorting and by blocks: the definition at sizes where neighbours are many, in every use."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.ordering import logistic
from wald.kernels.ordering.ranks import pools_by_merging
from wald.losses.pieces.soft_ranks import pools_of_all_means

from ...catalogue import leaf
from . import naive

PAIRS = [
    wald.PairwiseHinge(),
    wald.PairwiseHinge(margin=0.2, power=2),
    wald.PartialAUC(),
    wald.PartialAUC(max_fpr=0.37, power=1),
    wald.PairwiseLogistic(),
    wald.PairwiseLogistic(scale=5),
]
LOSSES = [*PAIRS, wald.CRPS(), wald.CRPS(fair=True), wald.SoftSpearman(), wald.SoftSpearman(strength=0.05)]

pairs = pytest.mark.parametrize("loss", PAIRS, ids=repr)
every = pytest.mark.parametrize("loss", LOSSES, ids=repr)


def batch(loss: wald.Loss, rng: torch.Generator, *, soft: bool = False, rows: int = 97) -> tuple[Tensor, ...]:
    """Inputs with many ties; a prime number of rows."""
    if loss in PAIRS:
        score = (torch.randn(rows, generator=rng, dtype=torch.float64) * 8).round() / 4
        label = torch.rand(rows, generator=rng, dtype=torch.float64)
        return score, label.where(label < 0.3, 1.0) if soft else (label < 0.3).double()
    first = (torch.randn(13, 61, generator=rng, dtype=torch.float64) * 8).round() / 4
    if isinstance(loss, wald.CRPS):
        return first, torch.randn(13, generator=rng, dtype=torch.float64)
    return first, torch.randint(0, 9, (13, 61), generator=rng).double()


def slopes(of: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """Values, and the gradient of an uneven sum of them."""
    x = leaf(at)
    values = of(x)
    values.backward(torch.linspace(-1, 2, values.numel(), dtype=values.dtype).reshape(values.shape))
    assert x.grad is not None
    return values.detach(), x.grad


def same(ours: object, truth: object, tolerance: float = 1e-11) -> None:
    torch.testing.assert_close(ours, truth, rtol=tolerance, atol=tolerance)


@every
def test_it_is_reached_and_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch(loss, rng)
    assert not wald.which(loss, first, *rest).startswith("definition")
    ours = slopes(lambda x: loss(x, *rest, reduction="none"), first)
    same(ours, slopes(lambda x: loss.per_example(x, *rest), first))


@pairs
def test_soft_labels_and_rows_left_out(loss: wald.Loss, rng: torch.Generator) -> None:
    soft = not isinstance(loss, wald.PartialAUC)
    score, target = batch(loss, rng, soft=soft)
    keep = torch.rand(len(score), generator=rng) < 0.7
    dirty = torch.where(keep, score, torch.nan)
    values, slope = slopes(lambda s: loss(s, target, mask=keep, reduction="none"), dirty)
    wanted = slopes(lambda s: loss.per_example(s, target[keep]), score[keep])
    # The upstream gradients are those of the rows of each, so only the values are alike as they are.
    same(values[keep], wanted[0])
    assert not slope[~keep].any()
    same(
        slopes(lambda s: loss(s, target, mask=keep), dirty)[1][keep],
        slopes(lambda s: loss(s, target[keep]), score[keep])[1],
    )


@pairs
def test_it_is_all_pairs(loss: wald.Loss, rng: torch.Generator) -> None:
    if isinstance(loss, wald.PartialAUC):
        pytest.skip("held to its pairs in tests/losses")
    cost = (
        naive.logistic(loss.scale) if isinstance(loss, wald.PairwiseLogistic) else naive.hinge(loss.margin, loss.power)
    )
    score, target = batch(loss, rng, soft=True)
    ours = slopes(lambda s: loss(s, target, reduction="none"), score)
    same(ours, slopes(lambda s: naive.pairwise(cost, s, target), score))


@every
def test_a_second_backward_gives_the_same(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch(loss, rng)
    x = leaf(first)
    value = loss(x, *rest)
    once = torch.autograd.grad(value, x, retain_graph=True)[0]
    same(torch.autograd.grad(value, x, torch.tensor(-3.0).double(), retain_graph=True)[0], -3 * once)
    same(torch.autograd.grad(value, x)[0], once)


@every
def test_a_gradient_may_be_differentiated(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch(loss, rng)
    direction = torch.randn(first.shape, generator=rng, dtype=first.dtype)

    def bent(of: Callable[[Tensor], Tensor]) -> Tensor:
        x = leaf(first)
        (slope,) = torch.autograd.grad(of(x), x, create_graph=True)
        if not slope.requires_grad:
            return torch.zeros_like(first)
        return torch.autograd.grad(slope, x, direction, materialize_grads=True)[0]

    same(bent(lambda x: loss(x, *rest)), bent(lambda x: loss.per_example(x, *rest).mean()))


@every
def test_many_upstream_gradients_at_once(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch(loss, rng)
    x = leaf(first)
    values = loss(x, *rest, reduction="none")
    upstream = torch.randn(3, *values.shape, generator=rng, dtype=values.dtype)
    together = torch.autograd.grad(values, x, upstream, retain_graph=True, is_grads_batched=True)[0]
    same(together, torch.stack([torch.autograd.grad(values, x, each, retain_graph=True)[0] for each in upstream]))


@every
def test_a_learned_target_has_its_gradient(loss: wald.Loss, rng: torch.Generator) -> None:
    if isinstance(loss, (wald.SoftSpearman, wald.PartialAUC)):
        pytest.skip("its target is an order or a label")
    first, target = batch(loss, rng, soft=True)
    ours, theirs = leaf(target), leaf(target)
    loss(first, ours).backward()
    loss.per_example(first, theirs).mean().backward()
    same(ours.grad, theirs.grad)
    # A frozen prediction asks for none.
    assert not loss(first, target).requires_grad


@every
def test_single_precision_is_as_good_as_it_can_be(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch(loss, rng)
    narrow = slopes(lambda x: loss(x, *(y.float() for y in rest), reduction="none"), first.float())
    wide = slopes(lambda x: loss(x, *(y.float().double() for y in rest), reduction="none"), first.float().double())
    for ours, truth in zip(narrow, wide, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - truth).abs().max() <= 2e-6 * truth.abs().max()


@every
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_broken_shows(loss: wald.Loss, bad: float, rng: torch.Generator) -> None:
    first, *rest = batch(loss, rng)
    first = first.clone()
    first[(3,) * first.ndim] = bad
    ours, truth = loss(first, *rest, reduction="none"), loss.per_example(first, *rest)
    if bad != bad:
        assert ours[3].isnan()
        assert truth[3].isnan()
    else:
        # An infinite score is on no scale: nobody may be told a finite number that is wrong.
        finite = ours.isfinite() & truth.isfinite()
        same(ours[finite], truth[finite])


def test_blocks_do_not_show(rng: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = wald.PairwiseLogistic()
    score, target = batch(loss, rng)
    found: list[tuple[Tensor, Tensor]] = []
    for block in (1, 97, 1000, 10**6):
        monkeypatch.setattr(logistic, "_BLOCK", block)
        found.append(slopes(lambda s: loss(s.float(), target.float(), reduction="none"), score))
    for each in found[1:]:
        torch.testing.assert_close(each, found[0], rtol=1e-6, atol=1e-6)


@given(st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_merged_pools_are_the_pools_of_all_means(rows: list[list[int]]) -> None:
    values = torch.tensor(rows, dtype=torch.float64)
    assert torch.equal(pools_by_merging(values), pools_of_all_means(values))


@pytest.mark.parametrize("length", [1, 2, 65, 300])
def test_pools_that_merge_one_by_one(length: int, rng: torch.Generator) -> None:
    """Ascending but for the last, which drags its neighbours in one after the other: no sweep helps."""
    ramp = torch.arange(length, dtype=torch.float64)
    ramp[-1] = -length
    both = torch.stack([ramp, torch.randn(length, generator=rng, dtype=torch.float64)])
    assert torch.equal(pools_by_merging(both), pools_of_all_means(both))


def test_a_hundred_thousand_need_little_memory() -> None:
    """All pairs would take 40 GB."""
    size = 100_003
    score = torch.linspace(-3, 3, size).requires_grad_()
    target = (torch.arange(size) % 3 == 0).float()
    for loss in (wald.PairwiseHinge(), wald.PartialAUC()):
        value = loss(score, target)
        value.backward()
        assert 0 < value.item() < 20
    assert wald.SoftSpearman()(score, target).isfinite()
