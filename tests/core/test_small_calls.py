"""What makes a call cheap changes nothing: the quick look agrees with the close one, and what is kept is kept right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import Tensor

import wald
from wald.core import tensors
from wald.core.admission import extremes, finite, least, line_up, lined_up
from wald.core.tensors import constant
from wald.kernels.native import library

from ..catalogue import CASES, batch_of

SHAPES = [(), (1,), (4,), (4, 5), (5, 4)]
DTYPES = [torch.float32, torch.float64, torch.int64, torch.int32, torch.bool]


def pairs() -> Iterator[tuple[Tensor, Tensor]]:
    for a, b in product(SHAPES, SHAPES):
        for first, second in product(DTYPES, DTYPES):
            yield torch.zeros(a, dtype=first), torch.zeros(b, dtype=second)


@pytest.mark.parametrize("loss", [wald.Squared(), wald.CrossEntropy(), wald.BinaryCrossEntropy()], ids=repr)
def test_the_quick_look_lets_in_nothing_that_the_close_one_refuses(loss: wald.Loss) -> None:
    let_in = 0
    for inputs in pairs():
        usual = loss._call.usual
        assert usual is not None
        found = lined_up(usual, inputs)
        if found is not None:
            let_in += 1
            assert found == line_up(loss, inputs)
            assert all(x is y for x, y in zip(loss.prepared(*inputs), inputs, strict=True))
    assert let_in >= 3


@pytest.mark.parametrize("loss", [loss for loss in CASES if loss._call.usual is not None], ids=repr)
def test_what_the_card_draws_is_let_in_alike(loss: wald.Loss, rng: torch.Generator) -> None:
    drawn = tuple(x.float() if x.is_floating_point() else x for x in batch_of(loss, (6,), rng))
    plain, inputs, _, _ = loss.arranged(drawn, None, None)
    usual = plain._call.usual
    if usual is not None and (found := lined_up(usual, inputs)) is not None:
        assert found == line_up(plain, inputs)


def test_a_prediction_without_a_class_axis_is_refused() -> None:
    with pytest.raises(wald.ShapeError):
        wald.CrossEntropy()(torch.zeros(()), torch.zeros((), dtype=torch.int64))


@pytest.mark.parametrize("size", [1, 7, 128, 129, 5000])
@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1)])
def test_the_values_of_few_and_of_many(size: int, shape: tuple[int, ...], rng: torch.Generator) -> None:
    x = torch.randn(size, generator=rng).reshape(shape).requires_grad_()
    assert extremes(x.detach()) == (x.min().item(), x.max().item())
    assert least(x.detach()) == x.min().item()
    assert finite(x)
    for bad in (torch.nan, torch.inf, -torch.inf):
        assert not finite(torch.cat([x.detach().flatten(), torch.tensor([bad])]))


def test_probabilities_are_met_in_small_and_in_large_tensors(rng: torch.Generator) -> None:
    for rows in (3, 5000):
        shares = torch.randn(rows, 10, generator=rng).softmax(-1)
        with pytest.raises(wald.DomainError, match="look like probabilities"):
            wald.CrossEntropy()(shares, torch.zeros(rows, dtype=torch.int64))


def test_weights_of_many_classes_are_known_by_identity() -> None:
    one, equal = (tuple(float(i) for i in range(40)) for _ in range(2))
    other = (*one[:-1], 7.0)
    like = torch.zeros(())
    made = constant(one, like)
    assert constant(one, like) is made
    assert torch.equal(constant(equal, like), made)
    assert constant(other, like).tolist() == list(other)
    assert [constant(few, like).tolist() for few in (one[:5], other[-5:])] == [[0, 1, 2, 3, 4], [35, 36, 37, 38, 7]]
    assert constant(one, like.double()).dtype == torch.float64


def test_what_is_kept_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "_KEPT", 8)
    monkeypatch.setattr(tensors, "_made", {})
    like = torch.zeros(())
    for start in range(50):
        # Tuples that live for a moment get the identity of one another.
        values = tuple(float(start + i) for i in range(40))
        assert constant(values, like).tolist() == list(values)
    assert len(tensors._made) == 8


def test_which_says_what_a_call_does_and_refuses_what_a_call_refuses() -> None:
    logits, ids = torch.randn(4, 3), torch.tensor([0, 1, 2, -100])
    assert wald.which(wald.CrossEntropy(), logits, ids) == wald.which(wald.CrossEntropy(), logits, ids.clamp(min=0))
    assert wald.which(wald.CrossEntropy(axis=1), logits.T.reshape(1, 3, 4), ids.reshape(1, 4))
    with pytest.raises(wald.DomainError, match="class ids from 0 to 2"):
        wald.which(wald.CrossEntropy(), logits, ids.abs())


@pytest.mark.skipif(library() is None, reason="the native library is not built")
def test_a_formula_of_many_steps_is_compiled_at_any_size() -> None:
    prediction, target = torch.zeros(3), torch.ones(3)
    for loss in (wald.Focal(), wald.LogCosh(), wald.AsymmetricFocal(), wald.SmoothedPinball()):
        assert wald.which(loss, prediction, target) == "wald.kernels.native"
    assert wald.which(wald.Squared(), prediction, target) == "torch.nn.functional.mse_loss"
