"""The Triton programs on the device that they are for: numbers, memory, no waiting, no races.

The same rows and losses are held interpreted in `tests/kernels/gpu`; what only a GPU can tell is bf16, the peak of
memory, whether a call waits, and whether threads get in each other's way.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.gpu import Features, Upstream, rows_in_place, rows_of
from wald.kernels.gpu.available import has_triton
from wald.kernels.worthwhile import any_size

from ..catalogue import leaf
from ..kernels.gpu.interpreted.exact import Batch, batch, close, exact

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
    pytest.mark.skipif(not has_triton(), reason='Triton is not installed; pip install "wald[triton]"'),
]

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
LOSSES = [
    wald.CrossEntropy(),
    wald.CrossEntropy(label_smoothing=0.1, z_loss=0.01),
    wald.CrossEntropy(class_weight=tuple(0.5 + 0.1 * k for k in range(11))),
    wald.NextToken(shift=True),
    wald.Squared(),
    wald.Absolute(),
    wald.Huber(delta=0.7),
    wald.PseudoHuber(),
    wald.LogCosh(),
    wald.Pinball(level=0.8),
    wald.SmoothedPinball(),
    wald.Expectile(level=0.8),
    wald.Poisson(),
    wald.Gamma(),
    wald.BinaryCrossEntropy(pos_weight=2.0, label_smoothing=0.1),
    wald.Focal(),
    wald.AsymmetricFocal(),
    wald.Hinge(),
    wald.SquaredHinge(),
]


def on_device(b: Batch) -> Batch:
    """The same rows on the GPU."""

    def moved(x: Any) -> Any:
        return x.cuda() if isinstance(x, Tensor) else x

    features = Features(**{f.name: moved(getattr(b.features, f.name)) for f in fields(Features)})
    upstream = Upstream(**{f.name: moved(getattr(b.upstream, f.name)) for f in fields(Upstream)})
    return Batch(b.logits.cuda(), b.target.cuda(), features, upstream)


def rounding(dtype: torch.dtype) -> float:
    """How far a number may move when it is rounded to this dtype, with a little for the arithmetic in fp32."""
    return max(2e-5, torch.finfo(dtype).eps)


@pytest.mark.parametrize("full", [False, True], ids=["plain", "all features"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", [1, 7, 100, 1000, 1001, 8192, 32768, 50257, 128256])
def test_rows_are_right(classes: int, dtype: torch.dtype, full: bool) -> None:
    b = batch(67 if classes < 10_000 else 5, classes, dtype, full=full)
    right, here = exact(b), on_device(b)
    for in_place in (False, True):
        logits = here.logits.clone()
        gradient = logits if in_place else torch.full_like(logits, 7.0)
        found = rows_of(
            logits, here.target, here.features, gradient=gradient, upstream=here.upstream, entropy=True, best=True
        )
        close(found.value.cpu(), right.value, least=0.2)
        assert found.entropy is not None
        close(found.entropy.cpu(), right.entropy, least=0.2)
        step, size = rounding(dtype), right.gradient.abs().amax().item()
        torch.testing.assert_close(
            gradient.cpu().double(), right.gradient, rtol=step, atol=max(1e-7, 2e-6 * size), equal_nan=True
        )


def test_offsets_beyond_32_bits() -> None:
    rows, classes = 16800, 128256  # more than 2³¹ logits
    if torch.cuda.mem_get_info()[0] < 12 << 30:
        pytest.skip("needs 12 GiB of the GPU")
    logits = torch.zeros(rows, classes, dtype=torch.bfloat16, device="cuda")
    b = batch(3, classes, torch.bfloat16)
    logits[-3:] = b.logits.cuda()
    target = torch.zeros(rows, dtype=torch.int64, device="cuda")
    target[-3:] = b.target.cuda()
    value = rows_in_place(logits, target).value
    right = exact(b)
    close(value[-3:].cpu(), right.value)
    torch.testing.assert_close(logits[-3:].cpu().double(), right.gradient, rtol=0.01, atol=1e-6)


@pytest.mark.parametrize("classes", [1000, 32768, 128256])
def test_in_place_has_no_race(classes: int) -> None:
    # A warp that overwrites the logit of a target before another has read it would show in some of these runs.
    b = on_device(batch(264, classes, torch.bfloat16))
    first = rows_of(b.logits, b.target, gradient=(apart := torch.empty_like(b.logits))).value
    for _ in range(50):
        logits = b.logits.clone()
        assert torch.equal(rows_in_place(logits, b.target).value, first)
        assert torch.equal(logits, apart)


def inputs(loss: wald.Loss, dtype: torch.dtype, rows: int = 3, long: int = 8191) -> tuple[Tensor, Tensor]:
    rng = torch.Generator("cuda").manual_seed(7)
    if isinstance(loss, (wald.CrossEntropy, wald.NextToken)):
        logits = 3 * torch.randn(rows, long // 16, 11, generator=rng, device="cuda")
        return logits.to(dtype), torch.randint(11, logits.shape[:2], generator=rng, device="cuda")
    prediction = 2 * torch.randn(rows, long, generator=rng, device="cuda")
    target = torch.rand(rows, long, generator=rng, device="cuda")
    if isinstance(loss, (wald.Focal, wald.AsymmetricFocal, wald.Hinge, wald.SquaredHinge, wald.BinaryCrossEntropy)):
        target = target.round()
    return prediction.to(dtype), (target + 0.1 if isinstance(loss, wald.Gamma) else target).to(dtype)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_call_is_the_definition(loss: wald.Loss, dtype: torch.dtype, reduction: Any) -> None:
    prediction, target = inputs(loss, dtype)
    weight = torch.rand(target.shape, device="cuda") + 0.1
    mask = torch.rand(target.shape, device="cuda") > 0.3
    with any_size():
        assert "Triton" in wald.which(loss, prediction, target)
        ours, right = leaf(prediction), leaf(prediction.double())
        value = loss(ours, target, weight=weight, mask=mask, reduction=reduction)
        wide = target.double() if target.is_floating_point() else target
        wanted = loss(right, wide, weight=weight.double(), mask=mask, reduction=reduction)
        upstream = torch.rand(value.shape, device="cuda") + 0.5
        value.backward(upstream)
        wanted.backward(upstream.double())
    torch.testing.assert_close(value.double(), wanted, rtol=2e-5, atol=1e-6)
    assert ours.grad is not None
    assert right.grad is not None
    step, size = rounding(dtype), right.grad.abs().amax().item()
    torch.testing.assert_close(ours.grad.double(), right.grad, rtol=2 * step, atol=1e-5 * size + 6e-8)


@pytest.mark.parametrize("loss", LOSSES[:5], ids=repr)
def test_a_call_waits_for_nothing(loss: wald.Loss) -> None:
    prediction, target = inputs(loss, torch.float32)
    weight = torch.rand(target.shape, device="cuda")
    with any_size():
        for warm in (True, False):
            torch.cuda.synchronize()
            torch.cuda.set_sync_debug_mode("default" if warm else "error")
            try:
                loss(leaf(prediction), target, weight=weight).backward()
                loss(leaf(prediction), target).backward()
            finally:
                torch.cuda.set_sync_debug_mode("default")


def test_a_step_can_be_a_cuda_graph() -> None:
    prediction, target = inputs(wald.CrossEntropy(), torch.float32, long=65536)
    logits = leaf(prediction)

    def step() -> Tensor:
        logits.grad = None
        value = wald.CrossEntropy()(logits, target)
        value.backward()
        return value.detach()

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        eager = [step() for _ in range(3)][-1]
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = step()
    graph.replay()
    torch.testing.assert_close(value, eager)


def peak_of(work: Any) -> int:
    """The bytes beyond what is there already."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_cross_entropy_needs_one_gradient(dtype: torch.dtype) -> None:
    from wald.kernels.gpu import cross_entropy

    logits = torch.randn(4096, 32000, device="cuda", dtype=dtype).requires_grad_()
    target = torch.randint(32000, (4096,), device="cuda")
    before = logits.detach().clone()
    size = before.numel() * before.element_size()

    def step() -> None:
        cross_entropy._mean(wald.CrossEntropy(), logits, target).backward()
        logits.grad = None

    step()
    assert peak_of(step) <= 1.02 * size
    assert torch.equal(logits.detach(), before)


def test_elementwise_needs_one_gradient() -> None:
    prediction = torch.randn(1 << 24, device="cuda").requires_grad_()
    target = torch.rand(1 << 24, device="cuda").round()

    def step() -> None:
        wald.Focal()(prediction, target).backward()
        prediction.grad = None

    step()
    assert peak_of(step) <= 1.05 * prediction.numel() * 4


def test_the_other_gpu_may_be_current() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU only")
    b = batch(4, 1000)
    here = replace(b, logits=b.logits.to("cuda:1"), target=b.target.to("cuda:1"))
    with torch.cuda.device(0):
        close(rows_of(here.logits, here.target).value.cpu(), exact(b).value)
