"""The elementary scores of a statistic: every metric that is consistent for it is a mixture of them.

Ehm, Gneiting, Jordan & Krüger 2016, doi:10.1111/rssb.12154.
"""

from __future__ import annotations

from dataclasses import dataclass
import re

import torch
from torch import Tensor

_NAMES = re.compile(r"(?:weighted )?(mean|median|quantile|expectile)(?:\(([^)]*)\))?( through log)?")
_POWER = re.compile(r"y\^(-?[\d.]+)")


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What a forecast means.

    Attributes:
        name: in the words of a card.
        level: of the quantile or expectile; one half for the median and the mean.
        jump: whether it is a quantile, which counts crossings, and not an expectile, which measures distances.
        power: targets count for this power of themselves.
        through_log: whether forecasts are its logarithm.
    """

    name: str
    level: float = 0.5
    jump: bool = False
    power: float = 0.0
    through_log: bool = False

    def meant(self, forecast: Tensor) -> Tensor:
        """The forecast, in the scale of the targets."""
        return forecast.double().exp() if self.through_log else forecast.double()

    def counts(self, target: Tensor) -> Tensor:
        """What each target counts for."""
        return target.double().pow(self.power) if self.power else torch.ones(len(target), dtype=torch.float64)

    def scores(self, forecast: Tensor, target: Tensor, thresholds: Tensor) -> Tensor:
        """What each row costs by each elementary score, (thresholds, rows).

        At a threshold only those rows cost anything whose forecast and target are on two sides of it.

        Args:
            forecast: (rows,) as `meant` gives it.
            target: (rows,).
            thresholds: (thresholds,).
        """
        at = thresholds.double()[:, None]
        target = target.double()
        missed, called = (forecast <= at) & (at < target), (target <= at) & (at < forecast)
        size = torch.ones_like(at) if self.jump else (target - at).abs()
        return (self.level * missed + (1 - self.level) * called) * size * self.counts(target)

    def constant(self, target: Tensor, weight: Tensor | None = None) -> float:
        """The statistic of these targets: the best that one number for all can be."""
        target = target.double()
        counts = self.counts(target) * (1.0 if weight is None else weight.double())
        if self.jump:
            ordered, order = target.sort()
            reached = counts[order].cumsum(0) >= self.level * counts.sum() * (1 - 1e-12)
            return float(ordered[int(reached.nonzero()[0, 0])])
        low, high = target.min(), target.max()
        for _ in range(80):
            middle = (low + high) / 2
            gap = target - middle
            pull = (torch.where(gap > 0, self.level, 1 - self.level) * counts * gap).sum()
            low, high = (middle, high) if pull > 0 else (low, middle)
        return float((low + high) / 2)


def statistic_named(elicits: str | None) -> Statistic | None:
    """The statistic that a card names, where its elementary scores are known."""
    if elicits in ("probability", "distribution"):
        return Statistic(name="probability")
    if elicits == "harmonic mean":
        return Statistic(name=elicits, power=-1.0)
    found = _NAMES.fullmatch(elicits or "")
    if elicits is None or found is None:
        return None
    kind, inside = found[1], found[2] or ""
    power = _POWER.search(inside)
    level = 0.5
    if kind in ("quantile", "expectile"):
        level = float(inside.split(",")[0])
    return Statistic(
        name=elicits,
        level=level,
        jump=kind in ("median", "quantile"),
        power=float(power[1]) if power else 0.0,
        through_log=found[3] is not None,
    )
