"""Miners: which pairs or triplets of a batch count, as weights.

Each looks at embeddings without a gradient, and returns numbers that are 0 for what is left out. Rows are anchors.
Pairs go to a loss of pairs with the weight of each:

>>> import torch, wald
>>> from wald.losses.embeddings.mining import hard_pairs
>>> x, label = torch.tensor([[0.0], [1.0], [1.5], [3.0]]), torch.tensor([0, 0, 1, 1])
>>> weight = hard_pairs(x, label)
>>> anchor, other = weight.nonzero(as_tuple=True)
>>> wald.ContrastivePair()(x[anchor], x[other], label[anchor] == label[other], weight=weight[anchor, other])
tensor(0.8750)

Triplets, as (anchor, positive, negative), go to `wald.Triplet` in the same way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..pieces.batch_pairs import distances, meetings, similarities, squared_distances
from ..pieces.distance import direction


def hard_pairs(embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
    """Of each anchor its furthest positive and its nearest negative.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count, as far as an anchor has both kinds; equal distances all count.
    """
    apart = distances(embedding.detach())
    positive, negative = meetings(label, keep)
    both = (positive.any(-1) & negative.any(-1)).unsqueeze(-1)
    chosen = _extreme(apart, positive, largest=True) | _extreme(apart, negative, largest=False)
    return (chosen & both).to(embedding.dtype)


def easy_positives(embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
    """Of each anchor its nearest positive alone, so that a class may lie in several places.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count.
    """
    positive, _ = meetings(label, keep)
    return _extreme(distances(embedding.detach()), positive, largest=False).to(embedding.dtype)


def semi_hard_triplets(embedding: Tensor, label: Tensor, *, margin: float = 0.2, keep: Tensor | None = None) -> Tensor:
    """The triplets whose negative is further than the positive, but by less than the margin.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        margin: in the unit of the distance.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N, N): 1 for the triplets (anchor, positive, negative) that count.
    """
    apart = distances(embedding.detach())
    positive, negative = meetings(label, keep)
    lead = apart.unsqueeze(-2) - apart.unsqueeze(-1)
    counted = positive.unsqueeze(-1) & negative.unsqueeze(-2) & (lead > 0) & (lead < margin)
    return counted.to(embedding.dtype)


def informative_pairs(embedding: Tensor, label: Tensor, *, slack: float = 0.1, keep: Tensor | None = None) -> Tensor:
    """The pairs that are not easy by a slack: how the paper of `MultiSimilarity` chooses.

    A negative counts if its cosine exceeds that of the anchor's least positive less the slack, a positive if its cosine
    is below that of the nearest negative plus the slack.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        slack: in units of the cosine.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count, as far as an anchor has both kinds.
    """
    alike = similarities(embedding.detach())
    positive, negative = meetings(label, keep)
    endless = torch.full_like(alike, torch.inf)
    least = torch.where(positive, alike, endless).amin(-1, keepdim=True)
    most = torch.where(negative, alike, -endless).amax(-1, keepdim=True)
    both = positive.any(-1, keepdim=True) & negative.any(-1, keepdim=True)
    chosen = (negative & (alike + slack > least)) | (positive & (alike - slack < most))
    return (chosen & both).to(embedding.dtype)


def distance_weights(
    embedding: Tensor, label: Tensor, *, nearest: float = 0.5, furthest: float = 1.4, keep: Tensor | None = None
) -> Tensor:
    """Probabilities with which an anchor draws its negatives, so that all distances are drawn alike.

    On a sphere of many dimensions nearly all points are at distance √2; each negative is weighted by one over the
    density of its distance, q(d) ∝ d^(n - 2) (1 - d²/4)^((n - 3) / 2) for n features, as in the paper of
    `DistanceMargin`.

    Args:
        embedding: (N, features), brought to length 1 here.
        label: (N,) class ids.
        nearest: smaller distances are weighted like this one, so that the very nearest, often mislabelled, do not rule.
        furthest: negatives further than this are not drawn, as they cost nothing.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): probabilities over the negatives of each anchor, 0 in all if it has none that is near enough.
    """
    apart = squared_distances(direction(embedding.detach())).sqrt()
    _, negative = meetings(label, keep)
    negative = negative & (apart < furthest)
    features = embedding.shape[-1]
    d = apart.clamp(min=nearest, max=1.99)
    logs = (2 - features) * d.log() - 0.5 * (features - 3) * (1 - d.square() / 4).log()
    some = negative.any(-1, keepdim=True)
    shares = torch.where(negative | ~some, logs, torch.full_like(logs, -torch.inf)).softmax(-1)
    return torch.where(negative, shares, torch.zeros_like(shares))


def _extreme(values: Tensor, among: Tensor, *, largest: bool) -> Tensor:
    """Where the largest or the smallest value of each row is, among those that count."""
    signed = torch.where(among, values if largest else -values, torch.full_like(values, -torch.inf))
    return among & (signed == signed.amax(-1, keepdim=True))
