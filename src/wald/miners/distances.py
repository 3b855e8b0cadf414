"""Miners that make up for how distances are spread: most pairs of a batch lie at about the same one."""

from __future__ import annotations

import torch
from torch import Tensor

from ..losses.pieces.batch_pairs import distances, squared_distances
from ..losses.pieces.distance import direction
from .batch import met


def distance_weights(
    embedding: Tensor, label: Tensor, *, nearest: float = 0.5, furthest: float = 1.4, keep: Tensor | None = None
) -> Tensor:
    """Probabilities with which an anchor draws its negatives, so that all distances are drawn alike.

    On a sphere of many dimensions nearly all points are at distance √2; each negative is weighted by one over the
    density of its distance, q(d) ∝ d^(n - 2) (1 - d²/4)^((n - 3) / 2) for n features, as in the paper of
    `DistanceMargin`. To draw one for each anchor: `weight.multinomial(1)`.

    Args:
        embedding: (N, features), brought to length 1 here.
        label: (N,) class ids.
        nearest: smaller distances are weighted like this one, so that the very nearest, often mislabelled, do not rule.
        furthest: negatives further than this are not drawn, as they cost nothing.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): probabilities over the negatives of each anchor, 0 in all if it has none that is near enough.

    Raises:
        ShapeError: these are not (N, features) and (N,).
    """
    x, _, negative = met("distance_weights", embedding, label, keep)
    apart = squared_distances(direction(x)).sqrt()
    negative = negative & (apart < furthest)
    features = embedding.shape[-1]
    d = apart.clamp(min=nearest, max=1.99)
    logs = (2 - features) * d.log() - 0.5 * (features - 3) * (1 - d.square() / 4).log()
    some = negative.any(-1, keepdim=True)
    shares = torch.where(negative | ~some, logs, torch.full_like(logs, -torch.inf)).softmax(-1)
    return torch.where(negative, shares, torch.zeros_like(shares)).to(embedding.dtype)


def even_pairs(embedding: Tensor, label: Tensor, *, bins: int = 100, keep: Tensor | None = None) -> Tensor:
    """All pairs, so weighted that every distance that occurs has the same say.

    The distances of positive pairs, from the least to the largest, are cut into bins of equal width, and those of
    negative pairs likewise; a pair weighs 1 over the number of its kind in its bin. Where another library draws as many
    pairs from each bin, this is what it draws on the mean, without the noise.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        bins: how many, of each kind.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): weights that add up to 1 over each bin that is not empty.

    Raises:
        ShapeError: these are not (N, features) and (N,).
        ValueError: there is not even one bin.

    >>> import torch, wald
    >>> x, label = torch.tensor([[0.0], [1.0], [1.1], [5.0]]), torch.tensor([0, 1, 2, 3])
    >>> wald.miners.even_pairs(x, label, bins=2)[0]  # the short ones, 1, 1.1 and 0.1, are six both ways; the long four
    tensor([0.0000, 0.1667, 0.1667, 0.1667])
    """
    if bins < 1:
        raise ValueError(f"even_pairs: bins must be a whole number from 1 on, got {bins!r}")
    x, positive, negative = met("even_pairs", embedding, label, keep)
    apart = distances(x)
    return (_even(apart, positive, bins) + _even(apart, negative, bins)).to(embedding.dtype)


def _even(apart: Tensor, among: Tensor, bins: int) -> Tensor:
    """One over how many of those that count lie in the same bin."""
    if apart.numel() == 0:
        return apart
    low = torch.where(among, apart, torch.full_like(apart, torch.inf)).amin()
    width = (torch.where(among, apart, torch.full_like(apart, -torch.inf)).amax() - low) / bins
    # Where all are at one distance, or there are none, one bin serves.
    usable = (width > 0) & width.isfinite()
    place = torch.where(usable, (apart - low) / torch.where(usable, width, torch.ones_like(width)), 0.0)
    place = torch.where(among, place, torch.zeros_like(place)).floor().clamp(0, bins - 1).long()
    held = apart.new_zeros(bins).index_add(0, place.flatten(), among.flatten().to(apart.dtype))
    return torch.where(among, 1 / held.clamp(min=1)[place], torch.zeros_like(apart))
