"""What a binary loss does to probabilities, and how to undo it without a single label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .cost import Cost
from .space import Binary

_GRID = torch.linspace(-30, 30, 6001, dtype=torch.float64)
_LOGITS = torch.linspace(-8, 8, 161, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Link:
    """The best score of a loss for each true probability, and its inverse.

    Attributes:
        logit: true log-odds, rising.
        score: the score that minimises the expected loss there, rising.
    """

    logit: Tensor
    score: Tensor

    def undo(self, score: Tensor) -> Tensor:
        """The true log-odds for which each score would be the best."""
        x, y = self.score.numpy(), self.logit.numpy()
        found = np.interp(score.double().numpy(), x, y)
        # Beyond the table the last step is carried on.
        for end, inner, beyond in ((0, 1, score < float(x[0])), (-1, -2, score > float(x[-1]))):
            slope = (y[end] - y[inner]) / (x[end] - x[inner])
            far = y[end] + slope * (score.double().numpy() - x[end])
            found = np.where(beyond.numpy(), far, found)
        return torch.from_numpy(found).to(score.dtype)

    @property
    def shift(self) -> float | None:
        """The constant that the loss adds to the log-odds, where that is all it does."""
        gap = self.score - self.logit
        return float(gap.mean()) if float(gap.max() - gap.min()) < 2e-2 else None

    @property
    def changes(self) -> bool:
        """Whether a sigmoid of the best score is something else than the true probability."""
        return self.shift is None or abs(self.shift) > 2e-2


def link_of(cost: Cost, space: Binary) -> Link | None:
    """The link of a separable binary loss; None where the true probability cannot be read from the best score."""
    if not cost.separable:
        return None
    emitted = space.emit(_GRID)
    yes = cost.each(emitted, torch.ones_like(emitted)).detach().double()
    no = cost.each(emitted, torch.zeros_like(emitted)).detach().double()
    eta = torch.sigmoid(_LOGITS)[:, None]
    expected = (eta * yes + (1 - eta) * no).nan_to_num(torch.inf)
    lowest = expected.argmin(-1)
    inside = (lowest > 0) & (lowest < len(_GRID) - 1)
    # The ends of the table may lie beyond the grid; the middle must not.
    kept = inside.nonzero()[:, 0]
    if len(kept) < 100 or int(kept[-1] - kept[0]) + 1 != len(kept):
        return None
    best = _refined(expected[kept], lowest[kept])
    logit = _LOGITS[kept]
    if not bool((best.diff() > 1e-6).all()) or not bool(((logit > -3) & (logit < 3)).sum() >= 59):
        return None
    return Link(logit=logit, score=best)


def _refined(expected: Tensor, lowest: Tensor) -> Tensor:
    """The bottom of the parabola through the lowest point and its neighbours."""
    rows = torch.arange(len(lowest))
    left, middle, right = (expected[rows, lowest + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    move = torch.where(bend > 0, 0.5 * (left - right) / bend.clamp_min(1e-300), 0.0).clamp(-1, 1)
    return _GRID[lowest] + move * (_GRID[1] - _GRID[0])
