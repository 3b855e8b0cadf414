"""The catalogue on a GPU: the same numbers as on the CPU, and never a wait for the device."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald

from ..catalogue import CASES, batch_of, leaf

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]
every = pytest.mark.parametrize("loss", CASES, ids=repr)
ROWS = 33


def on_gpu(inputs: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    return tuple(x.to("cuda", dtype if x.is_floating_point() else None) for x in inputs)


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_the_gpu_gives_the_numbers_of_the_cpu(loss: wald.Loss, dtype: torch.dtype, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    keep = torch.arange(ROWS) % 4 > 0
    first, *rest = on_gpu(inputs, dtype)
    truth = tuple(x.cpu().double() if x.is_floating_point() else x.cpu() for x in (first, *rest))
    ours, theirs = leaf(first), leaf(truth[0])
    with wald.value_checks(False):  # rounding may leave a domain by half a step
        value, wanted = loss(ours, *rest, mask=keep.cuda()), loss(theirs, *truth[1:], mask=keep)
    value.backward()
    wanted.backward()
    close = 1e-10 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(value.cpu().double(), wanted, rtol=close, atol=close)
    assert ours.grad is not None
    step = max(close, 8 * torch.finfo(dtype).eps)
    torch.testing.assert_close(ours.grad.cpu().double(), theirs.grad, rtol=step, atol=step)


@every
def test_a_call_never_waits_for_the_device(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = on_gpu(batch_of(loss, (ROWS,), rng), torch.float32)
    keep = torch.arange(ROWS, device="cuda") % 4 > 0
    prediction = leaf(first)
    loss(prediction, *rest, mask=keep).backward()  # class weights travel to the device once
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss(prediction, *rest, mask=keep).backward()
        loss.tally(prediction, *rest, mask=keep).mean.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@every
def test_generated_gpu_code_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    torch.compiler.reset()
    inputs = on_gpu(batch_of(loss, (ROWS,), rng), torch.float32)
    compiled = torch.compile(lambda *x: loss(*x), fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), loss(*inputs), rtol=1e-4, atol=1e-4)
