"""Rows that stand apart within their own class, seen along the directions in which the class varies most."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

#: A class with fewer rows is not looked at.
SMALLEST = 40

#: A part with fewer rows, or of more of its class, is no part.
FEWEST, LARGEST = 5, 0.65

#: Directions of each class that are tried.
_DIRECTIONS = 3

#: Where two components are begun, as the share of rows in the upper one; and how often they are improved.
_STARTS = (0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
_STEPS = 25

#: The least spread of a component, as a share of the whole: what repeats exactly is no evidence.
_NARROWEST = 0.05


@dataclass(frozen=True, eq=False)
class Subgroup:
    """A class, split in two along one direction.

    Attributes:
        label: the class.
        rows: the rows of one part.
        share: how much of the class they are.
        evidence: how much better two parts explain the class than one, in units of BIC for each row.
        bic: the same for the whole class.
    """

    label: int
    rows: Tensor
    share: float
    evidence: float
    bic: float


def spectral(features: Tensor, directions: int = 1) -> Tensor:
    """Where each row of a class lies along the directions in which it varies most: (directions, rows).

    The features are centred first. Without that, the first direction is the mean, and what is shifted against the
    mean looks like the most ordinary of rows. After Tran, Li & Madry 2018, "Spectral signatures in backdoor attacks".
    """
    centred = features.double() - features.double().mean(0)
    if centred.shape[1] <= len(centred):
        vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :directions]
        return (centred @ vectors).T
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    return (vectors * values.clamp_min(0).sqrt()).flip(1)[:, :directions].T


def subgroups(features: Tensor, label: Tensor) -> list[Subgroup]:
    """The parts into which each class that is large enough falls, in several directions, the clearest first."""
    found: list[Subgroup] = []
    for kind in label.unique().tolist():
        rows = (label == kind).nonzero()[:, 0]
        if len(rows) < SMALLEST:
            continue
        for upper, bic in zip(*_split(spectral(features[rows], _DIRECTIONS)), strict=True):
            for part in (upper, ~upper):
                share = float(part.double().mean())
                # Two or three odd rows are no group, and what is most of a class is the class.
                if int(part.sum()) >= FEWEST and share <= LARGEST:
                    found.append(Subgroup(int(kind), rows[part], share, float(bic) / len(rows), float(bic)))
    return sorted(found, key=lambda one: -one.evidence)


def _split(places: Tensor) -> tuple[Tensor, Tensor]:
    """For each direction, which rows belong to the second of two normal components, and the BIC gained over one.

    `places` is (directions, rows); so is the first answer, and the second is (directions,).
    """
    rows = places.shape[1]
    spread = places.std(1, correction=0, keepdim=True)
    x = (places - places.mean(1, keepdim=True)) / spread.clamp_min(1e-12)
    cuts = torch.quantile(x, 1 - torch.tensor(_STARTS, dtype=x.dtype), dim=1).T
    # (directions, starts, rows): the chance that a row belongs to the second component.
    mine = (x[:, None] > cuts[..., None]).double().clamp(0.01, 0.99)
    x = x[:, None, None]
    joint = mine
    for _ in range(_STEPS):
        both = torch.stack([1 - mine, mine], 2)
        mass = both.sum(-1).clamp_min(1e-9)
        mean = (both * x).sum(-1) / mass
        away = (x - mean[..., None]).square()
        variance = ((both * away).sum(-1) / mass).clamp_min(_NARROWEST**2)
        joint = ((mass / rows).log() - 0.5 * (2 * pi * variance).log())[..., None] - 0.5 * away / variance[..., None]
        mine = torch.sigmoid(joint[:, :, 1] - joint[:, :, 0])
    fit, best = joint.logsumexp(2).sum(-1).max(1)
    alone = -0.5 * rows * (1 + log(2 * pi))
    gained = torch.where(spread[:, 0] > 1e-12, 2 * (fit - alone) - 3 * log(rows), 0.0)
    return mine[torch.arange(len(mine)), best] > 0.5, gained
