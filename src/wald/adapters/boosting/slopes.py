"""First and second derivatives of every row's loss in its score, without a loop over rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from .task import Task

Array = NDArray[Any]


def slopes(task: Task, score: Array, labels: Array, *, second: bool = True) -> tuple[Array, Array]:
    """Gradient and Hessian diagonal of each row in its own scores.

    Args:
        task: the loss and what it takes.
        score: (rows, columns), of float32 or float64, in which the derivatives come back.
        labels: encoded targets, (rows,).
        second: whether the Hessian is wanted; it is 0 otherwise.

    Returns:
        Two arrays, (rows, columns).
    """
    if task.form is None:
        return by_autograd(task, score, labels, second=second)
    # A loss of several classes sees the row, all others the one number.
    wide = not task.emission.flat
    gradient, hessian = task.form(task.loss, score if wide else score[:, 0], labels.astype(score.dtype, copy=False))
    return (gradient, hessian) if wide else (gradient[:, None], hessian[:, None])


def by_autograd(task: Task, score: Array, labels: Array, *, second: bool = True) -> tuple[Array, Array]:
    """The same for any loss: one pass forward, one back, and one back for the Hessian of each column."""
    leaf = torch.from_numpy(np.ascontiguousarray(score)).requires_grad_(True)
    target = task.target(labels, leaf.dtype)
    with torch.enable_grad():
        total = task.values(leaf, target).sum()
        gradient = _back(total, leaf, again=second)
        if not second or not gradient.requires_grad:
            return gradient.detach().numpy(), np.zeros_like(score)
        columns = [
            _back(gradient[:, column].sum(), leaf, keep=column + 1 < task.columns)[:, column]
            for column in range(task.columns)
        ]
    return gradient.detach().numpy(), torch.stack(columns, -1).detach().numpy()


def _back(total: Tensor, leaf: Tensor, *, again: bool = False, keep: bool = False) -> Tensor:
    if not total.requires_grad:
        return torch.zeros_like(leaf)
    found: Tensor | None = torch.autograd.grad(
        total, leaf, create_graph=again, retain_graph=again or keep, allow_unused=True
    )[0]
    return torch.zeros_like(leaf) if found is None else found  # pyright: ignore[reportUnnecessaryComparison]
