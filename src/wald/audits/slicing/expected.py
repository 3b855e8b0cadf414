"""What the model itself expects a row to cost, so that rows are compared of which it is as sure."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..evidence import Evidence

#: Rows of which the model expects about as much are compared in lots of this many.
_LOT = 30

#: More classes than this are not gone through one by one.
_CLASSES = 50


def lots(evidence: Evidence, each: Callable[[Tensor], Tensor]) -> Tensor:
    """The number of the lot of each row.

    Args:
        evidence: the case.
        each: what each row costs if these were the targets.
    """
    expected = _expected(evidence, each)
    if expected is None or not bool(expected.isfinite().all()):
        return torch.zeros(evidence.rows, dtype=torch.long)
    many = max(1, evidence.rows // _LOT)
    edges = torch.quantile(expected, torch.linspace(0, 1, many + 1, dtype=torch.float64)[1:-1]).unique()
    return torch.bucketize(expected, edges)


def _expected(evidence: Evidence, each: Callable[[Tensor], Tensor]) -> Tensor | None:
    """By the model's own probabilities; for a number, the prediction itself, as large ones miss by more."""
    space, target = evidence.space, evidence.target
    if space is None:
        return None
    if space.task == "regression":
        return evidence.prediction.double()
    if space.task == "binary":
        chance = torch.sigmoid((evidence.score if evidence.repaired is None else evidence.repaired).double())
        yes, no = each(torch.ones_like(target)), each(torch.zeros_like(target))
        return chance * yes + (1 - chance) * no
    chances = evidence.score.double().softmax(-1)
    classes = chances.shape[-1]
    if classes > _CLASSES:
        return chances.amax(-1)
    costs = torch.stack([each(torch.full_like(target, one)) for one in range(classes)], -1)
    return (chances * costs).sum(-1)
