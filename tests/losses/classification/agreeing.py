"""What the tests of losses over classes share: scores, ids, and agreement in value and slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Oracle = Callable[..., Tensor]


def scores(seed: int = 0, rows: int = 31, classes: int = 4) -> Tensor:
    return 3 * torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ids(seed: int = 1, rows: int = 31, classes: int = 4) -> Tensor:
    return torch.randint(0, classes, (rows,), generator=torch.Generator().manual_seed(seed))


def law(seed: int = 2, rows: int = 31, classes: int = 4) -> Tensor:
    return scores(seed, rows, classes).softmax(-1)


def value_and_slope(loss: Oracle, prediction: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
    """The values, and how their sum changes with each prediction."""
    prediction = prediction.detach().clone().requires_grad_()
    value = loss(prediction, *rest)
    (slope,) = torch.autograd.grad(value.sum(), prediction)
    return value.detach(), slope


def near(found: Tensor, wanted: Any, relative: float = 1e-11) -> None:
    wanted = torch.as_tensor(wanted, dtype=found.dtype)
    torch.testing.assert_close(found, wanted, rtol=relative, atol=relative)


def agree(ours: Oracle, theirs: Oracle, *inputs: Tensor, relative: float = 1e-11) -> None:
    """Both give the same values and the same slopes."""
    for mine, its in zip(value_and_slope(ours, *inputs), value_and_slope(theirs, *inputs), strict=True):
        near(mine, its, relative)
