"""The mistakes that shipped implementations were seen to make, each as a check that any implementation can be put to.

A check takes a linear cross-entropy `(hidden, weight, target, *, rows, reduction, label_smoothing, class_weight,
ignore_index)` and raises AssertionError where the mistake shows. Numbers are those of the list of pitfalls that the
checks were written from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

LinearLoss = Callable[..., Tensor]
Check = Callable[[LinearLoss], None]

#: Every check by number and name.
CHECKS: Final[dict[str, Check]] = {}


def pitfall(number: int, name: str) -> Callable[[Check], Check]:
    """Register a check."""

    def register(check: Check) -> Check:
        CHECKS[f"{number} {name}"] = check
        return check

    return register


def problem(n: int = 37, d: int = 19, v: int = 101, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    """Hidden states, head and ids; sizes are odd, so that no tile fits."""
    rng = torch.Generator().manual_seed(5)
    hidden = torch.randn(n, d, generator=rng).to(dtype).requires_grad_()
    weight = (torch.randn(v, d, generator=rng) * 0.3).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(v, (n,), generator=rng)


def exact(hidden: Tensor, weight: Tensor, target: Tensor, above: Tensor | None = None, **options: Any) -> list[Tensor]:
    """Value and both gradients in double precision, by torch."""
    x, w = (t.detach().double().requires_grad_() for t in (hidden, weight))
    classes = options.pop("class_weight", None)
    value = F.cross_entropy(x @ w.mT, target, None if classes is None else classes.double(), **options)
    return [
        value.detach(),
        *torch.autograd.grad(value, (x, w), torch.ones_like(value) if above is None else above.double()),
    ]


def off(found: Tensor, wanted: Tensor) -> float:
    """The relative error, over all entries."""
    return ((found.double() - wanted).norm() / wanted.norm().clamp(min=1e-30)).item()


def slopes(loss: LinearLoss, *tensors: Tensor, above: Tensor | None = None, **options: Any) -> tuple[Tensor, ...]:
    """The gradients of hidden states and head."""
    value = loss(*tensors, **options)
    return torch.autograd.grad(value, tensors[:2], torch.ones_like(value) if above is None else above)


@pitfall(1, "the gradient of the head depends on the chunk")
def head_is_added_up_wide(loss: LinearLoss) -> None:
    tensors = problem(1024, 64, 257, torch.bfloat16)
    wanted = exact(*tensors)[2]
    for rows in (16, 128, 1024):
        error = off(slopes(loss, *tensors, rows=rows)[1], wanted)
        assert error <= 3e-3, f"in chunks of {rows} rows the gradient of the head is {error:.2g} off"


@pitfall(2, "the gradient of the hidden states is added up in half precision")
def hidden_is_added_up_wide(loss: LinearLoss) -> None:
    tensors = problem(64, 96, 4099, torch.bfloat16)
    error = off(slopes(loss, *tensors)[0], exact(*tensors)[1])
    assert error <= 5e-3, f"the gradient of the hidden states is {error:.2g} off"


@pitfall(3, "the loss is rounded to half precision")
def loss_is_wide(loss: LinearLoss) -> None:
    tensors = problem(64, 96, 1031, torch.bfloat16)
    for reduction in ("mean", "none"):
        value = loss(*tensors, reduction=reduction)
        assert value.dtype == torch.float32
        logits = (tensors[0] @ tensors[1].mT).float()
        # What is left is the rounding of the logits, which nobody can take back.
        wide = F.cross_entropy((tensors[0].float() @ tensors[1].float().mT), tensors[2], reduction=reduction)
        near = F.cross_entropy(logits, tensors[2], reduction=reduction)
        assert min(off(value, wide.double()), off(value, near.double())) < 1e-5


@pitfall(4, "1/N is folded into gradients of half precision")
def small_gradients_live(loss: LinearLoss) -> None:
    hidden, weight, target = problem(8192, 8, 1031, torch.float16)
    scale = torch.tensor(32768.0)
    wanted = exact(hidden, weight, target, above=scale)
    found = slopes(loss, hidden, weight, target, above=scale, rows=1024)
    for ours, right in zip(found, wanted[1:], strict=True):
        assert off(ours, right) < 4e-3


@pitfall(5, "padded columns take part")
def only_real_columns(loss: LinearLoss) -> None:
    for v in (1, 2, 31, 65, 127, 1025):
        tensors = problem(11, 7, v)
        for ours, right in zip([loss(*tensors), *slopes(loss, *tensors)], exact(*tensors), strict=True):
            assert off(ours, right) < 1e-4 or right.norm() < 1e-9, f"wrong at a vocabulary of {v}"


@pitfall(7, "the caller's tensors are overwritten")
def inputs_are_left_alone(loss: LinearLoss) -> None:
    tensors = problem()
    before = [x.detach().clone() for x in tensors]
    slopes(loss, *tensors)
    assert all(torch.equal(x, y) for x, y in zip(tensors, before, strict=True))


@pitfall(9, "a head behind a frozen trunk gets no gradient")
def frozen_parts(loss: LinearLoss) -> None:
    hidden, weight, target = problem()
    _, dx, dw = exact(hidden, weight, target)
    loss(hidden.detach(), weight, target).backward()
    assert weight.grad is not None, "the head got no gradient, and nobody was told"
    assert off(weight.grad, dw) < 1e-4
    loss(hidden, weight.detach(), target).backward()
    assert hidden.grad is not None
    assert off(hidden.grad, dx) < 1e-4


@pitfall(10, "what comes from above is ignored")
def upstream_counts(loss: LinearLoss) -> None:
    tensors = problem()
    each = torch.rand(len(tensors[2]), generator=torch.Generator().manual_seed(0)) - 0.3
    for reduction, above in (("mean", torch.tensor(-2.5)), ("sum", torch.tensor(0.01)), ("none", each)):
        found = slopes(loss, *tensors, above=above, reduction=reduction)
        for ours, right in zip(found, exact(*tensors, above=above, reduction=reduction)[1:], strict=True):
            assert off(ours, right) < 1e-4


@pitfall(11, "a second backward is another gradient")
def twice_is_the_same(loss: LinearLoss) -> None:
    tensors = problem()
    value = loss(*tensors)
    above = torch.tensor(3.0)
    first = [x.clone() for x in torch.autograd.grad(value, tensors[:2], above, retain_graph=True)]
    second = torch.autograd.grad(value, tensors[:2], above)
    for a, b in zip(first, second, strict=True):
        assert off(b, a.double()) < 1e-6


@pitfall(12, "a batch of which all is ignored loses its graph or is NaN")
def nothing_left(loss: LinearLoss) -> None:
    hidden, weight, target = problem()
    value = loss(hidden, weight, torch.full_like(target, -100))
    assert value.item() == 0
    assert value.requires_grad, "without a graph the other ranks wait for ever"
    for slope in torch.autograd.grad(value, (hidden, weight)):
        assert not slope.any()


@pitfall(13, "the host looks at the data")
def no_look_from_the_host(loss: LinearLoss) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    # A fake tensor raises when a value is asked for, where one on a GPU would wait for the device.
    with FakeTensorMode():
        hidden = torch.empty(9, 4, requires_grad=True)
        weight = torch.empty(7, 4, requires_grad=True)
        target = torch.empty(9, dtype=torch.int64)
        try:
            loss(hidden, weight, target).sum()
        except torch._subclasses.fake_tensor.DataDependentOutputException as looked:
            raise AssertionError(f"a value is fetched from the device: {looked}") from None


@pitfall(15, "chunks follow the memory that happens to be free")
def chunks_are_settled(loss: LinearLoss) -> None:
    tensors = problem()
    with _free_memory(1 << 20):
        little = slopes(loss, *tensors)
    with _free_memory(1 << 40):
        much = slopes(loss, *tensors)
    assert all(torch.equal(a, b) for a, b in zip(little, much, strict=True))


@contextmanager
def _free_memory(amount: int) -> Iterator[None]:
    asked: list[str] = []

    def answer(*_: Any, **__: Any) -> tuple[int, int]:
        asked.append("mem_get_info")
        return amount, amount

    before, torch.cuda.mem_get_info = torch.cuda.mem_get_info, answer
    try:
        yield
    finally:
        torch.cuda.mem_get_info = before
    assert not asked, "the memory that is free was asked for"


@pitfall(16, "smoothing is spread over the other classes only")
def smoothing_is_over_all(loss: LinearLoss) -> None:
    tensors = problem(v=5)
    for ours, right in zip(
        [loss(*tensors, label_smoothing=0.3), *slopes(loss, *tensors, label_smoothing=0.3)],
        exact(*tensors, label_smoothing=0.3),
        strict=True,
    ):
        assert off(ours, right) < 1e-4


@pitfall(17, "weights are left out of the smoothing or of the denominator")
def weights_count_everywhere(loss: LinearLoss) -> None:
    tensors = problem(v=5)
    options = {"label_smoothing": 0.2, "class_weight": torch.tensor([1.0, 5.0, 0.2, 3.0, 1.0])}
    for reduction in ("mean", "sum", "none"):
        found = loss(*tensors, reduction=reduction, **options)
        assert off(found, exact(*tensors, reduction=reduction, above=torch.ones_like(found), **options)[0]) < 1e-5


@pitfall(18, "the same call gives other bits")
def calls_repeat(loss: LinearLoss) -> None:
    tensors = problem(512, 33, 129)
    first = slopes(loss, *tensors, rows=8)
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(first, slopes(loss, *tensors, rows=8), strict=True))


@pitfall(19, "the denominator is that of the part")
def parts_add_up(loss: LinearLoss) -> None:
    hidden, weight, target = problem()
    target = target.masked_fill(torch.arange(len(target)) < 15, -100)
    whole = exact(hidden, weight, target, ignore_index=-100)
    counted = (target != -100).sum()
    pieces = [
        slopes(loss, hidden[part].detach().requires_grad_(), weight, target[part], reduction="sum")
        for part in (slice(0, 12), slice(12, 20), slice(20, None))
    ]
    assert off(torch.cat([dx for dx, _ in pieces]) / counted, whole[1]) < 1e-5
    assert off(sum(dw for _, dw in pieces) / counted, whole[2]) < 1e-5


@pitfall(21, "a slice of the vocabulary is left out of the hidden states' gradient")
def every_slice_counts(loss: LinearLoss) -> None:
    tensors = problem(v=1031)
    assert off(slopes(loss, *tensors)[0], exact(*tensors)[1]) < 1e-4


@pitfall(24, "buffers are as large as the first call was")
def later_calls_may_be_larger(loss: LinearLoss) -> None:
    loss(*problem(n=3))
    tensors = problem(n=37)
    assert off(loss(*tensors), exact(*tensors)[0]) < 1e-5
