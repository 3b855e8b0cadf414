"""Cross-entropy of rows in C++ and in pieces, against the definition in double precision."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.kernels import softmax
from wald.kernels.engine import Engine, Pass
from wald.kernels.native import Library, library
from wald.kernels.worthwhile import any_size

#: Around the number of lanes of each level, and around what is turned.
CLASSES = (1, 2, 3, 7, 16, 17, 31, 32, 33, 64, 65, 257, 1031)


def _logits(rows: int, classes: int, rng: torch.Generator) -> Tensor:
    x = torch.randn(rows, classes, generator=rng) * 5
    x[1::7] *= 1e3
    x[2::7] += 1e4
    if classes > 2:
        x[3::7, 1] = -torch.inf
        x[4::7, 2:] = -torch.inf
    x[5::7, -1] = torch.nan
    x[6::7, 0] = torch.inf
    return x


def _target(loss: wald.CrossEntropy, logits: Tensor, soft: bool, rng: torch.Generator) -> Tensor:
    rows, classes = logits.shape
    if not soft:
        return torch.randint(classes, (rows,), generator=rng)
    shares = torch.rand(rows, classes, generator=rng)
    shares[torch.rand(rows, classes, generator=rng) < 0.3] = 0
    shares[:, 0] += 0.1
    return shares / shares.sum(-1, keepdim=True)


def _agrees(engine: Engine, loss: wald.CrossEntropy, classes: int, soft: bool, rows: int = 38) -> None:
    rng = torch.Generator().manual_seed(classes)
    logits = _logits(rows, classes, rng)
    target = _target(loss, logits, soft, rng)
    weight = torch.rand(rows, generator=rng) * (torch.rand(rows, generator=rng) < 0.8)
    keep = weight != 0
    exact = logits.double().requires_grad_()
    values = loss.per_example(exact, target.double() if soft else target)
    (slope,) = torch.autograd.grad((values[keep] * weight[keep].double()).sum(), exact)
    slope[~keep] = 0
    if not soft and engine is softmax._in_cpp:
        target[~keep] = -100  # nobody looks
    logits[~keep] = torch.nan
    found, gradient = torch.full((rows,), 7.0), torch.full((rows, classes), 7.0)
    total = engine(Pass(loss, logits, target, weight=weight, values=found, gradient=gradient))
    torch.testing.assert_close(found[keep].double(), values[keep].detach(), rtol=2e-6, atol=2e-6, equal_nan=True)
    wild = slope.isnan()
    assert torch.equal(gradient.isnan(), wild)
    # Slopes of a few 10⁴ meet here with z-loss, and cancel.
    largest = slope.nan_to_num().abs().amax(-1, keepdim=True).clamp(min=1)
    error = (gradient.double() - slope).nan_to_num() / largest
    assert error.abs().max() < 2e-6
    assert (gradient[~keep] == 0).all()
    sum_ = (found[keep].double() * weight[keep].double()).sum().item()
    assert total == pytest.approx(sum_, rel=1e-5, nan_ok=True)


def _losses(classes: int) -> list[wald.CrossEntropy]:
    weights = tuple(0.5 * (k % 3) for k in range(1, classes + 1))
    return [
        wald.CrossEntropy(),
        wald.CrossEntropy(class_weight=weights),
        wald.CrossEntropy(label_smoothing=0.1),
        wald.CrossEntropy(z_loss=1e-3),
        wald.CrossEntropy(class_weight=weights, label_smoothing=0.2, z_loss=1e-3),
    ]


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("soft", [False, True], ids=["ids", "shares"])
def test_in_cpp_it_is_the_definition(classes: int, soft: bool, level: str) -> None:
    for loss in _losses(classes):
        _agrees(softmax._in_cpp, loss, classes, soft)


@pytest.mark.parametrize("classes", [1, 3, 65])
@pytest.mark.parametrize("soft", [False, True], ids=["ids", "shares"])
def test_in_pieces_it_is_the_definition(classes: int, soft: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax, "_PIECE", 10 * classes)
    for loss in _losses(classes)[:3]:
        _agrees(softmax._in_torch, loss, classes, soft)


@pytest.mark.parametrize("size", [1.0, 30.0, 60.0, 1e4])
@pytest.mark.parametrize("overwritten", [False, True], ids=["apart", "in place"])
def test_in_pieces_at_every_size_of_logits(size: float, overwritten: bool) -> None:
    """Exponentials of logits as they are, and held against the largest where those would not fit."""
    logits = torch.randn(20, 7) * size
    logits[:, 0] += size  # far from 0 altogether
    target = torch.randint(7, (20,))
    exact = logits.double().requires_grad_()
    values = wald.CrossEntropy().per_example(exact, target)
    (slope,) = torch.autograd.grad(values.sum(), exact)
    found, gradient = torch.empty(20), logits if overwritten else torch.empty(20, 7)
    total = softmax._in_torch(Pass(wald.CrossEntropy(), logits, target, values=found, gradient=gradient))
    torch.testing.assert_close(found.double(), values.detach(), rtol=1e-6, atol=2e-7)
    torch.testing.assert_close(gradient.double(), slope, rtol=1e-6, atol=1e-6)
    assert total == pytest.approx(values.sum().item(), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 80), st.integers(1, 90), st.booleans(), st.integers(0, 4))
def test_at_any_size(rows: int, classes: int, soft: bool, which: int) -> None:
    if library() is not None:
        _agrees(softmax._in_cpp, _losses(classes)[which], classes, soft, rows)


@pytest.mark.parametrize("classes", [5, 40])
def test_rows_in_two_steps(classes: int, native: Library) -> None:
    """The scores of all positions but the last, as a shifted language model has them, are not copied."""
    whole = torch.randn(3, 8, classes)
    scores, target = whole[:, :-1], torch.randint(classes, (3, 7))
    found, gradient = torch.empty(3, 7), torch.empty(3, 7, classes)
    loss = wald.CrossEntropy()
    softmax._in_cpp(Pass(loss, scores, target, values=found, gradient=gradient))
    torch.testing.assert_close(found, loss.per_example(scores, target))
    assert softmax._steps(scores) == (7, 8 * classes, classes)
    assert softmax._steps(whole.transpose(0, 1)) is not None
    assert softmax._steps(whole.movedim(-1, 0)) is None


@pytest.mark.parametrize("loss", [wald.CrossEntropy(), wald.NextToken(shift=True)], ids=repr)
def test_ignored_rows_are_skipped(loss: wald.Loss, native: Library) -> None:
    logits = torch.randn(4, 50, 100)
    target = torch.randint(100, (4, 50))
    target[:, ::3] = -100
    hidden = logits.clone()
    kept = target[:, 1:] != -100 if isinstance(loss, wald.NextToken) else target != -100
    (hidden[:, :-1] if isinstance(loss, wald.NextToken) else hidden)[~kept] = torch.nan
    ours, exact = hidden.requires_grad_(), logits.double().requires_grad_()
    assert wald.which(loss, ours, target.clamp(min=0)) == "wald.kernels.native"
    found, wanted = loss(ours, target), loss(exact, target)
    found.backward()
    wanted.backward()
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(ours.grad.double(), exact.grad, rtol=1e-5, atol=1e-9)


def test_an_id_that_is_no_class(level: str) -> None:
    for classes in (10, 100):
        target = torch.zeros(50, dtype=torch.long)
        target[33] = classes
        with pytest.raises(IndexError, match=f"contains {classes}, and prediction has classes 0 to {classes - 1}"):
            softmax._in_cpp(Pass(wald.CrossEntropy(), torch.zeros(50, classes), target))


def test_threads_do_not_change_a_bit(native: Library) -> None:
    before = torch.get_num_threads()
    for classes in (10, 3000):
        logits, target = torch.randn(3_000_000 // classes, classes), torch.randint(classes, (3_000_000 // classes,))
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            gradient = torch.empty_like(logits)
            found.append((softmax._in_cpp(Pass(wald.CrossEntropy(), logits, target, gradient=gradient)), gradient))
        torch.set_num_threads(before)
        assert all(total == found[0][0] and torch.equal(gradient, found[0][1]) for total, gradient in found)


def test_no_mass_and_no_rows(native: Library) -> None:
    with any_size():
        weightless = wald.CrossEntropy(class_weight=(0.0, 1.0))(torch.randn(3, 2), torch.zeros(3, dtype=torch.long))
        assert weightless == 0
        assert wald.CrossEntropy()(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)) == 0


@pytest.mark.slow
def test_rows_beyond_32_bits(native: Library) -> None:
    """Three rows, so far apart that their distance needs 64 bits; only they are ever touched."""
    apart = 2**30 + 3
    memory = torch.empty(2 * apart + 40)
    rows = memory.as_strided((3, 40), (apart, 1))
    rows.copy_(torch.randn(3, 40))
    found = torch.empty(3)
    softmax._in_cpp(Pass(wald.CrossEntropy(), rows, torch.tensor([1, 2, 3]), values=found))
    torch.testing.assert_close(found, wald.CrossEntropy().per_example(rows.contiguous(), torch.tensor([1, 2, 3])))
