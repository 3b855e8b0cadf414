"""Values that lie further out than the tail of the others explains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: The chance of a false alarm.
LEVEL = 0.01

#: The share of values that may be outlying, and the share in which the tail is seen.
_OUTLYING, _SEEN = 0.02, 0.1


@dataclass(frozen=True, eq=False)
class Tail:
    """The far end of a sample of sizes.

    Attributes:
        outlying: how many values lie beyond a gap that the tail does not explain.
        gap: how many times as large as the next the least of them is; 1 where there are none.
        chance: that a tail without outlying values has such a gap.
        exponent: of the Pareto tail; small is heavy.
        start: where the tail begins.
        inside: the sizes below that.
    """

    outlying: int
    gap: float
    chance: float
    exponent: float
    start: float
    inside: Tensor

    def drawn(self, rows: int, source: torch.Generator) -> Tensor:
        """As many sizes, of a sample that has this tail and nothing beyond it."""
        many = max(1, round(rows * _SEEN))
        uniform = torch.rand(many, generator=source, dtype=torch.float64).clamp_min(1e-12)
        picked = self.inside[torch.randint(len(self.inside), (rows - many,), generator=source)]
        return torch.cat([picked, self.start * uniform.pow(-1 / self.exponent)])


def tail_of(residual: Tensor) -> Tail:
    """Look for a gap among the largest sizes.

    Log-ratios of neighbouring order statistics of a Pareto tail are independent and exponential, with mean
    1 / (rank × exponent) (Rényi 1953). Any lighter tail has smaller ones far out, so this errs to the safe side.
    """
    size = residual.double().abs().sort(descending=True).values
    rows = len(size)
    most, seen = max(1, int(rows * _OUTLYING)), max(8, int(rows * _SEEN))
    floor = size[0].clamp_min(1e-300) * 1e-12
    logs = size[: seen + 1].clamp_min(float(floor)).log()
    ranks = torch.arange(1, len(logs), dtype=torch.float64)
    spacing = ranks * (logs[:-1] - logs[1:])
    # The tail is read below what may be outlying, so that outlying values do not make it look heavy.
    below = float(spacing[most:].mean().clamp_min(1e-9))
    exponent = 1 / below
    # What is estimated from few spacings is uncertain: the ratio of two exponential means has an F tail.
    degrees = max(1, len(spacing) - most)
    chances = (1 + spacing[:most] / below / degrees).pow(-degrees)
    # Whatever lies beyond the outermost gap that chance does not explain.
    unlikely = (chances * most < LEVEL).nonzero()[:, 0]
    outlying = int(unlikely[-1]) + 1 if len(unlikely) else 0
    gap = float(size[outlying - 1] / size[outlying].clamp_min(floor)) if outlying else 1.0
    chance = float(chances.min() * most)
    return Tail(outlying, gap, min(1.0, chance), exponent, float(size[seen - 1]), size[seen:])
