"""Losses of embeddings, as they are known to go wrong: triplet, pairs, InfoNCE."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...losses import ContrastivePair, InfoNCE, Triplet
from .mistake import also_called, also_scaled, mistake, usual

also_called(Triplet, margin=("margin", "m", "alpha"))
also_called(ContrastivePair, margin=("margin", "m"))
also_called(InfoNCE, temperature=("temperature", "temp", "tau", "T", "t"))
also_scaled(ContrastivePair, "half of it, as in the paper", lambda loss: 0.5)
usual(Triplet, *({"margin": margin} for margin in (1.0, 0.2, 0.5, 0.3, 2.0)))
usual(Triplet, {"margin": 0.2, "squared": True}, {"margin": 1.0, "squared": True})
usual(ContrastivePair, *({"margin": margin} for margin in (1.0, 2.0, 0.5)))
usual(InfoNCE, *({"temperature": t} for t in (0.1, 0.07, 0.05, 0.5, 0.2, 1.0)))
usual(InfoNCE, *({"temperature": t, "symmetric": True} for t in (0.1, 0.07, 0.5, 1.0)))
usual(InfoNCE, *({"temperature": t, "normalise": False} for t in (0.1, 0.07, 0.5)))


def _length(x: Tensor) -> Tensor:
    return x.square().sum(-1).sqrt()


def _apart(loss: Any, a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum(-1) if loss.squared else _length(a - b)


def _hard(loss: Any) -> bool:
    return loss.margin != "soft" and not loss.swap


def _plain(loss: Any) -> bool:
    return _hard(loss) and not loss.squared


@mistake(Triplet, when=_hard, telling=True)
def positive_and_negative_swapped(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The positive is pushed away and the negative pulled near: swapped, or the sign reversed."""
    return (_apart(loss, a, n) - _apart(loss, a, p) + loss.margin).clamp(min=0)


@mistake(Triplet, when=lambda loss: _hard(loss) and loss.margin > 0)
def margin_missing(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The margin is missing, so that all vectors the same cost nothing."""
    return (_apart(loss, a, p) - _apart(loss, a, n)).clamp(min=0)


@mistake(Triplet, when=lambda loss: _hard(loss) and loss.margin > 0, telling=True)
def margin_subtracted(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The margin is subtracted, so that triplets cost nothing until the negative is nearer by the margin."""
    return (_apart(loss, a, p) - _apart(loss, a, n) - loss.margin).clamp(min=0)


@mistake(Triplet, when=_hard)
def nothing_held_at_zero(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The clamp at zero is missing, so negatives are pushed away without limit."""
    return _apart(loss, a, p) - _apart(loss, a, n) + loss.margin


@mistake(Triplet, when=lambda loss: _hard(loss) and loss.margin > 0, telling=True)
def margin_outside_the_clamp(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The margin is added after the clamp, so it is a constant and asks for nothing."""
    return (_apart(loss, a, p) - _apart(loss, a, n)).clamp(min=0) + loss.margin


@mistake(Triplet, when=_plain)
def squared_distances(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """Distances are squared, so the margin is one of squares; that is Triplet(squared=True)."""
    return loss.replace(squared=True).per_example(a, p, n)


@mistake(Triplet, when=_plain)
def sum_of_absolute_differences(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """Distances are sums of absolute differences and not Euclidean."""
    return ((a - p).abs().sum(-1) - (a - n).abs().sum(-1) + loss.margin).clamp(min=0)


@mistake(Triplet, when=_plain)
def mean_over_the_features(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """Squared differences are averaged over the features, so the margin grows with the size of the vectors."""
    return ((a - p).square().mean(-1) - (a - n).square().mean(-1) + loss.margin).clamp(min=0)


@mistake(Triplet, when=_hard)
def negative_held_against_the_positive(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The negative's distance is taken from the positive and not from the anchor."""
    return (_apart(loss, a, p) - _apart(loss, p, n) + loss.margin).clamp(min=0)


@mistake(Triplet, when=_hard, telling=True)
def distances_added(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The negative's distance is added and not subtracted, so all vectors collapse into one."""
    return (_apart(loss, a, p) + _apart(loss, a, n) + loss.margin).clamp(min=0)


@mistake(Triplet, when=_plain, telling=True)
def similarities_for_distances(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """Cosine similarities stand where distances are due, so the positive is pushed away."""
    near = torch.nn.functional.cosine_similarity(a, p, dim=-1)
    far = torch.nn.functional.cosine_similarity(a, n, dim=-1)
    return (near - far + loss.margin).clamp(min=0)


@mistake(Triplet, when=_hard, whole=True)
def clamp_after_the_mean(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The clamp is applied to the mean, so easy triplets make up for hard ones."""
    return (_apart(loss, a, p) - _apart(loss, a, n) + loss.margin).mean().clamp(min=0)


@mistake(Triplet, when=_hard, whole=True)
def divided_by_the_triplets_that_cost(loss: Any, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    """The sum is divided by the triplets that cost something, so it hardly falls while they become fewer."""
    values = loss.per_example(a, p, n)
    return values.sum() / (values > 0).sum().clamp(min=1)


def _euclidean(loss: Any) -> bool:
    return loss.distance == "euclidean"


@mistake(ContrastivePair)
def same_and_different_swapped(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """Labels are read the other way round, 1 for pairs that differ, so what belongs together is pushed apart."""
    return loss.per_example(a, b, 1 - same)


@mistake(ContrastivePair, when=_euclidean)
def shortfall_not_squared(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """The shortfall of the margin is not squared, while the distance of positives is."""
    d = _length(a - b)
    return same * d.square() + (1 - same) * (loss.margin - d).clamp(min=0)


@mistake(ContrastivePair, when=_euclidean)
def distance_of_positives_not_squared(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """The distance of positives is not squared, while the shortfall of the margin is."""
    d = _length(a - b)
    return same * d + (1 - same) * (loss.margin - d).clamp(min=0).square()


@mistake(ContrastivePair, when=_euclidean)
def nothing_squared(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """Neither distance nor shortfall is squared."""
    d = _length(a - b)
    return same * d + (1 - same) * (loss.margin - d).clamp(min=0)


@mistake(ContrastivePair, when=_euclidean)
def distance_squared_twice(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """The distance comes squared and is squared again, in both terms."""
    d = (a - b).square().sum(-1)
    return same * d.square() + (1 - same) * (loss.margin - d).clamp(min=0).square()


@mistake(ContrastivePair, when=_euclidean)
def margin_against_the_squared_distance(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """The margin is held against the squared distance, whose shortfall is not squared."""
    d = (a - b).square().sum(-1)
    return same * d + (1 - same) * (loss.margin - d).clamp(min=0)


@mistake(ContrastivePair, when=_euclidean)
def squared_distance_in_the_shortfall(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """The margin is held against the squared distance, and the shortfall squared."""
    d = (a - b).square().sum(-1)
    return same * d + (1 - same) * (loss.margin - d).clamp(min=0).square()


@mistake(ContrastivePair, when=_euclidean, telling=True)
def shortfall_without_clamp(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """The clamp at zero is missing, so pairs that differ are pulled back to the margin from beyond."""
    d = _length(a - b)
    return same * d.square() + (1 - same) * (loss.margin - d).square()


@mistake(ContrastivePair, when=_euclidean, telling=True)
def margin_on_the_wrong_side(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """Pairs that differ pay for what they are beyond the margin, so they too are pulled together."""
    d = _length(a - b)
    return same * d.square() + (1 - same) * (d - loss.margin).clamp(min=0).square()


@mistake(ContrastivePair, when=_euclidean)
def only_positives_count(loss: Any, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """Pairs that differ cost nothing, so that all vectors collapse into one."""
    return same * (a - b).square().sum(-1)


def _scores(loss: Any, q: Tensor, k: Tensor, scale: float) -> Tensor:
    if loss.normalise:
        q, k = q / _length(q).unsqueeze(-1), k / _length(k).unsqueeze(-1)
    return scale * q @ k.mT


def _own(loss: Any, scores: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)), reduction="none")


def _one_way(loss: Any) -> bool:
    return not loss.symmetric


def _tempered(loss: Any) -> bool:
    return _one_way(loss) and loss.temperature != 1


@mistake(InfoNCE, when=_tempered)
def temperature_missing(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The temperature has no effect: cosines reach from -1 to 1, too little for a softmax to tell them apart."""
    return _own(loss, _scores(loss, q, k, 1.0))


@mistake(InfoNCE, when=_tempered)
def temperature_multiplied(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """Scores are multiplied by the temperature where they are to be divided, which flattens them further."""
    return _own(loss, _scores(loss, q, k, loss.temperature))


@mistake(InfoNCE, when=_one_way)
def positive_left_out_of_the_sum(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The positive is left out of the denominator, so the loss falls without limit."""
    s = _scores(loss, q, k, 1 / loss.temperature)
    others = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf)
    return others.logsumexp(-1) - s.diagonal()


@mistake(InfoNCE, when=_one_way, telling=True)
def first_key_for_everyone(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """Every query is to pick the first key: the targets are zeros where they should be 0, 1, 2, ..."""
    s = _scores(loss, q, k, 1 / loss.temperature)
    return torch.nn.functional.cross_entropy(s, torch.zeros(len(s), dtype=torch.int64), reduction="none")


@mistake(InfoNCE, when=_one_way)
def not_normalised(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The vectors are not brought to length 1, so long vectors win; that is InfoNCE(normalise=False)."""
    return _own(loss, q @ k.mT / loss.temperature)


@mistake(InfoNCE, when=lambda loss: _one_way(loss) and loss.normalise, telling=True)
def normalised_over_the_batch(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The vectors are normalised along the batch and not along their features."""
    q, k = (x / x.square().sum(0, keepdim=True).sqrt() for x in (q, k))
    return _own(loss, q @ k.mT / loss.temperature)


@mistake(InfoNCE, when=_one_way)
def keys_pick_queries(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The softmax runs over the queries: each key picks its query, the other direction."""
    return _own(loss, _scores(loss, q, k, 1 / loss.temperature).mT)


@mistake(InfoNCE, when=_one_way)
def logarithm_missing(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The logarithm is missing: minus the probability of the positive."""
    return -_scores(loss, q, k, 1 / loss.temperature).softmax(-1).diagonal()


@mistake(InfoNCE, when=_one_way)
def denominator_missing(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """Only the positive is looked at: nothing is pushed apart, so all vectors collapse into one."""
    return -_scores(loss, q, k, 1 / loss.temperature).diagonal()


@mistake(InfoNCE, when=_tempered, telling=True)
def positive_without_temperature(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The temperature divides the scores in the denominator and not that of the positive."""
    return _scores(loss, q, k, 1 / loss.temperature).logsumexp(-1) - _scores(loss, q, k, 1.0).diagonal()


@mistake(InfoNCE, when=_one_way, telling=True)
def distances_for_similarities(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """Scores have the wrong sign, so each query is driven away from its key."""
    return _own(loss, _scores(loss, q, k, -1 / loss.temperature))


@mistake(InfoNCE, when=_one_way)
def softmax_applied_twice(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """Scores go through a softmax before a cross-entropy that takes one itself."""
    return _own(loss, _scores(loss, q, k, 1 / loss.temperature).softmax(-1))


@mistake(InfoNCE, when=_one_way)
def keys_detached(loss: Any, q: Tensor, k: Tensor) -> Tensor:
    """The value is right, but the keys are detached, so only the queries learn."""
    return loss.per_example(q, k.detach())
