"""The best that a loss lets a constant prediction do: what a model must beat, and what an untrained one should cost."""

from __future__ import annotations

import torch
from torch import Tensor

from ..evidence import Evidence
from .downhill import downhill


def best_constant(evidence: Evidence, target: Tensor | None = None) -> Tensor:
    """The one score, the same for every row, that costs least by the case's own loss.

    Args:
        evidence: whose loss and whose kind of predictions.
        target: the targets to be constant for; None for the test rows.

    Returns:
        In the shape of one row's score.
    """
    truth = evidence.target if target is None else target.cpu()
    like = evidence.score[:1]
    weight = evidence.sample.weight if target is None else None

    def cost(score: Tensor) -> Tensor:
        prediction = evidence.emit(score.to(like.dtype).expand(len(truth), *like.shape[1:]))
        if evidence.cost.separable:
            values = evidence.cost.each(prediction, truth).double()
            return values.mean() if weight is None else (values * weight).sum() / weight.sum()
        return evidence.cost.total(prediction, truth)

    starts = [torch.zeros_like(like[0]), like[0] * 0 + evidence.score.mean(0)]
    if evidence.space is not None:
        starts += [
            one.expand(like.shape[1:]).to(like) for one in evidence.space.constants(evidence.score, truth).values()
        ]
    with torch.no_grad():
        found = torch.stack([cost(one).double() for one in starts]).nan_to_num(nan=torch.inf)
    best, least = starts[int(found.argmin())].detach(), float(found.min())
    # From the best of them downhill; a loss without a slope, or without an end, keeps what was found.
    moved = downhill(cost, best.double(), steps=40)
    with torch.no_grad():
        value = float(cost(moved))
    far = float(moved.abs().max()) > 1e6 * (1 + float(best.abs().max()))
    return moved.to(like.dtype) if value < least and not far else best
