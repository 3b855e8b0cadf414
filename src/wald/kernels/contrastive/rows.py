"""The logarithm of the sum of exponentials of each row of scores, rows by keys, and its gradient.

Works for scores of any size, as each row is held against its own largest. Each strip of rows has all its columns at
once, so value and gradient can be made in one go, at the cost of three matrix products, where it is known what
each row counts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .blocks import Buffer, strips


def totals(query: Tensor, key: Tensor, *, alone: bool = False) -> tuple[Tensor, Tensor]:
    """For each query the largest score, and the logarithm of the sum of exponentials relative to it.

    Args:
        query: (N, features).
        key: (M, features); the score of a pair is the product.
        alone: leave out the score of query i with key i.
    """
    tops, logs, buffer = query.new_empty(len(query)), query.new_empty(len(query)), Buffer(query)
    for start, stop in strips(len(query), len(key), query):
        scores = _scores(buffer, query, key, start, stop, alone=alone)
        tops[start:stop], share = _exponentials(scores)
        torch.log(share, out=logs[start:stop])
    return tops, logs


def pull(
    query: Tensor, key: Tensor, tops: Tensor, logs: Tensor, weight: Tensor, *, alone: bool = False
) -> tuple[Tensor, Tensor]:
    """The gradient of Σ weight · total in the queries and in the keys."""
    by_query, by_key, buffer = torch.empty_like(query), torch.zeros_like(key), Buffer(query)
    for start, stop in strips(len(query), len(key), query):
        scores = _scores(buffer, query, key, start, stop, alone=alone)
        shares = scores.sub_(tops[start:stop, None]).exp_()
        factor = (weight[start:stop] * torch.exp(-logs[start:stop])).unsqueeze(-1)
        _spread(shares, factor, query[start:stop], key, by_query[start:stop], by_key)
    return by_query, by_key


def at_once(query: Tensor, key: Tensor, weight: Tensor, *, small: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What each query costs that must pick key i, and the gradient of Σ weight · cost in queries and keys.

    Args:
        query: (N, features).
        key: (M, features), M at least N.
        weight: (N,), what each query counts.
        small: no score is so large that its exponential must be held against the largest (`bounded`).
    """
    costs, buffer = query.new_empty(len(query)), Buffer(query)
    by_query, by_key = torch.empty_like(query), torch.zeros_like(key)
    for start, stop in strips(len(query), len(key), query):
        scores = buffer.product(query[start:stop], key)
        own = scores.diagonal(start)
        chosen = own.clone()
        if small:
            lead, share = chosen, scores.exp_().sum(-1)
        else:
            tops, share = _exponentials(scores)
            lead = chosen - tops
        costs[start:stop] = share.log().sub_(lead)
        own.sub_(share)
        factor = (weight[start:stop] / share).unsqueeze(-1)
        _spread(scores, factor, query[start:stop], key, by_query[start:stop], by_key)
    return costs.clamp_(min=0), by_query, by_key


def _scores(buffer: Buffer, query: Tensor, key: Tensor, start: int, stop: int, *, alone: bool) -> Tensor:
    scores = buffer.product(query[start:stop], key)
    if alone:
        scores.diagonal(start).fill_(-torch.inf)
    return scores


def _exponentials(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of each row, and the sum of what the scores become: their exponentials relative to it."""
    tops = scores.amax(-1)
    return tops, scores.sub_(tops.unsqueeze(-1)).exp_().sum(-1)


def _spread(shares: Tensor, factor: Tensor, query: Tensor, key: Tensor, by_query: Tensor, by_key: Tensor) -> None:
    """Add what `factor · shares`, the gradient of the scores, says of queries and keys.

    The factor goes to the vectors, of which there are fewer numbers than scores.
    """
    torch.mm(shares, key, out=by_query)
    by_query.mul_(factor)
    by_key.addmm_(shares.T, query * factor)
