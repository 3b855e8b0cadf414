"""Least values of many problems at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from wald.checks.probabilities.quasi_newton import minimise
from wald.checks.probabilities.simplex import cloud, flipped, laws


def least(function: Callable[[Tensor], Tensor], start: list[list[float]], calls: int = 300) -> Tensor:
    def sloped(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        value = function(x)
        (slope,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), slope

    x = torch.tensor(start, dtype=torch.float64)
    return minimise(sloped, x, calls=calls, gain=1e-18, shortest=1e-14, far=1e3)


def test_a_curved_valley() -> None:
    found = least(lambda x: (1 - x[:, 0]) ** 2 + 100 * (x[:, 1] - x[:, 0] ** 2) ** 2, [[-1.2, 1.0], [0.0, 0.0]])
    assert (found - 1).abs().max() < 1e-6


def test_a_least_value_at_a_kink() -> None:
    # Its least value, at (1, -2), is where two kinks cross.
    found = least(lambda x: (x[:, 0] - 1).abs() + 3 * (x[:, 0] + x[:, 1] + 1).abs(), [[5.0, 4.0], [-3.0, 0.3]])
    assert torch.tensor([[1.0, -2.0]] * 2, dtype=torch.float64) == pytest.approx(found, abs=1e-5)


def test_a_row_that_falls_forever_is_left_far_out() -> None:
    found = least(lambda x: torch.where(x[:, 0] > 50, -x[:, 0], (x - 2).square().sum(1)), [[60.0, 0.0], [0.0, 0.0]])
    assert found[0, 0] > 1e3
    assert (found[1] - 2).abs().max() < 1e-6


def test_rows_do_not_touch_each_other() -> None:
    alone = least(lambda x: x.square().sum(1).sqrt() + x[:, 0], [[1.0, 2.0]], calls=20)
    beside = least(lambda x: x.square().sum(1).sqrt() + x[:, 0], [[1.0, 2.0], [30.0, -4.0]], calls=20)
    assert torch.equal(alone[0], beside[0])


@pytest.mark.parametrize("size", [2, 3, 4, 10])
def test_laws_and_scores(size: int) -> None:
    chosen = laws(size, torch.Generator().manual_seed(0), count=31, base=3)
    assert len(chosen.plain) == 31
    assert (chosen.every.sum(1) - 1).abs().max() < 1e-12
    assert chosen.every.min() > 0
    tops = chosen.plain.topk(2, dim=1).values
    assert (tops[:, 0] > tops[:, 1]).all()
    if size > 2:
        assert (tops[:, 0] < 0.5).sum() >= 5
    points = cloud(size, torch.Generator().manual_seed(0), dense=True, rounding=2e-16)
    tops = points.topk(2, dim=1).values
    assert (tops[:, 0] > tops[:, 1]).all()


def test_flips_keep_the_order_of_a_law() -> None:
    law = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    assert flipped(law, 0.2).tolist() == pytest.approx([0.45, 0.31, 0.24])
