"""The best of n outputs by one score, judged by another, without drawing or training anything."""

from __future__ import annotations

import torch
from torch import Tensor

#: How many values of n a curve has, at most.
_POINTS = 64


def sizes(candidates: int) -> Tensor:
    """The numbers n at which a curve is told: all of them where they are few, else evenly spaced in their logarithm."""
    if candidates <= _POINTS:
        return torch.arange(1, candidates + 1)
    return torch.logspace(0, torch.tensor(float(candidates)).log10(), _POINTS).round().long().unique()


def best_of_n(proxy: Tensor, gold: Tensor, n: Tensor) -> Tensor:
    """What the best of n candidates by `proxy` is expected to have of `gold`, for each input.

    The mean over all subsets of n candidates, Σ C(i - 1, n - 1) / C(N, n) · gold of the i-th by proxy, so it is
    unbiased for every n and has no noise of drawing. Candidates of equal proxy are as likely to be chosen.

    Args:
        proxy: (inputs, N).
        gold: (inputs, N).
        n: (sizes,) between 1 and N.

    Returns:
        (inputs, sizes).
    """
    ordered, order = proxy.double().sort(dim=1, stable=True)
    return _evened(ordered, gold.double().gather(1, order)) @ _shares(proxy.shape[1], n).T


def distance(n: Tensor) -> Tensor:
    """How far choosing the best of n moves the outputs: the square root of the divergence, log n - (n - 1) / n.

    Gao, Schulman & Hilton 2023, "Scaling laws for reward model overoptimization", ICML.
    """
    n = n.double()
    return (n.log() - (n - 1) / n).clamp_min(0).sqrt()


def _shares(candidates: int, n: Tensor) -> Tensor:
    """The chance that the i-th from below is the best of n, (sizes, N)."""
    rank = torch.arange(1, candidates + 1, dtype=torch.float64)
    chosen = n.double()[:, None]
    logs = _log_binomial(rank - 1, chosen - 1) - _log_binomial(torch.tensor(float(candidates)).double(), chosen)
    return torch.where(rank >= chosen, logs.exp(), 0.0)


def _log_binomial(above: Tensor, below: Tensor) -> Tensor:
    # Where fewer are there than are chosen the caller puts 0.
    rest = (above - below).clamp_min(0)
    return torch.lgamma(above + 1) - torch.lgamma(below + 1) - torch.lgamma(rest + 1)


def _evened(proxy: Tensor, gold: Tensor) -> Tensor:
    """Gold, where neighbours of equal proxy share their mean."""
    fresh = torch.ones_like(proxy, dtype=torch.bool)
    fresh[:, 1:] = proxy[:, 1:] != proxy[:, :-1]
    if bool(fresh.all()):
        return gold
    run = fresh.flatten().cumsum(0) - 1
    many = torch.bincount(run).double()
    total = torch.zeros(len(many), dtype=torch.float64).index_add(0, run, gold.flatten())
    return (total / many)[run].reshape(gold.shape)
