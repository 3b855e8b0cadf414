"""Every elementwise loss in C++ and in pieces, against its definition in double precision."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.kernels import chunks, elementwise
from wald.kernels.engine import Engine, Pass
from wald.kernels.native import Library, library
from wald.kernels.programs import PROGRAMS

from ...catalogue import CASES, batch_of

NATIVE = [loss for loss in CASES if (found := PROGRAMS.get(type(loss))) and found(loss)]
PIECES = [loss for loss in CASES if type(loss) in PROGRAMS and not loss.named_domains[1][1].integer]


def _exact(loss: wald.Loss, x: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    x = x.double().requires_grad_()
    values = loss.per_example(x, target.double())
    (slope,) = torch.autograd.grad(torch.where(weight != 0, values * weight.double(), 0.0).sum(), x)
    return values.detach(), slope


def _agrees(engine: Engine, loss: wald.Loss, size: int, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    x, target = (x.float() for x in batch_of(loss, (size,), rng))
    weight = torch.rand(size, generator=rng) * (torch.rand(size, generator=rng) < 0.7)
    values, slope = _exact(loss, x, target, weight)
    hidden = torch.where(weight == 0, torch.nan, x)
    found, gradient = torch.full((size,), 7.0), torch.full((size,), 7.0)
    total = engine(Pass(loss, hidden, target, weight, 0.25, found, gradient))
    keep = weight != 0
    torch.testing.assert_close(found[keep].double(), values[keep], rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(gradient.double(), 0.25 * slope, rtol=2e-5, atol=2e-6)
    assert (gradient[~keep] == 0).all()
    assert total == pytest.approx((values[keep] * weight[keep].double()).sum().item(), rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("loss", NATIVE, ids=repr)
def test_in_cpp_it_is_the_definition(loss: wald.Loss, level: str) -> None:
    for size in (1, 3, 17, 300):
        _agrees(elementwise._in_cpp, loss, size, size)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(NATIVE), st.integers(1, 700), st.integers(0, 2**30))
def test_at_any_size(loss: wald.Loss, size: int, seed: int) -> None:
    if library() is not None:
        _agrees(elementwise._in_cpp, loss, size, seed)


@pytest.mark.parametrize(
    "loss", [loss for loss in PIECES if not loss.named_domains[0][1].axes and "(" not in repr(loss)[8:]], ids=repr
)
def test_in_pieces_it_is_the_definition(loss: wald.Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "PIECE", 50)
    _agrees(elementwise._in_torch, loss, 123, 5)


CERTAIN = [
    wald.BinaryCrossEntropy(),
    wald.Focal(),
    wald.Focal(gamma=0.0),
    wald.AsymmetricFocal(),
    wald.AsymmetricFocal(clip=0.0, gamma_pos=1.0),
    wald.Hinge(),
]


@pytest.mark.parametrize("loss", CERTAIN, ids=repr)
def test_a_certain_score_on_the_right_side_costs_nothing(loss: wald.Loss, level: str) -> None:
    far = torch.tensor([torch.inf, -torch.inf, 1e4, -1e4])
    x, target = far.repeat(2), torch.tensor([1.0, 0.0]).repeat(4)
    target[4:] = 1 - target[4:]
    values, slope = _exact(loss, x, target, torch.ones(8))
    found, gradient = torch.empty(8), torch.empty(8)
    elementwise._in_cpp(Pass(loss, x, target, values=found, gradient=gradient))
    torch.testing.assert_close(found.double(), values)
    known = ~slope.isnan()  # where a definition multiplies 0 by infinity
    torch.testing.assert_close(gradient.double()[known], slope[known], atol=1e-6, rtol=1e-6)


def test_nan_stays_nan(level: str) -> None:
    for loss in NATIVE:
        found = torch.empty(1)
        elementwise._in_cpp(Pass(loss, torch.tensor([torch.nan]), torch.tensor([0.5]), values=found))
        assert found.isnan().all(), loss


def test_threads_do_not_change_a_bit(native: Library) -> None:
    x, target = torch.randn(1_000_003), torch.randn(1_000_003)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        gradient = torch.empty_like(x)
        found.append((elementwise._in_cpp(Pass(wald.Huber(), x, target, gradient=gradient)), gradient))
    torch.set_num_threads(before)
    assert all(total == found[0][0] and torch.equal(gradient, found[0][1]) for total, gradient in found)


def test_any_layout(native: Library) -> None:
    loss, x, target = wald.LogCosh(), torch.randn(60, 50).t(), torch.randn(100, 60)[::2]
    fast, slow = x.detach().requires_grad_(), x.double().requires_grad_()
    assert wald.which(loss, fast, target) == "wald.kernels.native"
    found, wanted = loss(fast, target), loss(slow, target.double())
    (found * 3).backward()
    (wanted * 3).backward()
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(fast.grad.double(), slow.grad, rtol=1e-5, atol=1e-9)


def test_a_target_that_learns_takes_the_definition(native: Library) -> None:
    x, target = torch.randn(5000), torch.randn(5000, requires_grad=True)
    assert "definition" in wald.which(wald.LogCosh(), x, target)
