"""Tallies add: any split of a data set into micro-batches gives the cost of the whole, in value and gradient."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald

from ..catalogue import CASES, PROOFS, SEPARABLE, batch_of, leaf

ROWS = 12


def split(inputs: tuple[Tensor, ...], cuts: list[int]) -> list[tuple[Tensor, ...]]:
    edges = [0, *sorted(cuts), ROWS]
    return [tuple(x[a:b] for x in inputs) for a, b in pairwise(edges)]


@pytest.mark.parametrize("loss", [one for one in PROOFS if one.values[0] in SEPARABLE])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_sum_over_micro_batches_is_the_whole(loss: wald.Loss, weighted: bool, rng: torch.Generator) -> None:
    first, *rest = batch_of(loss, (ROWS,), rng)
    weight = torch.rand(ROWS, generator=rng, dtype=torch.float64) if weighted else torch.ones(ROWS, dtype=torch.float64)
    mask = torch.rand(ROWS, generator=rng) > 0.3 if weighted else torch.ones(ROWS, dtype=torch.bool)
    whole = leaf(first)
    one = loss(whole, *rest, weight=weight, mask=mask)
    one.backward()
    for _ in range(3):
        cuts = torch.randint(0, ROWS + 1, (3,), generator=rng).tolist()
        parts = leaf(first)
        pieces = split((parts, *rest, weight, mask), cuts)
        many = sum(loss.tally(*piece[:-2], weight=piece[-2], mask=piece[-1]) for piece in pieces).mean
        torch.testing.assert_close(many, one, rtol=1e-12, atol=1e-12)
        many.backward()
        torch.testing.assert_close(parts.grad, whole.grad, rtol=1e-12, atol=1e-12)


COUPLED = [loss for loss in CASES if loss not in SEPARABLE]


@pytest.mark.parametrize("loss", COUPLED, ids=repr)
def test_a_coupled_loss_says_that_splitting_changes_it(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    whole = loss(*inputs)

    def changes(cut: int) -> bool:
        return not torch.isclose(sum(loss.tally(*piece) for piece in split(inputs, [cut])).mean, whole)

    # One split may by chance leave the hardest where they were; not all of them do.
    assert any(map(changes, (ROWS // 2, *range(1, ROWS))))


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_a_tally_counts_what_it_saw(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch_of(loss, (ROWS,), rng)
    mask = torch.arange(ROWS) % 3 > 0
    tally = loss.tally(first, *rest, mask=mask)
    assert tally.examples.item() == mask.sum().item()
    assert tally.masked.item() == ROWS - mask.sum().item()
    assert tally.nonfinite.item() == 0
    first = first.clone()
    first[1] = torch.nan  # kept
    first[0] = torch.nan  # masked
    broken = loss.tally(first, *rest, mask=mask)
    # Where examples meet each other, one that is broken breaks those that meet it.
    assert broken.nonfinite.item() >= 1
    assert (broken.nonfinite.item() == 1) or loss.card.coupling == "coupled"


@given(numbers=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), data=st.data())
@settings(max_examples=50, deadline=None)
def test_any_split_of_any_numbers(numbers: list[float], data: st.DataObject) -> None:
    x = torch.tensor(numbers, dtype=torch.float64)
    cut = data.draw(st.integers(0, len(numbers)))
    loss, y = wald.Squared(), torch.zeros_like(x)
    assert (loss.tally(x[:cut], y[:cut]) + loss.tally(x[cut:], y[cut:])).mean.item() == pytest.approx(
        loss(x, y).item(), rel=1e-12
    )


def test_float32_totals_do_not_drift() -> None:
    loss, one = wald.Absolute(), torch.full((1,), 0.1)
    tally = loss.tally(one, torch.zeros(1)).detach()
    total = sum([tally] * 20_000)
    assert total.mean.item() == pytest.approx(float(one), rel=1e-12)
    assert total.count.item() == 20_000


def test_adding_something_else_is_refused() -> None:
    with pytest.raises(TypeError):
        wald.Squared().tally(torch.zeros(2), torch.zeros(2)) + 3.0


def test_all_reduce_without_a_group_is_the_tally_itself() -> None:
    tally = wald.Squared().tally(torch.ones(2), torch.zeros(2))
    assert tally.all_reduce() is tally
