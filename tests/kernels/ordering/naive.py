"""The same losses by all pairs, all risk sets and all stretches: slow, plain, and the truth of these tests."""

from __future__ import annotations

from collections.abc import Callable
import itertools
import math

import torch
from torch import Tensor


def over_pairs(cost: Callable[[Tensor], Tensor], score: Tensor, yes: Tensor, no: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cost of each as a positive and as a negative; a pair costs by the lead of its positive."""
    pairs = cost(score.unsqueeze(-1) - score)
    as_yes = (pairs * no).sum(-1) / (no.sum() if no.any() else 1)
    as_no = (pairs * yes.unsqueeze(-1)).sum(0) / (yes.sum() if yes.any() else 1)
    return as_yes, as_no


def pairwise(cost: Callable[[Tensor], Tensor], score: Tensor, target: Tensor, keep: Tensor | None = None) -> Tensor:
    here = torch.ones_like(target) if keep is None else keep.to(target.dtype)
    as_yes, as_no = over_pairs(cost, score, target * here, (1 - target) * here)
    return target * as_yes + (1 - target) * as_no


def hinge(margin: float, power: int) -> Callable[[Tensor], Tensor]:
    return lambda lead: torch.relu(margin - lead) ** power


def logistic(scale: float) -> Callable[[Tensor], Tensor]:
    return lambda lead: torch.nn.functional.softplus(-scale * lead, threshold=40)


def partial(cost: Callable[[Tensor], Tensor], score: Tensor, target: Tensor, share: float) -> Tensor:
    """For each positive the mean of its worst costs, up to that share of the negatives: one number, the mean of it."""
    worst: list[Tensor] = []
    negatives = score[target == 0]
    for positive in score[target == 1]:
        costs = cost(positive - negatives).sort(descending=True).values
        left, total = share * len(negatives), score.new_zeros(())
        for each in costs:
            taken = min(1.0, max(0.0, left))
            total, left = total + taken * each, left - taken
        worst.append(total / (share * len(negatives)))
    return torch.stack(worst).mean()


def crps(members: Tensor, target: Tensor, *, fair: bool) -> Tensor:
    size = members.shape[-1]
    pairs = (members.unsqueeze(-1) - members.unsqueeze(-2)).abs().sum((-1, -2))
    return (members - target.unsqueeze(-1)).abs().mean(-1) - pairs / 2 / (size * (size - 1) if fair else size**2)


def cox(hazard: Tensor, time: Tensor, event: Tensor, ties: str) -> Tensor:
    """The sum over the events, time by time."""
    total = hazard.new_zeros(())
    for now in time[event == 1].unique():
        risk, dying = hazard[time >= now], hazard[(time == now) & (event == 1)]
        for gone in range(len(dying)):
            left = gone / len(dying) if ties == "efron" else 0.0
            total = total + torch.log(risk.exp().sum() - left * dying.exp().sum())
        total = total - dying.sum()
    return total


def list_mle(scores: Tensor, relevance: Tensor) -> Tensor:
    total = scores.new_zeros(())
    for score, own in zip(scores, relevance, strict=True):
        rivals = torch.cat([score[None], scores[relevance < own]])
        total = total + rivals.logsumexp(0) - score
    return total


def projected(scores: list[float]) -> list[float]:
    """The soft ranks as the nearest point of the permutahedron, by trying every way to cut the sorted list in pools."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    lead = [scores[i] - k - 1 for k, i in enumerate(order)]
    best, least = [0.0], math.inf
    for cuts in itertools.product((False, True), repeat=len(lead) - 1):
        fit: list[float] = []
        pool = [lead[0]]
        for value, cut in zip([*lead[1:], 0.0], [*cuts, True], strict=True):
            if cut:
                fit += [sum(pool) / len(pool)] * len(pool)
                pool = []
            pool.append(value)
        error = sum((a - b) ** 2 for a, b in zip(fit, lead, strict=True))
        if all(a <= b for a, b in itertools.pairwise(fit)) and error < least:
            best, least = fit, error
    ranks = [0.0] * len(scores)
    for k, i in enumerate(order):
        ranks[i] = scores[i] - best[k]
    return ranks


def jaccard(wrong: Tensor, truth: Tensor) -> float:
    """One minus the overlap, over the union, if these pixels are wrong; a share belongs to the mask by so much."""
    union = truth.sum() + (1 - truth)[wrong].sum()
    return 0.0 if union == 0 else 1 - float(truth[~wrong].sum() / union)


def lovasz_hinge(score: Tensor, truth: Tensor) -> Tensor:
    """The area, over all levels, of the Jaccard loss of the pixels whose error exceeds the level."""
    errors = torch.relu(1 - score * (2 * truth - 1))
    levels = torch.cat([errors.new_zeros(1), errors]).unique()
    total = score.new_zeros(())
    for low, high in itertools.pairwise(levels):
        total = total + (high - low) * jaccard(errors >= high, truth)
    return total
