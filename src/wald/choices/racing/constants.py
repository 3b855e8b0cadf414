"""The best that can be done without looking at a row: learned, like everything else, on the training rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .folds import Split
from .problem import Problem
from .reading import Judge
from .tables import tensor

#: Log-odds of what is said without any doubt.
_SURE = 30.0

#: The outer levels of quantiles for predictions of several columns.
_LEVELS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


def best_constants(problem: Problem, judge: Judge, splits: Sequence[Split], columns: int | None) -> list[Tensor]:
    """For each division, the constant that the metric likes best on the training rows, for the held-out rows.

    Args:
        problem: the rows.
        judge: the metric.
        splits: the divisions.
        columns: how many columns a prediction has; None for one number a row.
    """
    found: list[Tensor] = []
    for split in splits:
        train = tensor(split.train)
        target = problem.target[train]
        beside = {name: values[train] for name, values in problem.columns.items()}
        weight = None if problem.weight is None else problem.weight[train]
        best, least = None, float("inf")
        for one in _constants(target, judge.classes, columns):
            try:
                cost = judge.cost(one.expand(len(target), *one.shape), target, beside, weight)
            except ValueError:
                continue
            if best is None or cost < least:
                best, least = one, cost
        if best is None:
            best = torch.zeros(() if columns is None else (columns,), dtype=torch.float64)
        found.append(best.expand(len(split.test), *best.shape).clone())
    return found


def _constants(target: Tensor, classes: int, columns: int | None) -> list[Tensor]:
    if classes == 2:
        rate = target.double().mean()
        return [torch.logit(rate), torch.tensor(-_SURE).double(), torch.tensor(_SURE).double()]
    if classes:
        share = torch.bincount(target, minlength=classes).double().clamp_min(0.5) / len(target)
        return [share.log(), *(_SURE * torch.eye(classes, dtype=torch.float64))]
    known = target.double().reshape(-1).sort().values

    def at(levels: Tensor) -> Tensor:
        return known[(levels * (len(known) - 1)).round().long()]

    if columns is None:
        levels = torch.linspace(0, 1, 41, dtype=torch.float64)
        return [known.mean(), torch.zeros((), dtype=torch.float64), *at(levels).unique()]
    found = [known.mean().expand(columns)]
    found += [at(torch.linspace(low, 1 - low, columns, dtype=torch.float64)) for low in _LEVELS]
    if columns == 2:
        # A quantile and the mean of what is beyond it, on either side.
        for low in _LEVELS:
            cut, over = at(torch.tensor([low, 1 - low], dtype=torch.float64))
            found.append(torch.stack([cut, known[known <= cut].mean()]))
            found.append(torch.stack([over, known[known >= over].mean()]))
    return found
