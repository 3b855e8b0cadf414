"""Losses of vectors that belong together or not, as metric learning uses them."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("embeddings")
wrong = SHELF.wrong

TRIPLET, PAIR, NCE = "Triplet(margin=0.5)", "ContrastivePair(margin=1.0)", "InfoNCE(temperature=0.2)"


def apart(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.vector_norm(a - b, dim=-1)


@wrong("W701|W50[12]", "sign|swap|exchang|away|negative", claims=TRIPLET)
def triplet_with_its_sign_turned(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu(apart(a, n) - apart(a, p) + 0.5).mean()


@wrong("W701", "margin", claims=TRIPLET)
def triplet_without_a_margin(a: Tensor, p: Tensor, n: Tensor) -> Tensor:  # row 37: collapse costs nothing
    return F.relu(apart(a, p) - apart(a, n)).mean()


@wrong("W701", "margin|sign", claims=TRIPLET)
def triplet_with_the_margin_subtracted(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu(apart(a, p) - apart(a, n) - 0.5).mean()


@wrong("W701|W50[12]", "clamp|unbounded|floor|max|relu", claims=TRIPLET)
def triplet_without_the_floor(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return (apart(a, p) - apart(a, n) + 0.5).mean()


@wrong("W701", "squar", claims=TRIPLET)
def triplet_of_squared_distances(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu((a - p).square().sum(-1) - (a - n).square().sum(-1) + 0.5).mean()


@wrong("W701", "positive|anchor|negative|swap", claims=TRIPLET)
def triplet_from_the_positive(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu(apart(a, p) - apart(p, n) + 0.5).mean()


@wrong("W701", "mean|batch|before", claims=TRIPLET)
def triplet_mean_before_the_floor(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu((apart(a, p) - apart(a, n)).mean() + 0.5)


@wrong("W701|W50[12]", "cos|similar|sign|swap|away", claims=TRIPLET)
def triplet_of_similarities(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu(F.cosine_similarity(a, p) - F.cosine_similarity(a, n) + 0.5).mean()


@wrong("W104|W701", "gradient", claims=TRIPLET)
def triplet_with_a_root_at_zero(a: Tensor, p: Tensor, n: Tensor) -> Tensor:  # row 35
    near = (a - p).square().sum(-1).sqrt()
    far = (a - n).square().sum(-1).sqrt()
    return (near - far + 0.5).clamp(min=0).mean()


@wrong("W701", "label|same|revers|swap|convention|1", claims=PAIR)
def pair_with_the_label_of_1994(a: Tensor, b: Tensor, same: Tensor) -> Tensor:  # disagreement 7
    d = apart(a, b)
    return ((1 - same) * d.square() + same * F.relu(1 - d).square()).mean()


@wrong("W701|W50[12]", "clamp|floor|margin|max|relu|beyond", claims=PAIR)
def pair_without_the_floor(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    d = apart(a, b)
    return (same * d**2 + (1 - same) * (1 - d) ** 2).mean()


@wrong("W701", "squar|margin", claims=PAIR)
def pair_with_the_margin_on_the_square(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    d2 = (a - b).square().sum(-1)
    return (same * d2 + (1 - same) * F.relu(1 - d2)).mean()


@wrong("W701", "squar|pull", claims=PAIR)
def pair_pulled_by_the_plain_distance(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    d = apart(a, b)
    return (same * d + (1 - same) * F.relu(1 - d).square()).mean()


@wrong("W701|W50[12]", "push|apart|negative|unlike|term|collapse|different", claims=PAIR)
def pair_that_only_pulls(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    return (same * apart(a, b).square()).mean()


def cosines(q: Tensor, k: Tensor) -> Tensor:
    return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T


def own(scores: Tensor) -> Tensor:
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("W701", "temperature", claims=NCE)
def temperature_multiplied(q: Tensor, k: Tensor) -> Tensor:  # row 31
    return own(cosines(q, k) * 0.2)


@wrong("W701", "temperature", claims=NCE)
def temperature_forgotten(q: Tensor, k: Tensor) -> Tensor:
    return own(cosines(q, k))


@wrong("W701", "normal", claims=NCE)
def vectors_not_normalised(q: Tensor, k: Tensor) -> Tensor:
    return own(q @ k.T / 0.2)


@wrong("W701", "temperature|positive", claims=NCE)
def temperature_on_the_negatives_only(q: Tensor, k: Tensor) -> Tensor:  # row 31
    scores = cosines(q, k)
    return (torch.logsumexp(scores / 0.2, -1) - scores.diagonal()).mean()


@wrong("W701", "column|first|own|label|target|key", claims=NCE)
def first_key_for_everyone(q: Tensor, k: Tensor) -> Tensor:
    scores = cosines(q, k) / 0.2
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


@wrong("W701", "sign|minus|away", claims=NCE)
def nearest_key_avoided(q: Tensor, k: Tensor) -> Tensor:
    return own(-cosines(q, k) / 0.2)


@wrong("W701", "axis|key|direction|rows|columns|other way", claims=NCE)
def softmax_over_the_queries(q: Tensor, k: Tensor) -> Tensor:
    return own((cosines(q, k) / 0.2).T)


@wrong("W701", "positive|denominator|own", claims=NCE)
def positive_left_out_of_the_denominator(q: Tensor, k: Tensor) -> Tensor:
    scores = cosines(q, k) / 0.2
    others = scores.masked_fill(torch.eye(len(q), dtype=torch.bool), -1e9)
    return (torch.logsumexp(others, -1) - scores.diagonal()).mean()
