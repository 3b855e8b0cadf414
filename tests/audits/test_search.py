"""A search that finds bottoms, corners and steps, and ends where there is none."""

import torch
from torch import Tensor

from wald.audits.aligning.search import compass_search

START = torch.zeros(1, 2, dtype=torch.float64)
STEP = torch.ones(2, dtype=torch.float64)


def test_it_finds_a_corner() -> None:
    point, value = compass_search(lambda x: (x[:, 0] - 1.3).abs() + (x[:, 1] + 2.1).abs(), START, STEP, finest=1e-4)
    assert torch.allclose(point, torch.tensor([1.3, -2.1], dtype=torch.float64), atol=1e-3)
    assert value < 1e-3


def test_it_keeps_the_first_start_unless_another_is_better() -> None:
    flat, _ = compass_search(lambda x: torch.zeros(len(x)), torch.cat([START + 5, START]), STEP)
    assert flat.tolist() == [5.0, 5.0]


def test_it_starts_from_the_best_and_passes_over_nan() -> None:
    def holed(x: Tensor) -> Tensor:
        return torch.where(x[:, 0] < 2, torch.nan, (x[:, 0] - 3).square() + x[:, 1].square())

    point, _ = compass_search(holed, torch.cat([START, START + 4]), STEP)
    assert torch.allclose(point, torch.tensor([3.0, 0.0], dtype=torch.float64), atol=0.1)


def test_it_ends_where_less_is_better_without_end() -> None:
    _, value = compass_search(lambda x: -x[:, 0], START, STEP)
    assert value < -10


def test_many_axes_take_few_steps() -> None:
    goal, calls = torch.linspace(-3, 3, 12, dtype=torch.float64), 0

    def away(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return (x - goal).square().sum(-1)

    start = torch.zeros(1, 12, dtype=torch.float64)
    point, _ = compass_search(away, start, torch.ones(12, dtype=torch.float64))
    assert torch.allclose(point, goal, atol=0.1)
    # One axis at a time would take three steps for each.
    assert calls < 40
