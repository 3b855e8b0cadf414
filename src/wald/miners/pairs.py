"""Miners of pairs: an anchor with some of its positives and some of its negatives."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..losses.pieces.batch_pairs import distances, similarities
from .batch import met, of_rows_with_both, reach

Choice = Literal["hard", "semi-hard", "easy", "all"]

_CHOICES = ("hard", "semi-hard", "easy", "all")


def hard_pairs(
    embedding: Tensor,
    label: Tensor,
    *,
    positive: Choice = "hard",
    negative: Choice = "hard",
    keep: Tensor | None = None,
) -> Tensor:
    """Of each anchor its furthest positive and its nearest negative (batch-hard), or others.

    `positive` and `negative` say which of them count:

    - "hard": the furthest positive, the nearest negative;
    - "easy": the nearest positive, the furthest negative;
    - "semi-hard": the hardest that leaves the order right, that is the nearest negative beyond the chosen positive, or
      the furthest positive nearer than the chosen negative;
    - "all": every one.

    Easy positives with semi-hard negatives let a class lie in several places.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        positive: which positives.
        negative: which negatives.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count, as far as an anchor has both kinds; equal distances all count.

    Raises:
        ShapeError: these are not (N, features) and (N,).
        ValueError: a choice is unknown, or semi-hard beside one that names no single distance.

    >>> import torch, wald
    >>> x, label = torch.tensor([[0.0], [1.0], [4.0], [2.0], [6.0]]), torch.tensor([0, 0, 0, 1, 1])
    >>> wald.miners.hard_pairs(x, label)[0]  # furthest and nearest
    tensor([0., 0., 1., 1., 0.])
    >>> wald.miners.hard_pairs(x, label, negative="semi-hard")[0]  # the negative at 2 is nearer than the positive at 4
    tensor([0., 0., 1., 0., 1.])
    """
    for name, choice in (("positive", positive), ("negative", negative)):
        if choice not in _CHOICES:
            known = ", ".join(repr(each) for each in _CHOICES)
            raise ValueError(f"hard_pairs: {name} must be one of {known}, got {choice!r}")
    if "semi-hard" in (positive, negative) and (positive == negative or "all" in (positive, negative)):
        raise ValueError(
            f"hard_pairs: semi-hard is measured by one pair of the other kind, got positive={positive!r} and "
            f'negative={negative!r}. Let the other be "hard" or "easy".'
        )
    x, same, other = met("hard_pairs", embedding, label, keep)
    apart = distances(x)
    if positive == "semi-hard":
        chosen_other = _chosen(apart, other, negative, hard_is_far=False)
        limit = reach(apart, chosen_other, largest=False)
        chosen_same = _chosen(apart, same & (apart < limit), "hard", hard_is_far=True)
    else:
        chosen_same = _chosen(apart, same, positive, hard_is_far=True)
        beyond = other & (apart > reach(apart, chosen_same, largest=True)) if negative == "semi-hard" else other
        chosen_other = _chosen(apart, beyond, "hard" if negative == "semi-hard" else negative, hard_is_far=False)
    return of_rows_with_both(chosen_same, chosen_other, embedding)


def informative_pairs(embedding: Tensor, label: Tensor, *, slack: float = 0.1, keep: Tensor | None = None) -> Tensor:
    """The pairs that are not easy by a slack: how the paper of `MultiSimilarity` chooses.

    A negative counts if its cosine exceeds that of the anchor's least positive less the slack, a positive if its cosine
    is below that of the nearest negative plus the slack. Vectors are brought to length 1 here.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        slack: in units of the cosine.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count, as far as an anchor has both kinds.

    Raises:
        ShapeError: these are not (N, features) and (N,).
    """
    x, positive, negative = met("informative_pairs", embedding, label, keep)
    alike = similarities(x)
    least, most = reach(alike, positive, largest=False), reach(alike, negative, largest=True)
    return of_rows_with_both(positive & (alike - slack < most), negative & (alike + slack > least), embedding)


def margin_pairs(
    embedding: Tensor, label: Tensor, *, inner: float = 0.2, outer: float = 0.8, keep: Tensor | None = None
) -> Tensor:
    """Positives that are further than one distance, and negatives that are nearer than another.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        inner: positives count beyond it; in the unit of the distance.
        outer: negatives count within it.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count.

    Raises:
        ShapeError: these are not (N, features) and (N,).
    """
    x, positive, negative = met("margin_pairs", embedding, label, keep)
    apart = distances(x)
    return ((positive & (apart > inner)) | (negative & (apart < outer))).to(embedding.dtype)


def hardest_share(embedding: Tensor, label: Tensor, *, share: float = 0.5, keep: Tensor | None = None) -> Tensor:
    """The hardest share of all positive pairs of the batch, and of all its negative pairs.

    How each stage of a cascade chooses for the next one, which works on the pairs that the stage before found hard
    (hard-aware deeply cascaded embedding). Unlike `hard_pairs` it promises no anchor a pair of its own.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        share: from 0 to 1; the number of pairs is rounded up, and equal distances all count.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N): 1 for the pairs that count.

    Raises:
        ShapeError: these are not (N, features) and (N,).
        ValueError: `share` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"hardest_share: share must be a number from 0 to 1, got {share!r}")
    x, positive, negative = met("hardest_share", embedding, label, keep)
    apart = distances(x)
    return (_top(apart, positive, share) | _top(-apart, negative, share)).to(embedding.dtype)


def _chosen(apart: Tensor, among: Tensor, choice: Choice, *, hard_is_far: bool) -> Tensor:
    """Which of these an anchor takes."""
    if choice == "all":
        return among
    return among & (apart == reach(apart, among, largest=hard_is_far == (choice == "hard")))


def _top(values: Tensor, among: Tensor, share: float) -> Tensor:
    """The largest values of the batch among those that count."""
    if values.numel() == 0:
        return among
    counted = torch.where(among, values, torch.full_like(values, -torch.inf)).flatten()
    wanted = (share * among.sum().double()).ceil().long()
    least = counted.sort(descending=True).values.gather(0, (wanted - 1).clamp(min=0).unsqueeze(0))
    return among & (values >= least) & (wanted > 0)
