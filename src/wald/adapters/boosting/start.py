"""Where boosting starts: the best constant score, which engines leave out for an objective that is not theirs."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...audits.costing.downhill import downhill
from .errors import BoostingError
from .kinks import Kinks, Rank
from .labels import Floats
from .task import Task

#: No logarithm or log-odds of a real table is as large; a search that gets there was on its way to infinity.
_FAR: Final = 100.0


def best_constant(
    task: Task, labels: Floats, weight: Floats | None, kinks: Kinks | None, rank: Rank = "n + 1"
) -> Floats:
    """The score, the same for every row, that costs least, (columns,).

    Args:
        task: the loss and what it takes.
        labels: encoded targets, (rows,).
        weight: of rows; None for 1.
        kinks: of a loss without curvature, whose best constant is a quantile of the targets.
        rank: which row that is.

    Raises:
        BoostingError: no finite constant is best, as for counts that are all 0.
    """
    if kinks is not None:
        whole = np.zeros(len(labels), np.int64)
        return np.concatenate(
            [kinks.best(labels, whole, 1, column, weight, rank=rank) for column in range(task.columns)]
        )
    target = task.target(labels, torch.float64)
    mass = torch.ones(len(labels), dtype=torch.float64) if weight is None else torch.from_numpy(weight)
    mass = mass / mass.sum()

    def cost(score: Tensor) -> Tensor:
        return (task.values(score.expand(len(labels), task.columns), target) * mass).sum()

    with torch.no_grad():
        tried = [(float(cost(one)), one) for one in _guesses(task, labels, weight)]
    finite = [pair for pair in tried if np.isfinite(pair[0])]
    if not finite:
        raise BoostingError(f"{task.loss}: it is not finite for any constant prediction on these targets.")
    least, best = min(finite, key=lambda pair: pair[0])
    found = downhill(cost, best, steps=60, gradient=1e-10, change=1e-14)
    with torch.no_grad():
        better = bool(found.isfinite().all()) and float(cost(found)) <= least
    chosen = found if better else best
    free = [float(one.abs()) for one, measured in zip(chosen, task.emission.measured, strict=True) if not measured]
    if free and max(free) > _FAR:
        raise BoostingError(
            f"{task.loss}: no finite constant is best on these {len(labels)} targets (they lie between "
            f"{labels.min():g} and {labels.max():g}); the search ran to {chosen.tolist()}. Are all targets 0?"
        )
    return chosen.detach().numpy()


def _guesses(task: Task, labels: Floats, weight: Floats | None) -> list[Tensor]:
    """Constants that are the best of some loss."""
    columns = task.columns
    mean = float(np.average(labels, weights=weight))
    scores = [torch.zeros(columns, dtype=torch.float64)]
    if task.classes is None:
        spread = float(np.sqrt(np.average((labels - mean) ** 2, weights=weight)))
        positive = max(mean, 1e-300)
        logs = [np.log(positive), 2 * np.log(max(spread, 1e-300)), np.log(max(spread, 1e-300))]
        scores += [
            torch.full((columns,), value, dtype=torch.float64) for value in (mean, float(np.median(labels)), *logs)
        ]
        if columns == 2:
            scores += [torch.tensor([mean, value], dtype=torch.float64) for value in logs[1:]]
        return scores
    counts = np.bincount(labels.astype(np.int64), weights=weight, minlength=len(task.classes.labels)).astype(float)
    share = (counts / counts.sum()).clip(1e-12, 1)
    if columns == len(share):
        scores.append(torch.from_numpy(np.log(share)))
    elif columns == 1:
        inside = min(max(mean, 1e-12), 1 - 1e-12)
        scores.append(torch.tensor([np.log(inside / (1 - inside))], dtype=torch.float64))
    else:
        above = (1 - share.cumsum()[:-1]).clip(1e-12, 1 - 1e-12)
        scores.append(torch.from_numpy(np.log(above / (1 - above))))
    return scores
