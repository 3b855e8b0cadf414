"""The pieces of a head: what they cost is told beforehand, and nothing but time depends on them."""

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.kernels.heads import linear
from wald.kernels.heads.budget import head_plan

from .linear_oracle import head


def gradients(x: Tensor, w: Tensor, y: Tensor, budget: int | None) -> tuple[Tensor, ...]:
    loss = linear(wald.CrossEntropy(), x, w, y, memory_budget=budget)
    return loss.detach(), *torch.autograd.grad(loss, (x, w))


def budget_for(rows: int, features: int, classes: int, dtype: torch.dtype) -> int:
    """The least budget whose plan has so many rows."""
    low, high = 1, 1 << 34
    while low < high:
        middle = (low + high) // 2
        try:
            enough = head_plan(10**6, features, classes, dtype=dtype, memory_budget=middle).rows >= rows
        except ValueError:
            enough = False
        low, high = (low, middle) if enough else (middle + 1, high)
    return low


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_result_does_not_depend_on_the_chunks(dtype: torch.dtype) -> None:
    features, classes = 16, 509
    x, w, _, y = head(400, features, classes, dtype=dtype)
    wide = [t.detach().double().requires_grad_() for t in (x, w)]
    exact = F.cross_entropy(F.linear(*wide), y)
    want = (exact, *torch.autograd.grad(exact, wide))
    for rows in (1, 7, 64, 130, 384):
        found = gradients(x, w, y, budget_for(rows, features, classes, dtype))
        for one, two, most in zip(found, want, (1e-6, 2e-6, 2e-6), strict=True):
            rounding = 1.8e-3 if one.dtype == torch.bfloat16 else most
            assert (one.double() - two).norm() / two.norm() < rounding


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_of_a_vocabulary_against_fp64(dtype: torch.dtype) -> None:
    features, classes, count = 128, 8192, 2048
    x, w, _, y = head(count, features, classes, dtype=dtype)
    wide = [t.detach().double().requires_grad_() for t in (x, w)]
    exact = F.cross_entropy(F.linear(*wide), y)
    by_weight = torch.autograd.grad(exact, wide[1])[0]
    for rows in (64, 128, 512, 1024, count):
        loss, _, found = gradients(x, w, y, budget_for(rows, features, classes, dtype))
        error = float((found.double() - by_weight).norm() / by_weight.norm())
        assert error < (1.8e-3 if dtype == torch.bfloat16 else 1e-6)
        assert abs(loss.double() - exact.detach()) / exact.detach() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("count", [0, 1, 100, 5000])
@pytest.mark.parametrize("budget", [None, 300_000, 1 << 20, 1 << 24])
def test_a_plan_keeps_to_its_budget_and_leaves_no_row_out(dtype: torch.dtype, count: int, budget: int | None) -> None:
    try:
        plan = head_plan(count, 24, 1000, dtype=dtype, memory_budget=budget)
    except ValueError:
        assert budget == 300_000
        return
    seen = [row for start, stop in plan.spans(count) for row in range(start, stop)]
    assert seen == list(range(count))
    total = 4 * 1000 * 24 if dtype in (torch.bfloat16, torch.float16) else 0
    assert budget is None or plan.bytes <= budget + total


def test_too_little_memory_says_how_much_is_needed() -> None:
    x, w, _, y = head(50, 13, 2000)
    with pytest.raises(ValueError, match=r"memory_budget=5000 bytes is too little: \d+ are needed for 2000 classes"):
        linear(wald.CrossEntropy(), x, w, y, memory_budget=5000)


def test_one_and_two_threads_agree() -> None:
    x, w, _, y = head(300, 40, 700)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = gradients(x, w, y, 1 << 20)
        torch.set_num_threads(2)
        two = gradients(x, w, y, 1 << 20)
    finally:
        torch.set_num_threads(before)
    for a, b in zip(one, two, strict=True):
        assert (a - b).norm() <= 1e-6 * b.norm()
