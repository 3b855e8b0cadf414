"""What scores cost under both labels, and in expectation under the chances between them.

The grid of scores is dense around the decision and reaches far out; it is called once, and every chance mixes the
same two curves. The best score of each chance is then refined by a golden section, on values alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math

import torch
from torch import Tensor

from ..subjects.subject import Subject

#: Farthest score that is looked at, and for probabilities the farthest that is not 0 or 1 in double precision.
_FAR, _FAR_PROBABILITY = 300.0, 33.0
_GOLDEN = (5**0.5 - 1) / 2
#: Chances beside those of the ladder: near a tie, and those of which one half is 5 % too much or too little.
_CLOSE = (0.475, 0.49, 0.51, 0.525)


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The costs of both labels over a grid of scores, and the chances at which they are mixed.

    Attributes:
        subject: the loss.
        z: the scores, rising; none is 0. A probability is looked at in its logit.
        on: what each costs if the label is "yes".
        off: what each costs if it is "no".
        etas: chances of "yes", rising.
        cost: the expected cost; shape (chances, scores).
        scale: how much the expected cost of common scores exceeds the least, for each chance.
    """

    subject: Subject
    z: Tensor
    on: Tensor
    off: Tensor
    etas: Tensor
    cost: Tensor
    scale: Tensor

    @staticmethod
    def of(subject: Subject) -> Curves:
        """Call the loss over the grid: a sparse one where every value is a call of its own."""
        z = _grid(_FAR_PROBABILITY if subject.prediction.high == 1 else _FAR, dense=subject.together)
        ladder = torch.arange(1, 100) if subject.together else torch.tensor([2, *range(5, 100, 5), 98])
        etas = torch.cat([ladder / 100, torch.tensor(_CLOSE)]).double().mul(1000).round().unique() / 1000
        on, off = sides(subject, z)
        cost = mixed(etas, on, off)
        scale = cost[:, z.abs() <= 2].amax(1) - cost.amin(1)
        return Curves(subject=subject, z=z, on=on, off=off, etas=etas, cost=cost, scale=scale.clamp(min=1e-12))

    @property
    def exact(self) -> bool:
        """Whether it is called in double precision."""
        return self.subject.dtype is torch.float64

    @property
    def noise(self) -> Tensor:
        """How far an expected cost is off by rounding, for each chance."""
        if self.exact:
            return 1e-9 * self.scale
        size = self.cost.amin(1).abs()
        return 3e-7 * torch.maximum(torch.maximum(size, size.median()), 1e-2 * self.scale)

    def placed(self, z: Tensor) -> Tensor:
        """The predictions that stand for these scores."""
        return torch.sigmoid(z) if self.subject.prediction.high == 1 else z

    @cached_property
    def best(self) -> Tensor:
        """The best score for each chance, refined between the neighbours of the best on the grid."""
        place = self.cost.argmin(1)
        low, high = self.z[(place - 1).clamp(min=0)], self.z[(place + 1).clamp(max=len(self.z) - 1)]
        a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_a, at_b = self.at(a), self.at(b)
        for _ in range(36 if self.subject.together else 16):
            left = at_a <= at_b
            low, high = torch.where(left, low, a), torch.where(left, b, high)
            fresh = torch.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
            found = self.at(fresh)
            a, b = torch.where(left, fresh, b), torch.where(left, a, fresh)
            at_a, at_b = torch.where(left, found, at_b), torch.where(left, at_a, found)
        return (low + high) / 2

    def at(self, z: Tensor) -> Tensor:
        """The expected cost of one score for each chance."""
        on, off = sides(self.subject, z)
        return self.etas * on + (1 - self.etas) * off

    def halves(self) -> tuple[Tensor, Tensor]:
        """The least cost below and above the decision, for each chance."""
        below = self.z < 0
        return self.cost[:, below].amin(1), self.cost[:, ~below].amin(1)

    def says_yes(self, etas: Tensor) -> Tensor:
        """Whether the best score is above the decision, for other chances."""
        cost, below = mixed(etas, self.on, self.off), self.z < 0
        return cost[:, ~below].amin(1) < cost[:, below].amin(1)

    def between(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """What any scores within the grid cost under "yes" and under "no", from their neighbours on it."""
        place = torch.searchsorted(self.z, z.contiguous()).clamp(1, len(self.z) - 1)
        share = (z - self.z[place - 1]) / (self.z[place] - self.z[place - 1])
        return torch.lerp(self.on[place - 1], self.on[place], share), torch.lerp(
            self.off[place - 1], self.off[place], share
        )


def _grid(far: float, *, dense: bool) -> Tensor:
    near = torch.logspace(-6, 0, 60 if dense else 24, dtype=torch.float64)
    wide = torch.logspace(0, math.log10(far), 80 if dense else 24, dtype=torch.float64)
    even = torch.arange(0.05 if dense else 0.25, 12 if dense else 6, 0.05 if dense else 0.25, dtype=torch.float64)
    half = torch.cat([torch.tensor([1e-12, 1e-9], dtype=torch.float64), near, wide, even]).unique()
    return torch.cat([-half.flip(0), half])


def sides(subject: Subject, z: Tensor) -> tuple[Tensor, Tensor]:
    """What each score costs under "yes" and under "no"; infinite where it is no number."""
    x = (torch.sigmoid(z) if subject.prediction.high == 1 else z).to(subject.dtype)
    no_label, yes_label = subject.labels
    y = torch.cat([torch.full_like(x, yes_label), torch.full_like(x, no_label)])
    both = subject.values(torch.cat([x, x]), y).detach().double().nan_to_num(nan=torch.inf, posinf=torch.inf)
    return both[: len(z)], both[len(z) :]


def mixed(etas: Tensor, on: Tensor, off: Tensor) -> Tensor:
    """The expected cost; shape (chances, scores)."""
    return etas.unsqueeze(1) * on + (1 - etas).unsqueeze(1) * off
