"""Every faster implementation is its definition: one test for all, which fails if no case reaches one."""

from __future__ import annotations

import pytest
import torch

import wald
from wald.core.implementation import Implementation, implementations
from wald.kernels.native import library, status
from wald.kernels.worthwhile import any_size

from ..catalogue import CASES, batch_of, leaf

ALL = list(implementations())


@pytest.mark.parametrize("faster", ALL, ids=lambda faster: f"{faster.of.__name__}: {faster.name}")
@pytest.mark.parametrize("shape", [(7,), (3, 5), (0,)], ids=str)
def test_it_is_the_definition(faster: Implementation, shape: tuple[int, ...], rng: torch.Generator) -> None:
    if faster.of.card.coupling == "coupled" and len(shape) != 1:
        pytest.skip("its one batch axis says who meets whom")
    if "Triton" in faster.name:
        pytest.skip("needs a GPU (tests/gpu); interpreted it is held in tests/kernels/gpu")
    native = faster.name == "wald.kernels.native"
    if native and library() is None:
        pytest.skip(f"the native library does not run: {status().reason}")
    if faster.name == "wald.kernels.chunks" and 0 in shape:
        pytest.skip("nothing makes no pieces")
    # The native library computes in single precision.
    tolerance = {"rtol": 2e-5, "atol": 2e-6} if native else {"rtol": 1e-12, "atol": 1e-12}
    reached = 0
    for loss in CASES:
        if type(loss) is not faster.of:
            continue
        first, *rest = batch_of(loss, shape, rng)
        plain, inputs, _, _ = loss.arranged((first, *rest), None, None)
        if native:
            inputs = tuple(x.float() if x.is_floating_point() else x for x in inputs)
        with any_size():
            if not faster.accepts(plain, *inputs):
                continue
        reached += 1
        ours, theirs = leaf(inputs[0]), leaf(inputs[0])
        fast, slow = faster.run(plain, ours, *inputs[1:]), plain.per_example(theirs, *inputs[1:])
        torch.testing.assert_close(fast, slow, **tolerance)
        upstream = torch.randn(slow.shape, generator=rng, dtype=slow.dtype)
        fast.backward(upstream)
        slow.backward(upstream)
        torch.testing.assert_close(ours.grad, theirs.grad, **tolerance)
        if first.numel() and (mean := faster.mean(plain, *inputs)) is not None:
            share = plain.share(*inputs)
            wanted = slow.mean() if share is None else slow.sum() / share.sum()
            torch.testing.assert_close(mean, wanted.detach(), **tolerance)
    assert reached, f"no loss of the catalogue reaches {faster.name}"


def test_which_names_what_runs() -> None:
    x = torch.zeros(3)
    assert wald.which(wald.Huber(), x, x) == "torch.nn.functional.huber_loss"
    assert wald.which(wald.Absolute(), x, x) == "definition (Absolute.per_example)"
