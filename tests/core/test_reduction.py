"""Tails, trims and groups against plain sorting, with weights, ties, masks and nothing at all."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
import torch

import wald

numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


def absolute(values: list[float], **how: object) -> float:
    x = torch.tensor(values, dtype=torch.float64).abs()
    return wald.Absolute()(x, torch.zeros_like(x), **how).item()


@given(values=numbers, share=st.integers(1, 20))
@settings(max_examples=80, deadline=None)
def test_cvar_of_whole_rows_is_the_mean_of_the_worst(values: list[float], share: int) -> None:
    k = min(share, len(values))
    worst = sorted(np.abs(values))[-k:]
    assert absolute(values, reduction=wald.CVaR(k / len(values))) == pytest.approx(np.mean(worst), abs=1e-9)


@given(values=numbers, level=st.floats(0.01, 1))
@settings(max_examples=80, deadline=None)
def test_cvar_is_the_minimum_of_rockafellar_and_uryasev(values: list[float], level: float) -> None:
    v = np.abs(values)
    by_definition = min(eta + np.maximum(v - eta, 0).mean() / level for eta in v)
    assert absolute(values, reduction=wald.CVaR(level)) == pytest.approx(by_definition, abs=1e-8)


def test_cvar_of_a_weighted_row_is_that_of_its_copies() -> None:
    x = torch.tensor([1.0, 5.0, 2.0, 9.0])
    copies = torch.tensor([3, 1, 2, 1])
    loss, cvar = wald.Absolute(), wald.CVaR(0.3)
    weighted = loss(x, torch.zeros(4), weight=copies.float(), reduction=cvar)
    copied = x.repeat_interleave(copies)
    torch.testing.assert_close(weighted, loss(copied, torch.zeros(7), reduction=cvar))


def test_trimming_leaves_out_both_ends() -> None:
    assert absolute([1, 2, 3, 4, 100], reduction=wald.TrimmedMean(0.2, low=0.2)) == pytest.approx(3)


def test_a_trimmed_infinity_leaves_nothing_behind() -> None:
    x = torch.tensor([1.0, torch.inf, 3.0], requires_grad=True)
    value = wald.Absolute()(x, torch.zeros(3), reduction=wald.TrimmedMean(1 / 3))
    value.backward()
    assert value.item() == pytest.approx(2)
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([0.5, 0.0, 0.5]))


def test_the_worst_group_is_the_one_with_the_largest_mean() -> None:
    groups = torch.tensor([0, 0, 2, 2, 2])
    x = torch.tensor([1.0, 2.0, 3.0, 3.0, 3.0])
    loss, zero = wald.Absolute(), torch.zeros(5)
    assert loss(x, zero, reduction=wald.WorstGroup(groups)).item() == pytest.approx(3)
    hidden = torch.tensor([True, True, False, False, False])
    assert loss(x, zero, mask=hidden, reduction=wald.WorstGroup(groups)).item() == pytest.approx(1.5)
    assert loss(x, zero, mask=~hidden & hidden, reduction=wald.WorstGroup(groups)).item() == 0
    compiled = torch.compile(
        lambda a, g: loss(a, zero, reduction=wald.WorstGroup(g, count=3)), fullgraph=True, backend="aot_eager"
    )
    torch.testing.assert_close(compiled(x, groups), torch.tensor(3.0))


def test_groups_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups \(2,\) and values \(3,\)"):
        wald.Absolute()(torch.ones(3), torch.zeros(3), reduction=wald.WorstGroup(torch.tensor([0, 1])))


@pytest.mark.parametrize("level", [0, -0.1, 1.5])
def test_a_tail_that_is_no_share_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        wald.CVaR(level)


def test_trimming_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="leave something over"):
        wald.TrimmedMean(0.6, low=0.4)


def test_an_unknown_reduction_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match='"mean", "sum", "none"'):
        wald.Absolute()(torch.ones(1), torch.ones(1), reduction="average")  # pyright: ignore[reportArgumentType]


def test_a_normalizer_belongs_to_the_mean() -> None:
    with pytest.raises(ValueError, match="normalizer"):
        wald.Absolute()(torch.ones(1), torch.ones(1), reduction="sum", normalizer=3.0)


def test_a_tensor_may_be_the_normalizer() -> None:
    tokens = torch.tensor(8)
    assert wald.Absolute()(torch.ones(4), torch.zeros(4), normalizer=tokens).item() == pytest.approx(0.5)
