"""The metric that early stopping watches: the loss itself or the user's own, with its direction, on what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from ...audits.metrics import Metric, metric_of
from .labels import Floats
from .task import Task


@dataclass(frozen=True, eq=False)
class Judge:
    """A metric of scores.

    Attributes:
        task: the loss and what it takes.
        metric: what counts; None for the loss.
        name: as an engine prints it, without spaces. It begins with "wald", as XGBoost takes any name that begins with
            "map" for one of which more is better.
        lower_is_better: whether less is better.
    """

    task: Task
    metric: Metric | None
    name: str
    lower_is_better: bool

    @classmethod
    def of(cls, task: Task, metric: Metric | str | Callable[..., Any] | None, lower_is_better: bool | None) -> Judge:
        """The judge of a task by a metric, or by the loss where there is none."""
        if metric is None:
            return cls(task, None, f"wald_{type(task.loss).__name__}", True)
        labels = () if task.classes is None else tuple(task.classes.labels.tolist())
        found = metric_of(metric, lower_is_better=lower_is_better, classes=labels)
        form = None if task.emission.form == "margins" else task.emission.form
        found = replace(found, given=found.given or form)
        return cls(task, found, f"wald_{re.sub(r'[^0-9A-Za-z]+', '_', found.name).strip('_')}", found.lower_is_better)

    def value(self, score: NDArray[Any], labels: NDArray[Any], weight: NDArray[Any] | None) -> float:
        """The metric of a sample: score (rows, columns), labels (rows,), weight (rows,) or None."""
        raw = self.task.raw(score)
        target = self.task.target(np.asarray(labels, np.float64), torch.float64)
        mass: Floats | None = None if weight is None or not len(weight) else np.asarray(weight, np.float64)
        if self.metric is not None:
            whole = target.long() if self.task.classes is not None and not self.task.classes.soft else target
            return self.metric.value(raw, whole, weight=None if mass is None else torch.from_numpy(mass))
        values = self.task.values(torch.from_numpy(np.asarray(score, np.float64)), target).numpy()
        return float(np.average(values, weights=mass))
