"""Forecasts of yes or no, compared with what happened."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, State, judge
from ..statistics import (
    Estimate,
    Sample,
    consistency,
    cox,
    generator,
    holm,
    mean_estimate,
    mean_p,
    slope_estimate,
    slope_p,
)

#: A slope this far from 1, and a mean this far from the base rate (as a share of it), matter in practice.
SLOPE, MEAN = 0.1, 0.1

#: The level of each test, after Holm's correction.
LEVEL = 0.01

#: Labels are drawn so often at least: fewer draws have no p-value that passes Holm's correction at this level.
DRAWN = 499

#: Bins of a reliability diagram, at most, and the rows in a bin, at least.
_BINS, _IN_BIN = 10, 20


@dataclass(frozen=True)
class Reading:
    """Log-odds and labels, compared.

    Attributes:
        slope: of Cox's recalibration: below 1 where the forecasts are too sure.
        mean: the logarithm of the mean forecast over the share that happened.
        p: of the tests of both, corrected: (slope, mean).
    """

    slope: Estimate
    mean: Estimate
    p: tuple[float, float]

    @property
    def slope_off(self) -> float:
        """How far the slope is from 1."""
        return abs(self.slope.value - 1)

    @property
    def slope_range(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return distance(self.slope.interval(), 1.0)

    @property
    def mean_off(self) -> float:
        """How far the mean forecast is from what happened, as a share of that."""
        return abs(expm1(self.mean.value))

    @property
    def mean_range(self) -> tuple[float, float]:
        """Its 95 % interval."""
        low, high = self.mean.interval()
        return distance((expm1(low), expm1(min(high, 700.0))), 0.0)

    def states(self, controls: Controls) -> tuple[State, State]:
        """The verdicts on the slope and on the mean: beyond the practical level, and shown by the test."""
        return (
            _judged(self.slope_off, self.slope_range, SLOPE, self.p[0], controls),
            _judged(self.mean_off, self.mean_range, MEAN, self.p[1], controls),
        )


def _judged(effect: float, interval: tuple[float, float], level: float, p: float, controls: Controls) -> State:
    state = judge(effect=effect, interval=interval, threshold=level, controls=controls)
    return "inconclusive" if state == "fail" and p >= LEVEL else state


def read(score: Tensor, label: Tensor, sample: Sample, permutations: int) -> Reading:
    """Slope and mean of forecasts given as log-odds, with intervals and tests.

    Args:
        score: (rows,) log-odds.
        label: (rows,) in {0, 1}.
        sample: what the rows count for, and which belong together.
        permutations: how often labels are drawn from the forecasts.
    """
    score, label = score.double(), label.double()
    weight, unit = sample.weight, sample.unit
    p = holm(
        [
            slope_p(score, label, permutations, generator(sample.seed, "slope"), weight=weight, unit=unit),
            mean_p(score, label, permutations, generator(sample.seed, "mean"), weight=weight, unit=unit),
        ]
    )
    return Reading(
        slope=slope_estimate(score, label, weight=weight, unit=unit),
        mean=mean_estimate(score, label, weight=weight, unit=unit),
        p=(p[0], p[1]),
    )


def distance(interval: tuple[float, float], point: float) -> tuple[float, float]:
    """How far an interval is from a point: nearest and farthest."""
    low, high = interval
    nearest = max(0.0, low - point, point - high)
    return nearest, max(abs(low - point), abs(high - point))


def controls_of(score: Tensor, label: Tensor, sample: Sample, source: torch.Generator) -> Controls:
    """Labels drawn from forecasts, judged by those forecasts and by distorted ones.

    The distortion is as large as these rows allow to be seen: half again as sure and nearly three times as likely, or
    more.
    """
    fitted = cox(score, label, sample.weight)
    meant = score.double() if not bool(fitted.isfinite().all()) else fitted[0] + fitted[1] * score.double()
    drawn = (torch.rand(len(meant), generator=source, dtype=torch.float64) < torch.sigmoid(meant)).double()
    if drawn.min() == drawn.max():
        return Controls(positive=False)
    unknown = Controls(positive=True, negative=True)
    clean = read(meant, drawn, sample, DRAWN)
    errors = [one.error if one.error == one.error else 0.0 for one in (clean.slope, clean.mean)]
    bent = read((1.5 + 4 * errors[0]) * meant + 1.0 + 4 * errors[1], drawn, sample, DRAWN)
    # A control that cried wolf as often as the test itself would silence the probe on one sound model in a hundred.
    alarm = "fail" in clean.states(unknown) and min(clean.p) < LEVEL / 2
    return Controls(positive="fail" in bent.states(unknown), negative=not alarm)


def reliability(
    name: str, score: Tensor, label: Tensor, sample: Sample, source: torch.Generator, *, draws: int = 400
) -> dict[str, Any]:
    """A series of a reliability diagram: bins of equal weight, with the range that forecasts this good would fill.

    Args:
        name: what to call the series.
        score: (rows,) log-odds.
        label: (rows,) in {0, 1}.
        sample: what the rows count for, and which belong together.
        source: what labels are drawn from.
        draws: how often.
    """
    chance, label = torch.sigmoid(score.double()), label.double()
    order = chance.argsort()
    weight = torch.ones_like(chance) if sample.weight is None else sample.weight
    many = max(1, min(_BINS, len(order) // _IN_BIN))
    mass = weight[order].cumsum(0)
    place = ((mass - weight[order] / 2) / mass[-1] * many).long().clamp(0, many - 1)
    member = torch.zeros(many, len(order), dtype=torch.float64)
    member[place, order] = weight[order]
    member = member[member.sum(-1) > 0]
    member = member / member.sum(-1, keepdim=True)
    gaps = consistency(member, chance, label, draws, source, cluster=sample.unit)
    low, high = gaps.band()
    forecast = member @ chance
    return {
        "name": name,
        "x": forecast.tolist(),
        "y": (member @ label).tolist(),
        "low": (forecast + low).clamp(0, 1).tolist(),
        "high": (forecast + high).clamp(0, 1).tolist(),
        "count": (member > 0).sum(-1).tolist(),
    }
