"""Losses of order: sorted where rivals form all pairs; the chunked one where no sort gives the value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import Loss
from ...losses import CRPS, Cox, ListMLE, PairwiseHinge, PairwiseLogistic, PartialAUC, SoftSpearman
from ..case import Bar, Case, Sides, size_of, step

Cost = Callable[[Tensor], Tensor]

#: Three in ten are positive.
_SHARE = 0.3


def _over_pairs(score: Tensor, label: Tensor, cost: Cost) -> Tensor:
    """As it is usually written: every positive against every negative."""
    return cost(score[label == 1].unsqueeze(-1) - score[label == 0]).mean()


def _pairs(rows: int, *, loss: Loss, cost: Cost | None) -> Sides:
    rng = torch.Generator().manual_seed(0)
    score = torch.randn(rows, generator=rng).requires_grad_()
    label = (torch.rand(rows, generator=rng) < _SHARE).float()
    return Sides(
        ours=step(lambda: loss(score, label), score),
        rivals={"torch, all pairs": f"needs {rows**2 * _SHARE * (1 - _SHARE) * 4 / 1e9:.0f} GB a matrix"}
        if cost is None
        else {"torch, all pairs": step(lambda: _over_pairs(score, label, cost), score)},
        input_bytes=size_of(score),
        input_name="scores",
    )


def _all_members(members: Tensor, seen: Tensor) -> Tensor:
    """As it is usually written: every member against every other."""
    apart = (members.unsqueeze(-1) - members.unsqueeze(-2)).abs().mean((-1, -2))
    return ((members - seen.unsqueeze(-1)).abs().mean(-1) - apart / 2).mean()


def _ensembles(forecasts: int, members: int) -> Sides:
    rng = torch.Generator().manual_seed(0)
    drawn = torch.randn(forecasts, members, generator=rng).requires_grad_()
    seen = torch.randn(forecasts, generator=rng)
    loss = CRPS()
    return Sides(
        ours=step(lambda: loss(drawn, seen), drawn),
        rivals={"torch, all pairs": step(lambda: _all_members(drawn, seen), drawn)},
        input_bytes=size_of(drawn),
        input_name="members",
    )


def _all_at_risk(hazard: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """As it is usually written without a sort: a matrix of who is at risk when."""
    at_risk = time >= time.unsqueeze(-1)
    risk = hazard.expand(len(hazard), -1).masked_fill(~at_risk, -torch.inf).logsumexp(-1)
    return ((risk - hazard) * event).sum() / event.sum()


def _survival(rows: int) -> Sides:
    rng = torch.Generator().manual_seed(0)
    hazard = torch.randn(rows, generator=rng).requires_grad_()
    time = torch.rand(rows, generator=rng, dtype=torch.float64).float()
    event = (torch.rand(rows, generator=rng) < 0.5).long()
    loss = Cox(ties="breslow")
    return Sides(
        ours=step(lambda: loss(hazard, time, event), hazard),
        rivals={"torch, all at risk": step(lambda: _all_at_risk(hazard, time, event.float()), hazard)},
        input_bytes=size_of(hazard),
        input_name="hazards",
    )


def _lists(items: int, *, loss: Loss) -> Sides:
    rng = torch.Generator().manual_seed(0)
    scores = torch.randn(1, items, generator=rng).requires_grad_()
    relevance = torch.randn(1, items, generator=rng)
    return Sides(ours=step(lambda: loss(scores, relevance), scores), input_bytes=size_of(scores), input_name="scores")


def _hinge(lead: Tensor, power: int) -> Tensor:
    return F.relu(1 - lead) ** power


def _case(name: str, prepare: Callable[..., Sides], loss: Loss, bars: tuple[Bar, ...] = (), **full: Any) -> Case:
    """A case with smaller sizes made from its full ones."""
    less = {key: max(8, size // 8) for key, size in full.items()}
    tiny = {key: min(size, 32) for key, size in full.items()}
    return Case(
        name=name,
        losses=(type(loss).__name__,),
        sizes={"full": full, "quick": less, "tiny": tiny},
        prepare=prepare,
        bars=bars,
        row=9 if bars else None,
    )


def _of_pairs(name: str, loss: Loss, cost: Cost | None, bars: tuple[Bar, ...] = (), *, rows: int) -> Case:
    return _case(name, partial(_pairs, loss=loss, cost=cost), loss, bars, rows=rows)


_NAIVE = "torch, all pairs"

CASES = (
    _of_pairs(
        "pairwise hinge, 16,000",
        PairwiseHinge(),
        partial(_hinge, power=1),
        (Bar("time", 1 / 300, _NAIVE),),
        rows=16_000,
    ),
    _of_pairs("pairwise hinge, 100,000", PairwiseHinge(), None, (Bar("time", 15, "ms"),), rows=100_000),
    _of_pairs("pairwise squared hinge, 16,000", PairwiseHinge(power=2), partial(_hinge, power=2), rows=16_000),
    _of_pairs("pairwise logistic, 16,000", PairwiseLogistic(), lambda lead: F.softplus(-lead), rows=16_000),
    _of_pairs("partial AUC, 100,000", PartialAUC(), None, rows=100_000),
    _case(
        "CRPS, 4096 ensembles of 128",
        _ensembles,
        CRPS(),
        (Bar("time", 1 / 35, _NAIVE),),
        forecasts=4096,
        members=128,
    ),
    _case("Cox, 8000", _survival, Cox(), rows=8000),
    _case("ListMLE, a list of 100,000", partial(_lists, loss=ListMLE()), ListMLE(), items=100_000),
    _case("soft Spearman, a list of 100,000", partial(_lists, loss=SoftSpearman()), SoftSpearman(), items=100_000),
)
