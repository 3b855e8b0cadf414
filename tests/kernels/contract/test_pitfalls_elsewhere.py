"""The pitfalls that are not those of a linear head: offsets, overflow, adapters, bounds, benchmarks and tests."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.worthwhile import any_size
from wald.timing.case import Sides, Step, step
from wald.timing.cases import cases

from .pitfalls import problem
from .subject import Subject, registered

PROGRAMS = Path(wald.__file__).parent / "kernels" / "gpu" / "programs"


def is_wrong(check: Callable[[], object]) -> None:
    with pytest.raises(AssertionError):
        check()


# 6: offsets in 32 bits.


def reaches_far(values: Callable[[Tensor, Tensor], Tensor]) -> None:
    # Two rows so far apart that the start of the second is no 32-bit number; what lies between is never touched.
    store = torch.empty(2**31 + 70)
    logits = store.as_strided((2, 33), (2**31 + 5, 1))
    rng = torch.Generator().manual_seed(0)
    rows = torch.randn(2, 33, generator=rng)
    logits.copy_(rows)
    target = torch.tensor([4, 32])
    wanted = torch.nn.functional.cross_entropy(rows, target, reduction="none")
    assert torch.allclose(values(logits, target), wanted, atol=1e-5)


@pytest.mark.slow
def test_6_offsets_are_wide() -> None:
    def narrow(logits: Tensor, target: Tensor) -> Tensor:
        start = (logits.stride(0) + 2**31) % 2**32 - 2**31
        second = logits.as_strided((1, 33), (1, 1), start if start >= 0 else 0)
        return torch.nn.functional.cross_entropy(torch.cat([logits[:1], second]), target, reduction="none")

    with any_size():
        reaches_far(lambda logits, target: wald.CrossEntropy()(logits, target, reduction="none"))
    is_wrong(lambda: reaches_far(narrow))


# 14: hyper-parameters as compile-time constants.


def settings_come_at_run_time(source: str) -> None:
    for node in ast.walk(ast.parse(source)):
        for arg in node.args.args if isinstance(node, ast.FunctionDef) else ():
            constant = arg.annotation is not None and ast.unparse(arg.annotation) == "tl.constexpr"
            assert not constant or arg.arg.isupper(), f"every value of {arg.arg} compiles {node.name} anew"


def test_14_settings_come_at_run_time() -> None:
    for path in PROGRAMS.glob("*.py"):
        settings_come_at_run_time(path.read_text("utf-8"))
    is_wrong(lambda: settings_come_at_run_time("def kernel(x, z_loss: tl.constexpr, BLOCK: tl.constexpr): pass"))


# 20: ranks that are taken to be equal.


def parts_may_be_unequal(mean: Callable[[Sequence[Tensor]], Tensor]) -> None:
    values = torch.arange(1.0, 12.0)
    assert torch.allclose(mean(values.split([1, 7, 0, 3])), values.mean(), atol=1e-6)


def test_20_parts_may_be_unequal() -> None:
    def added(parts: Sequence[Tensor]) -> Tensor:
        return sum(wald.Absolute().tally(part, torch.zeros_like(part)) for part in parts).mean.float()

    parts_may_be_unequal(added)
    is_wrong(lambda: parts_may_be_unequal(lambda parts: torch.stack([p.mean() for p in parts if len(p)]).mean()))


# 22: negatives that are taken for constants.


def negatives_move(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    query, key = (torch.randn(9, 5, generator=torch.Generator().manual_seed(k)).requires_grad_() for k in (1, 2))
    found = torch.autograd.grad(loss(query, key), (query, key))
    exact = torch.autograd.grad(wald.InfoNCE().per_example(query.double(), key.double()).mean(), (query, key))
    for ours, right in zip(found, exact, strict=True):
        assert torch.allclose(ours, right.float(), atol=1e-5)


def test_22_negatives_are_no_constants() -> None:
    def gathered(query: Tensor, key: Tensor) -> Tensor:
        own = torch.eye(len(key)).unsqueeze(-1)
        q, k = torch.nn.functional.normalize(query), torch.nn.functional.normalize(key)
        mixed = own * k + (1 - own) * k.detach()
        return torch.nn.functional.cross_entropy((q.unsqueeze(1) * mixed).sum(-1) / 0.1, torch.arange(len(q)))

    with any_size():
        negatives_move(wald.InfoNCE())
    is_wrong(lambda: negatives_move(gathered))


# 23: exponentials without the largest taken off.


def bears_a_large_scale(loss: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    query, key = (torch.randn(9, 5, generator=torch.Generator().manual_seed(k)).requires_grad_() for k in (1, 2))
    value = loss(query, key, 1e-3)
    assert value.isfinite()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(value, (query, key)))


def test_23_a_large_scale_is_borne() -> None:
    def bare(query: Tensor, key: Tensor, temperature: float) -> Tensor:
        scores = torch.nn.functional.normalize(query) @ torch.nn.functional.normalize(key).mT / temperature
        return (scores.exp().sum(-1).log() - scores.diagonal()).mean()

    with any_size():
        for kind in (wald.InfoNCE, wald.NTXent):
            bears_a_large_scale(lambda q, k, t, kind=kind: kind(temperature=t)(q, k))
    is_wrong(lambda: bears_a_large_scale(bare))


# 25: an adapter of the head that is not trained.


def trains_the_adapter(loss: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    hidden, weight, target = problem()
    rng = torch.Generator().manual_seed(9)
    down = torch.randn(3, hidden.shape[1], generator=rng).requires_grad_()
    up = torch.randn(len(weight), 3, generator=rng).requires_grad_()
    value = loss(hidden, weight.detach(), target, down, up)
    found = torch.autograd.grad(value, (down, up), allow_unused=True)
    whole = torch.nn.functional.cross_entropy(hidden @ (weight.detach() + 0.5 * up @ down).mT, target)
    for ours, right in zip(found, torch.autograd.grad(whole, (down, up)), strict=True):
        assert ours is not None, "the adapter got no gradient, and nobody was told"
        assert torch.allclose(ours, right, atol=1e-5)


def test_25_an_adapter_is_trained() -> None:
    trains_the_adapter(lambda h, w, t, down, up: wald.linear(wald.CrossEntropy(), h, w, t, lora=(down, up, 0.5)))
    # What reads the matrix of a wrapped layer sees the frozen part alone.
    is_wrong(lambda: trains_the_adapter(lambda h, w, t, *_: wald.linear(wald.CrossEntropy(), h, w, t)))


# 27: benchmarks of half the work.


def goes_backward(side: Step) -> None:
    calls: list[None] = []
    before = torch.autograd.backward

    def counted(*args: object, **options: object) -> None:
        calls.append(None)
        before(*args, **options)  # pyright: ignore[reportArgumentType]

    torch.autograd.backward = counted
    try:
        side()
    finally:
        torch.autograd.backward = before
    assert calls, "a side that goes forward only is timed against one that goes both ways"


@pytest.mark.slow
def test_27_every_case_goes_both_ways() -> None:
    for case in cases():
        if case.device == "cpu" and case.losses:
            sides: Sides = case.sides("tiny")
            for side in (sides.ours, *(rival for rival in sides.rivals.values() if not isinstance(rival, str))):
                goes_backward(side)
    x = torch.ones(3, requires_grad=True)
    goes_backward(step(lambda: x.sum(), x))
    is_wrong(lambda: goes_backward(lambda: x.sum().detach()))


# 28: tests that cannot see any of this.


def sees_enough(subjects: Sequence[Subject]) -> None:
    names = " ".join(map(repr, subjects))
    assert all(f", {reduction}" in names for reduction in ("mean", "sum", "none"))
    sizes = {size for subject in subjects for x in subject.tensors() for size in x.shape}
    assert any(size & (size - 1) for size in sizes), "every size is a power of two"
    assert any(len(subject.tensors()) > 1 for subject in subjects), "nothing can be frozen beside what moves"


def test_28_the_tests_look_where_it_hurts() -> None:
    sees_enough(list(registered()))
    sees_only = [subject for subject in registered((8, 4)) if repr(subject).endswith(", mean")]
    is_wrong(lambda: sees_enough(sees_only))
