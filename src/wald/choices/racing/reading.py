"""From what a model emits to what the metric judges, and what is learned for that after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor

from ...audits import Metric
from ...audits.metrics.forms import converted, one_column
from ...audits.models.wanted import wanted_of
from ...core import Loss
from ..candidate import After
from ..errors import ChoiceError


@dataclass(frozen=True, eq=False)
class Judge:
    """The metric, as it looks at predictions in their natural form: log-odds of classes, or numbers.

    Attributes:
        metric: what counts.
        classes: how many there are; 0 where targets are numbers.
    """

    metric: Metric
    classes: int

    @classmethod
    def of(cls, metric: Metric, classes: int) -> Judge:
        """The metric told in which form it will be given predictions."""
        return cls(replace(metric, given="logits" if classes else "numbers"), classes)

    @property
    def ranks(self) -> bool:
        """Whether the metric looks at the order of rows only."""
        name = self.metric.name.lower()
        return self.metric.elicits == "ranking" or "auc" in name or "average precision" in name

    def value(
        self, natural: Tensor, target: Tensor, columns: Mapping[str, Tensor], weight: Tensor | None = None
    ) -> float:
        """The metric of these rows; weights are left out where it knows none."""
        return self.metric.value(natural, self.truth(target), columns, weight if self.metric.weighs else None)

    def cost(
        self, natural: Tensor, target: Tensor, columns: Mapping[str, Tensor], weight: Tensor | None = None
    ) -> float:
        """The same with less always better, and infinite where it is not defined."""
        value = float(self.metric.shortfall(self.value(natural, target, columns, weight)))
        return value if isfinite(value) else inf

    def truth(self, target: Tensor) -> Tensor:
        """Targets as metrics take them: of two classes 0.0 and 1.0."""
        return target.double() if self.classes <= 2 else target


@dataclass(frozen=True)
class Reader:
    """Reads what a model trained by a loss emits.

    Attributes:
        loss: by which it was trained.
        after: what is done to its predictions.
        classes: how many there are; 0 where targets are numbers.
    """

    loss: Loss
    after: After
    classes: int

    def natural(self, raw: Tensor) -> Tensor:
        """Log-odds, (rows,) of two classes and (rows, classes) of several; or numbers."""
        raw = raw.detach().double()
        if self.after in ("prior correction", "recalibration"):
            from .. import correcting

            make: Any = correcting.prior_correction if self.after == "prior correction" else correcting.recalibration
            return one_column(make(self.loss).logits(raw).double(), "logits")
        if self.classes and hasattr(self.loss, "probabilities"):
            # Such as logits of thresholds between ordered classes, which are no logits of classes.
            read: Any = self.loss
            return one_column(read.probabilities(raw).clamp_min(torch.finfo(raw.dtype).tiny).log(), "logits")
        wanted = wanted_of(self.loss, self.classes)
        if wanted is None:
            return raw
        if not self.classes:
            if raw.ndim == 2 and raw.shape[1] == 1:
                raw = raw[:, 0]
            axes = self.loss.named_domains[0][1].axes
            if raw.ndim == 2 and axes == ("parameters",) and str(self.loss.card.elicits).startswith("mean"):
                # Of a mean and how far to trust it, the mean is the number.
                raw = raw[:, 0]
            return converted(raw, wanted.form, "numbers")
        if self.classes == 2 and raw.ndim == 2 and raw.shape[1] == 1:
            raw = raw[:, 0]
        return one_column(converted(raw, wanted.form, "logits"), "logits")


def best_shift(
    natural: Tensor, target: Tensor, judge: Judge, columns: Mapping[str, Tensor], weight: Tensor | None
) -> Tensor:
    """What is added to log-odds so that the metric comes off best: the moved threshold.

    Of two classes one number; of several one for each class, a multiple of its log frequency. Of equally good ones
    the smallest.

    Raises:
        ChoiceError: the target is no class, so that there is nothing to decide.
    """
    if not judge.classes:
        raise ChoiceError("a threshold decides between classes, and the target is a number; nothing can be moved.")
    found, least = torch.zeros((), dtype=torch.float64), inf
    for shift in sorted(_shifts(natural, target, judge.classes), key=lambda one: float(one.abs().max())):
        cost = judge.cost(natural + shift, target, columns, weight)
        if cost < least - 1e-12 * (1 + abs(least) if isfinite(least) else 0.0):
            found, least = shift, cost
    return found


def _shifts(natural: Tensor, target: Tensor, classes: int) -> list[Tensor]:
    if classes > 2:
        share = torch.bincount(target, minlength=classes).double().clamp_min(0.5) / len(target)
        return [-step * share.log() for step in torch.linspace(-1, 2, 25, dtype=torch.float64)]
    # Thresholds between the scores that occur, closer together where few rows are above; and even steps of log-odds,
    # for metrics that decide elsewhere than at 0.
    share = torch.cat([torch.linspace(0.02, 0.98, 33), 1 - torch.logspace(-4, -1.7, 24)]).double()
    cuts = torch.cat([-torch.quantile(_few(natural), share), torch.linspace(-8, 8, 65, dtype=torch.float64)])
    return [torch.zeros((), dtype=torch.float64), *cuts[cuts.isfinite()].unique()]


def _few(scores: Tensor) -> Tensor:
    """Scores whose quantiles torch is willing to take: not more than a million, evenly from their order."""
    if len(scores) <= 1_000_000:
        return scores
    return scores.sort().values[torch.linspace(0, len(scores) - 1, 1_000_000).long()]
