"""A gradient in the memory of the prediction: only where that was asked for, and never silently wrong."""

from __future__ import annotations

import pytest
import torch

import wald
from wald.kernels.overwriting import overwriting_predictions
from wald.kernels.worthwhile import any_size


def _made(rows: int = 20, classes: int = 100) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    hidden, head = torch.randn(rows, 8), torch.randn(8, classes, requires_grad=True)
    return hidden, head, torch.randint(classes, (rows,))


@pytest.fixture(autouse=True)
def _every_size() -> object:
    with any_size():
        yield


def test_the_gradient_lies_where_the_logits_were() -> None:
    hidden, head, target = _made()
    plain = hidden @ head
    wald.CrossEntropy()(plain, target).backward()
    wanted, head.grad = head.grad, None
    logits = hidden @ head
    with overwriting_predictions():
        loss = wald.CrossEntropy()(logits, target)
    slope = torch.autograd.functional.jacobian(lambda x: wald.CrossEntropy()(x, target), plain.detach())
    torch.testing.assert_close(logits.detach(), slope)
    (loss * 3).backward()
    torch.testing.assert_close(head.grad, 3 * wanted)


def test_without_asking_the_logits_stay() -> None:
    hidden, head, target = _made()
    logits = hidden @ head
    before = logits.detach().clone()
    wald.CrossEntropy()(logits, target).backward()
    assert torch.equal(logits.detach(), before)


def test_a_leaf_stays() -> None:
    logits, target = torch.randn(20, 100, requires_grad=True), torch.randint(100, (20,))
    before = logits.detach().clone()
    with overwriting_predictions():
        wald.CrossEntropy()(logits, target).backward()
    assert torch.equal(logits.detach(), before)


def test_a_second_backward_is_refused() -> None:
    hidden, head, target = _made()
    with overwriting_predictions():
        loss = wald.CrossEntropy()(hidden @ head, target)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"one backward.*Leave out wald\.overwriting_predictions"):
        loss.backward()


def test_who_still_needs_the_logits_hears_of_it() -> None:
    hidden, head, target = _made()
    logits = (hidden @ head).exp()  # exp keeps its result for its own backward
    with overwriting_predictions():
        loss = wald.CrossEntropy()(logits, target)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
