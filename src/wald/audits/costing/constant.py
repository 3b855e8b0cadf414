"""The best that a loss lets a constant prediction do: what a model must beat, and what an untrained one should cost."""

from __future__ import annotations

import torch
from torch import Tensor

from ..evidence import Evidence


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
    moved = best.double().clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([moved], max_iter=40, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = cost(moved)
        if value.requires_grad:
            value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        value = float(cost(moved.detach()))
    far = float(moved.detach().abs().max()) > 1e6 * (1 + float(best.abs().max()))
    return moved.detach().to(like.dtype) if value < least and not far else best
