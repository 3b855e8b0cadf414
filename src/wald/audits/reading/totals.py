"""What is measured on every row, where an audit looks at a part of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...core import Loss, Tally, value_checks
from ...findings.words import number_words
from ..costing.cost import Cost
from ..metrics import Columns, Metric

if TYPE_CHECKING:
    from ..evidence import Evidence

#: Predictions that are kept for a metric that needs all of them at once.
_KEPT = 40_000_000

#: Rows that are measured at once.
_BATCH = 200_000

#: Groups whose means are told.
_TOLD = 12


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The loss and the metric over all rows.

    Attributes:
        rows: how many there are.
        loss: the mean loss; None where rows have no losses of their own.
        metric: the metric; None where it needs all rows at once, and they are too many.
        nonfinite: rows that were left out, because an input, target or prediction of theirs is NaN or infinite.
        groups: for each way to group rows, how many rows and what mean each group has.
        by: what `groups` are means of.
    """

    rows: int
    loss: float | None = None
    metric: float | None = None
    nonfinite: int = 0
    groups: Mapping[str, Mapping[str, tuple[int, float]]] = field(
        default_factory=dict[str, Mapping[str, tuple[int, float]]]
    )
    by: str = "loss"

    def told(self, seen: int, *, metric: str, ordered: bool) -> tuple[str, ...]:
        """The notes of a report that looked at some of the rows."""
        parts = [f"loss {number_words(self.loss)}"] if self.loss is not None else []
        if self.metric is not None:
            parts.append(f"{metric} {number_words(self.metric)}")
        over = f"; over all rows: {', '.join(parts)}" if parts else ""
        how = "the latest" if ordered else "drawn at random"
        lines = [f"measured on {seen:,} of {self.rows:,} test rows, {how}{over}"] if seen < self.rows else []
        if self.nonfinite:
            lines.append(
                f"{self.nonfinite:,} of {self.rows + self.nonfinite:,} rows were left out: a target or a prediction "
                "of theirs is NaN or infinite"
            )
        # The groups probe has the rest where all rows were looked at.
        for name, means in self.groups.items() if seen < self.rows else ():
            shown = list(means.items())[:_TOLD]
            more = f" and {len(means) - _TOLD} more" if len(means) > _TOLD else ""
            told = ", ".join(f"{group} {number_words(value)} ({rows:,} rows)" for group, (rows, value) in shown)
            lines.append(f"mean {self.by} by {name} over all rows: {told}{more}")
        return tuple(lines)


class Counter:
    """Adds batches up to totals."""

    def __init__(self, loss: Callable[..., Tensor], metric: Metric) -> None:
        self.loss, self.metric = loss, metric
        self._cost: Cost | None = None
        self._tally: Tally | None = None
        self._sums = torch.zeros(4, dtype=torch.float64)
        self._kept: list[tuple[Tensor, ...]] | None = None if metric.decomposable else []
        self._kept_size = 0
        self._rows = self._nonfinite = 0
        self._groups: dict[str, dict[str, list[float]]] = {}

    def add(
        self,
        prediction: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        columns: Columns | None = None,
        groups: Mapping[str, Sequence[Any]] | None = None,
    ) -> Tensor:
        """Count a batch.

        Returns:
            Which of its rows were counted, (rows,) bool: those that are finite and weigh something.
        """
        fine = _finite(prediction) & _finite(target)
        self._nonfinite += int((~fine).sum())
        if weight is not None:
            fine &= weight > 0
        if not bool(fine.all()):
            rows = fine.nonzero()[:, 0]
            prediction, target = prediction[rows], target[rows]
            weight = None if weight is None else weight[rows]
            columns = {name: one[rows] for name, one in (columns or {}).items()}
            listed = rows.tolist()
            groups = {name: [labels[row] for row in listed] for name, labels in (groups or {}).items()}
        self._rows += len(target)
        if len(target):
            target = target.to(prediction.dtype) if target.is_floating_point() else target
            values = self._add_loss(prediction, target, weight)
            values = self._add_metric(prediction, target, weight, columns or {}, values)
            if values is not None:
                self._add_groups(values, weight, groups or {})
        return fine

    def totals(self) -> Totals:
        """What all batches come to."""
        loss = None
        if self._tally is not None:
            loss = float(self._tally.mean)
        elif self._cost is not None and self._cost.separable:
            loss = float(self._sums[0] / self._sums[1])
        metric = float(self._sums[2] / self._sums[3]) if self.metric.decomposable else None
        if self._kept:
            parts = [torch.cat(one) for one in zip(*self._kept, strict=True)]
            named = dict(zip(self.metric.columns, parts[3:], strict=True))
            weight = parts[2] if self.metric.weighs and bool((parts[2] != 1).any()) else None
            metric = self.metric.value(parts[0], parts[1], named, weight)
        groups = {
            name: {label: (int(rows), total / mass) for label, (rows, total, mass) in sorted(means.items())}
            for name, means in self._groups.items()
        }
        return Totals(
            rows=self._rows,
            loss=loss,
            metric=metric,
            nonfinite=self._nonfinite,
            groups=groups,
            by=self.metric.name if self.metric.decomposable else "loss",
        )

    def _add_loss(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor | None:
        if self._cost is None:
            self._cost = Cost(self.loss, prediction, target)
        cost = self._cost
        with torch.no_grad(), value_checks(False):
            values = cost.each(prediction, target).double() if cost.separable else None
            if isinstance(self.loss, Loss):
                given = None if weight is None else weight.to(prediction.dtype)
                batch = self.loss.tally(prediction, target, weight=given)
                self._tally = batch if self._tally is None else self._tally + batch
            elif values is not None:
                mass = torch.ones_like(values) if weight is None else weight.double()
                self._sums[:2] += torch.stack([values @ mass, mass.sum()])
        return values

    def _add_metric(
        self, prediction: Tensor, target: Tensor, weight: Tensor | None, columns: Columns, values: Tensor | None
    ) -> Tensor | None:
        mass = torch.ones(len(target), dtype=torch.float64) if weight is None else weight.double()
        if self.metric.decomposable:
            values = self.metric.values(prediction, target, columns)
            self._sums[2:] += torch.stack([values @ mass, mass.sum()])
        elif self._kept is not None:
            self._kept_size += prediction.numel()
            named = [columns[name] for name in self.metric.columns]
            self._kept.append((prediction, target, mass, *named))
            if self._kept_size > _KEPT:
                self._kept = None
        return values

    def _add_groups(self, values: Tensor, weight: Tensor | None, groups: Mapping[str, Sequence[Any]]) -> None:
        mass = torch.ones_like(values) if weight is None else weight.double()
        for name, labels in groups.items():
            numbers: dict[Any, int] = {}
            place = torch.tensor([numbers.setdefault(label, len(numbers)) for label in labels])
            sums = torch.zeros(3, len(numbers), dtype=torch.float64)
            sums.index_add_(1, place, torch.stack([torch.ones_like(values), values * mass, mass]))
            kept = self._groups.setdefault(name, {})
            for label, column in numbers.items():
                before = kept.setdefault(str(label), [0.0, 0.0, 0.0])
                kept[str(label)] = [a + b for a, b in zip(before, sums[:, column].tolist(), strict=True)]


def totals_of(evidence: Evidence) -> Totals | None:
    """The totals of a case: those that came with it, or what recorded predictions say; None if all rows were seen."""
    case = evidence.case
    if case.totals is not None or case.prediction is None or evidence.rows == len(case.prediction):
        return case.totals
    counter = Counter(case.loss, case.metric)
    for rows in torch.arange(len(case.prediction)).split(_BATCH):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        counter.add(
            case.prediction[part],
            case.test[1][part].detach().cpu(),
            None if case.weight is None else case.weight[part],
            {name: values[part] for name, values in case.columns.items()},
            {name: labels[part] for name, labels in case.groups.items()},
        )
    return counter.totals()


def _finite(values: Tensor) -> Tensor:
    if not values.is_floating_point():
        return torch.ones(len(values), dtype=torch.bool)
    found = values.isfinite()
    return found if found.ndim == 1 else found.flatten(1).all(1)
