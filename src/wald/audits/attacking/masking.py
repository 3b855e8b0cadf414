"""Rows that look safe because their loss is flat, not because the model holds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .region import Region
from .victim import Victim

#: Beyond this share of rows without a slope, what slopes find is not to be trusted.
MASKED = 0.1

#: Logits up to this size are ordinary: the log loss still has a slope there, in every precision.
ORDINARY = 8.0


def masked(victim: Victim, region: Region, source: torch.Generator) -> Tensor:
    """Which rows have no slope to follow though moving them changes what the model says, (rows,).

    A loss that is flat by design, as the hinge is beyond its margin, masks nothing as long as the score has a slope:
    it is as flat at scores of ordinary size.
    """
    rows = victim.everyone
    _, slope = victim.slope(victim.loss, victim.inputs, rows)
    flat = _zero(slope)
    moves = torch.zeros_like(flat)
    plain = victim.plain
    for _ in range(3):
        changed = (victim.scores(region.scattered(source)) != plain).reshape(len(rows), -1).any(-1)
        moves |= changed
    _, steep = victim.slope(_any_score, victim.inputs, rows)
    meant = _flat_by_design(victim) & ~_zero(steep)
    return flat & moves & ~meant


def spread(victim: Victim) -> float:
    """How large the scores are, about their centre."""
    score = victim.plain.double()
    return max(float((score - score.mean(0)).square().mean().sqrt()), 1e-12)


def calmed(victim: Victim) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss at scores brought back to a spread of one: it has a slope where shouted scores leave none."""
    factor = min(1.0, 1.0 / spread(victim))
    return lambda score, rows: victim.loss(score * factor, rows)


def _any_score(score: Tensor, rows: Tensor) -> Tensor:
    """A sum of a row's scores in which none cancels another."""
    flat = score.reshape(len(rows), -1)
    return flat @ torch.linspace(1, 2, flat.shape[1]).to(flat)


def _flat_by_design(victim: Victim) -> Tensor:
    """Where the loss has no slope in the score, though the score is of ordinary size."""
    score = victim.plain
    if victim.space is not None and victim.space.task != "regression":
        wide = (score - score.mean(-1, keepdim=True) if score.ndim > 1 else score[:, None]).abs().amax(-1)
        factor = (ORDINARY / wide.clamp_min(ORDINARY)).reshape(-1, *[1] * (score.ndim - 1))
        score = score * factor
    leaf = score.detach().clone().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(victim.loss(leaf, victim.everyone).sum(), leaf)
    return _zero(slope.nan_to_num())


def _zero(slope: Tensor) -> Tensor:
    return slope.reshape(len(slope), -1).abs().amax(-1) == 0
