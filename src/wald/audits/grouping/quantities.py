"""What is compared between groups, and which rows with which."""

from __future__ import annotations

import torch
from torch import Tensor

from ..evidence import Evidence
from .gaps import Quantity

#: Up to so many different targets are strata of their own; of more, fifths are.
_KINDS = 10


def strata_of(target: Tensor) -> Tensor:
    """Rows with the same target: a group with more hard cases is not served worse for that."""
    if target.ndim > 1:
        return torch.zeros(len(target), dtype=torch.long)
    kinds, places = torch.unique(target, return_inverse=True)
    if len(kinds) <= _KINDS:
        return places
    edges = torch.quantile(target.double(), torch.tensor([0.2, 0.4, 0.6, 0.8], dtype=torch.float64))
    return torch.bucketize(target.double(), edges)


def by_metric(evidence: Evidence) -> Quantity | None:
    """What rows cost by the metric; None where a row has no value of its own."""
    if not evidence.by_metric.decomposable:
        return None
    return _sized(evidence, evidence.case.metric.name, evidence.by_metric.values(evidence.score))


def by_loss(evidence: Evidence) -> Quantity | None:
    """What rows cost by the loss; None where a row has no value of its own."""
    if not evidence.cost.separable:
        return None
    return _sized(evidence, "the loss", evidence.by_loss.values(evidence.score))


def by_forecast(evidence: Evidence) -> Quantity | None:
    """How far the forecast of a row lies above what happened; None where there are no binary forecasts."""
    if evidence.space is None or evidence.space.task != "binary":
        return None
    # Read through the link, so that what the loss does to everyone is not laid at one group's door.
    meant = evidence.score if evidence.repaired is None else evidence.repaired
    label = evidence.target.double()
    everyone = torch.zeros(len(label), dtype=torch.long)
    rate = max(evidence.sample.mean(label), 1e-12)
    beyond = torch.sigmoid(meant.double()) - label
    return Quantity("the forecast less what happened", beyond, rate, everyone, either=True)


def _sized(evidence: Evidence, name: str, values: Tensor) -> Quantity:
    scale = max(evidence.sample.mean(values.abs()), 1e-12)
    return Quantity(name, values, scale, strata_of(evidence.target))
