"""Classes that are tested and were never trained on: whatever a model says of them, it did not learn it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..statistics import Sample


@dataclass(frozen=True)
class Unseen:
    """A class that the training rows lack.

    Attributes:
        label: its number.
        rows: how many test rows have it.
        share: what share of the test rows that is, by weight.
        right: the share of them that the model calls by this class.
    """

    label: float
    rows: int
    share: float
    right: float


def unseen(score: Tensor, target: Tensor, trained: Tensor, sample: Sample) -> list[Unseen]:
    """The classes of the targets that are not among the targets that were trained on."""
    known = trained.detach().cpu().reshape(-1).double().unique()
    called = score.argmax(-1).double() if score.ndim == 2 else (score >= 0).double()
    found: list[Unseen] = []
    for label in target.double().unique().tolist():
        if bool((known == label).any()):
            continue
        own = (target.double() == label).nonzero()[:, 0]
        right = sample.part(own).mean((called[own] == label).double())
        share = sample.mean((target.double() == label).double())
        found.append(Unseen(label, len(own), share, right))
    return found
