"""Contrastive losses in blocks are their definitions, however the blocks are cut and whatever is left out."""

from __future__ import annotations

import math

from hypothesis import example, given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.core.implementation import Implementation, implementations
from wald.kernels.contrastive import blocks, bounded, counting, triplets

LOSSES: list[wald.Loss] = [
    *(wald.NTXent(temperature=t) for t in (0.5, 0.012, 0.002)),
    wald.NTXent(normalise=False),
    *(wald.SupCon(temperature=t) for t in (0.1, 0.012, 0.002)),
    wald.SupCon(normalise=False),
    *(wald.InfoNCE(temperature=t, symmetric=s) for t in (0.1, 0.012, 0.002) for s in (False, True)),
    *(wald.InfoNCE(normalise=False, symmetric=s) for s in (False, True)),
    wald.SigLIP(),
    wald.SigLIP(bias=3.0),
    wald.SigLIP(normalise=False),
    *(
        wald.BatchTriplet(margin=0.4, mining=mining, average=average, squared=squared, normalise=normalise)
        for mining in ("batch-hard", "semi-hard", "all")
        for average in ("mined", "violating")
        for squared, normalise in ((False, True), (True, False), (False, False))
    ),
    wald.BatchTriplet(margin="soft"),
]
every = pytest.mark.parametrize("loss", LOSSES, ids=repr)
#: Of each way to compute at least one.
some = pytest.mark.parametrize("loss", LOSSES[::3], ids=repr)


def faster(loss: wald.Loss) -> Implementation:
    return next(found for found in implementations() if found.of is type(loss))


def batch(loss: wald.Loss, count: int, rng: torch.Generator, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Vectors of 5 numbers; labels of which some are alone."""
    vectors = torch.randn(2, count, 5, generator=rng, dtype=torch.float64).to(dtype)
    if "label" in dict(loss.named_domains):
        return [vectors[0].requires_grad_(), torch.randint(0, count // 3 + 2, (count,), generator=rng)]
    return [x.clone().requires_grad_() for x in vectors]


def small_blocks(monkeypatch: pytest.MonkeyPatch, rows: int, columns: int) -> None:
    """Blocks that cut a few dozen vectors in several places."""
    monkeypatch.setattr(blocks, "ROWS", rows)
    monkeypatch.setattr(blocks, "BUDGET", rows * columns * 8)
    monkeypatch.setattr(blocks, "ROW_BUDGET", 1)
    monkeypatch.setattr(blocks, "FEWEST_ROWS", rows)
    monkeypatch.setattr(triplets, "_BUDGET", 1)


def with_slopes(value: Tensor, inputs: list[Tensor], upstream: Tensor) -> list[Tensor]:
    """The value, and the gradient in each input that has one."""
    leaves = [x for x in inputs if x.requires_grad]
    return [value.detach(), *torch.autograd.grad(value, leaves, upstream)]


def near(found: list[Tensor], wanted: list[Tensor], tolerance: float = 1e-11) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        scale = max(1.0, theirs.abs().max().item()) if theirs.numel() else 1.0
        torch.testing.assert_close(ours.double() / scale, theirs.double() / scale, rtol=tolerance, atol=tolerance)


@every
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(7, 11), (64, 64)])
def test_values_and_gradients_are_those_of_the_definition(
    loss: wald.Loss, masked: bool, rows: int, columns: int, monkeypatch: pytest.MonkeyPatch, rng: torch.Generator
) -> None:
    small_blocks(monkeypatch, rows, columns)
    inputs = batch(loss, 41, rng)
    keep = torch.rand(41, generator=rng) < 0.6 if masked else None
    upstream = torch.randn(41, generator=rng, dtype=torch.float64)
    upstream = upstream if keep is None else upstream * keep
    fast = with_slopes(faster(loss).run(loss, *inputs, keep=keep), inputs, upstream)
    slow = with_slopes(loss.per_example(*inputs, keep=keep), inputs, upstream)
    if keep is not None:
        slow[0] = slow[0] * keep
    near(fast, slow)


@every
def test_the_weighted_mean_in_one_pass_is_that_of_the_definition(
    loss: wald.Loss, monkeypatch: pytest.MonkeyPatch, rng: torch.Generator
) -> None:
    small_blocks(monkeypatch, 7, 11)
    inputs = batch(loss, 41, rng)
    weight = torch.rand(41, generator=rng, dtype=torch.float64)
    weight[::5] = 0
    mean = faster(loss).mean(loss, *inputs, weight=weight, denominator=torch.tensor(7.0).double())
    if mean is None:
        pytest.skip("its mean is made from its values")
    values = loss.per_example(*inputs, keep=weight != 0)
    upstream = torch.tensor(-1.7, dtype=torch.float64)
    near(with_slopes(mean, inputs, upstream), with_slopes((values * weight).sum() / 7, inputs, upstream))


@every
def test_nothing_hidden_is_looked_at(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch(loss, 23, rng)
    mask = torch.rand(23, generator=rng) < 0.7
    wanted = with_slopes(loss(*inputs, mask=mask), inputs, torch.ones((), dtype=torch.float64))
    hidden = [torch.where(mask.unsqueeze(-1), x, torch.nan) if x.is_floating_point() else x for x in inputs]
    hidden = [x.detach().requires_grad_(x.is_floating_point()) for x in hidden]
    found = with_slopes(loss(*hidden, mask=mask), hidden, torch.ones((), dtype=torch.float64))
    near(found, wanted)
    assert all((slope[~mask] == 0).all() for slope in found[1:])


@some
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_examples(loss: wald.Loss, count: int, rng: torch.Generator) -> None:
    inputs = batch(loss, count, rng)
    upstream = torch.ones(count, dtype=torch.float64)
    fast = with_slopes(faster(loss).run(loss, *inputs), inputs, upstream)
    near(fast, with_slopes(loss.per_example(*inputs), inputs, upstream))


@every
def test_single_precision_is_near_double(loss: wald.Loss, rng: torch.Generator) -> None:
    exact = batch(loss, 60, rng)
    inputs = [x.detach().float().requires_grad_() if x.is_floating_point() else x for x in exact]
    upstream = torch.rand(60, generator=rng, dtype=torch.float64)
    found = with_slopes(faster(loss).run(loss, *inputs), inputs, upstream.float())
    wanted = with_slopes(loss.per_example(*exact), exact, upstream)
    # Scores of 1 / temperature are rounded to that many times the precision of the type.
    size = 25 if not getattr(loss, "normalise", True) else 1
    near(found, wanted, 4e-6 * max(1.0, 0.2 / getattr(loss, "temperature", 1.0)) * size)


@some
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(loss: wald.Loss, dtype: torch.dtype, rng: torch.Generator) -> None:
    inputs = [x.detach() for x in batch(loss, 30, rng, dtype)]
    value = loss(*inputs)
    assert value.dtype is torch.float32
    wide = loss(*(x.double() if x.is_floating_point() else x for x in inputs))
    assert value.item() == pytest.approx(wide.item(), rel=2e-4, abs=2e-5)


@settings(max_examples=15, deadline=None)
# A block that is higher than it is wide: its strip meets the diagonal in two blocks.
@example(loss=LOSSES[0], count=5, rows=3, columns=1, seed=0)
@given(
    loss=st.sampled_from(LOSSES),
    count=st.integers(2, 40),
    rows=st.integers(1, 20),
    columns=st.integers(1, 30),
    seed=st.integers(0, 999),
)
def test_how_blocks_are_cut_changes_nothing(loss: wald.Loss, count: int, rows: int, columns: int, seed: int) -> None:
    inputs = batch(loss, count, torch.Generator().manual_seed(seed), torch.float32)
    upstream = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    whole = with_slopes(faster(loss).run(loss, *inputs), inputs, upstream)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, rows, columns)
        cut = with_slopes(faster(loss).run(loss, *inputs), inputs, upstream)
    size = max(1.0, 0.2 / getattr(loss, "temperature", 1.0)) * (1 if getattr(loss, "normalise", True) else 25)
    near(cut, whole, 4e-6 * size)


@some
def test_threads_and_strides_change_nothing(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = [x.detach() for x in batch(loss, 150, rng, torch.float32)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = loss(*inputs, reduction="none")
        torch.set_num_threads(2)
        two = loss(*inputs, reduction="none")
    finally:
        torch.set_num_threads(before)
    near([two], [one], 1e-5)
    strided = [x.repeat_interleave(2, -1)[:, ::2] if x.is_floating_point() else x for x in inputs]
    near([loss(*strided, reduction="none")], [loss(*inputs, reduction="none")], 1e-5)


def test_inputs_that_are_one_tensor_or_frozen(rng: torch.Generator) -> None:
    for loss in (wald.NTXent(), wald.InfoNCE(), wald.InfoNCE(symmetric=True), wald.SigLIP()):
        x = torch.randn(9, 4, generator=rng, dtype=torch.float64).requires_grad_()
        other = torch.randn(9, 4, generator=rng, dtype=torch.float64)
        for inputs in ([x, x], [x, other], [other, x], [x, x.sin()], [x.exp(), x]):
            fast, slow = loss(*inputs), loss.per_example(*inputs).mean()
            ours, theirs = (torch.autograd.grad(v, x, create_graph=True)[0] for v in (fast, slow))
            torch.testing.assert_close(ours, theirs)
            again, wanted = (torch.autograd.grad(g.square().sum(), x, retain_graph=True)[0] for g in (ours, theirs))
            torch.testing.assert_close(again, wanted)


# One number that is taken away from all scores.


def test_scores_out_of_reach_of_one_number_are_noticed(rng: torch.Generator) -> None:
    """Half of the vectors point one way and half the other, so some rows see nothing near the largest score."""
    x = torch.nn.functional.normalize(torch.randn(20, 3, generator=rng), dim=-1)
    apart = torch.cat([x[:1].expand(10, 3), -x[:1].expand(9, 3), x[1:2]])
    scale = bounded.Scale.of(1 / 0.0085, apart, apart, unit=True)
    assert scale is not None
    assert scale.shift > 0
    query, key = apart, apart.flip(0)
    rows, columns, _ = bounded.sums_between(query, -key.abs() @ torch.eye(3), scale)
    assert not scale.held(torch.tensor([math.exp(-61)]), rows, columns)
    assert not scale.held(torch.tensor([torch.nan]))
    for loss in (wald.InfoNCE(temperature=0.0085, symmetric=True), wald.NTXent(temperature=0.0085)):
        found = loss(query, -query, reduction="none")
        wanted = loss.per_example(query.double(), -query.double())
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)


def test_a_nan_is_not_lost(rng: torch.Generator) -> None:
    for loss in LOSSES:
        inputs = [x.detach() for x in batch(loss, 12, rng)]
        inputs[0][3, 1] = torch.nan
        assert faster(loss).run(loss, *inputs).isnan().any(), loss


def test_memory_grows_with_the_batch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tensor is as large as the matrix of all scores."""
    made: list[int] = []

    class Watching(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                made.append(out.numel())
            return out

    small_blocks(monkeypatch, 16, 32)
    monkeypatch.setattr(counting, "_FEW", 2)
    for loss in LOSSES[::6]:
        rng = torch.Generator().manual_seed(0)
        inputs = batch(loss, 160, rng, torch.float32)
        run = faster(loss).run
        made.clear()
        with Watching():
            value = run(loss, *inputs)
            torch.autograd.grad(value.sum(), [x for x in inputs if x.requires_grad])
        assert max(made) <= 16 * 320 + 320, loss
