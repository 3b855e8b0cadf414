"""Do as many targets lie below a predicted quantile as should?"""

from __future__ import annotations

from dataclasses import dataclass
import re
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Controls, Figure, Finding, State, judge
from ..evidence import Evidence
from ..statistics import Sample, detectable, generator, holm, wilson
from .identification import below, level_of

#: A share of targets this far from its level, in units of √(level · (1 - level)), matters: 5 points at the median, 3
#: at 0.9, 1 at 0.99.
GAP = 0.1

#: The level of the tests, after Holm's correction over the quantiles.
LEVEL = 0.01

#: Where a whole law is predicted, it is looked at here.
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)

_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Predicted quantiles.

    Attributes:
        levels: the share of targets that should lie below each.
        values: (levels, rows).
        what: what they come from.
    """

    levels: tuple[float, ...]
    values: Tensor
    what: str

    @property
    def crossed(self) -> Tensor:
        """The rows in which a higher quantile lies below a lower one, (rows,)."""
        return (self.values.diff(dim=0) < 0).any(0)


@dataclass(frozen=True)
class _Level:
    """One quantile: what should lie below it, what did, and what is known of that."""

    level: float
    share: float
    interval: tuple[float, float]
    trials: float
    p: float

    @property
    def spread(self) -> float:
        return (self.level * (1 - self.level)) ** 0.5

    @property
    def effect(self) -> float:
        return abs(self.share - self.level) / self.spread

    @property
    def bounds(self) -> tuple[float, float]:
        low, high = (end - self.level for end in self.interval)
        return max(0.0, low, -high) / self.spread, max(abs(low), abs(high)) / self.spread


def coverage_finding(evidence: Evidence, code: str, question: str) -> tuple[Finding, tuple[Figure, ...]]:
    """Compare each level with the share of targets below the quantile."""
    found = quantiles_of(evidence)
    if found is None:
        said = "coverage: the model predicts a point, and neither quantiles nor a law that has them"
        return Finding(code=code, state="not_applicable", question=question, says=said), ()
    target, sample = evidence.target.double(), evidence.sample
    pairs = zip(found.levels, found.values, strict=True)
    under = torch.stack([below(one, target, level, sample) for level, one in pairs])
    levels = _read(under, found.levels, sample)
    controls = _controls(found.levels, levels, sample)
    state, worst = _verdict(levels, controls)
    crossed = sample.mean(found.crossed.double())
    says = (
        f"{worst.share:.1%} of targets lie below the {worst.level:g} quantile [{worst.interval[0]:.1%}, "
        f"{worst.interval[1]:.1%}], p = {worst.p:.2g} over {len(levels)} level{'s' * (len(levels) > 1)}"
    )
    says += _between(levels)
    if crossed > 0:
        says += f"; in {crossed:.1%} of rows a higher quantile lies below a lower one"
    facts: dict[str, Any] = {
        "levels": list(found.levels),
        "shares below": [one.share for one in levels],
        "p": [one.p for one in levels],
        "crossed": crossed,
    }
    return Finding(
        code=code,
        state=state,
        question=question,
        says=says,
        fix=f"move the {worst.level:g} quantile by the {worst.level:g} quantile of (target - prediction) on held-out "
        "rows (split conformal prediction), or train with wald.Pinball at this level",
        effect=worst.effect,
        unit="of √(level × (1 - level))",
        interval=(worst.bounds[0], max(one.bounds[1] for one in levels)),
        threshold=GAP,
        detectable=detectable(worst.trials**-0.5),
        controls=controls,
        evidence=facts,
        method=f"the share of targets below {found.what}, with Wilson's intervals for all levels at once, of as many "
        "rows as know as much where there are weights or clusters; Holm over the levels. Controls: ranks drawn evenly, "
        "and from a law that is too low",
        source="Gneiting, Balabdaoui & Raftery 2007, doi:10.1111/j.1467-9868.2007.00587.x",
    ), (_figure(levels),)


def quantiles_of(evidence: Evidence) -> Quantiles | None:
    """The quantiles that the predictions are, or those of the normal law that they describe."""
    loss = evidence.case.loss
    claimed = loss.card.to_dict().get("elicits") if isinstance(loss, Loss) else None
    elicits = str(claimed or evidence.measured_card.get("elicits"))
    prediction, target = evidence.prediction.detach().double(), evidence.target
    named = tuple(map(level_of, elicits.split(", ")))
    if None not in named and target.ndim == 1:
        levels = tuple(level for level in named if level is not None)
        columns = prediction[:, None] if prediction.ndim == 1 else prediction
        if columns.ndim == 2 and columns.shape[1] == len(levels):
            return Quantiles(levels, columns.T, "the predicted quantiles")
    law = re.fullmatch(r"mean, (variance|standard deviation)( through log)?", elicits)
    if law and prediction.ndim == 2 and prediction.shape[1] == 2 and target.ndim == 1:
        mean, spread = prediction.unbind(-1)
        spread = spread.exp() if law[2] else spread
        spread = spread.sqrt() if law[1] == "variance" else spread
        steps = torch.tensor([_NORMAL.inv_cdf(level) for level in _LEVELS], dtype=torch.float64)
        return Quantiles(_LEVELS, mean + steps[:, None] * spread, "the quantiles of the predicted normal law")
    return None


def _read(under: Tensor, levels: tuple[float, ...], sample: Sample) -> list[_Level]:
    found: list[tuple[float, float, float, float]] = []
    for level, one in zip(levels, under, strict=True):
        share, trials = sample.mean(one), sample.effective_for(one)
        z = abs(share - level) / (level * (1 - level) / trials) ** 0.5
        found.append((level, share, trials, 2 * _NORMAL.cdf(-z)))
    p = holm([one[3] for one in found])
    held = 1 - 0.05 / len(levels)
    return [
        _Level(level, share, wilson(share * trials, trials, held), trials, one)
        for (level, share, trials, _), one in zip(found, p, strict=True)
    ]


def _verdict(levels: list[_Level], controls: Controls) -> tuple[State, _Level]:
    """The verdict on the level that is most surely off, which is that of all."""
    worst = max(levels, key=lambda one: (one.bounds[0], one.effect))
    interval = (worst.bounds[0], max(one.bounds[1] for one in levels))
    state = judge(effect=worst.effect, interval=interval, threshold=GAP, controls=controls)
    return ("inconclusive" if state == "fail" and worst.p >= LEVEL else state), worst


def _controls(levels: tuple[float, ...], found: list[_Level], sample: Sample) -> Controls:
    rank = torch.rand(sample.rows, generator=generator(sample.seed, "coverage controls"), dtype=torch.float64)
    ends = torch.tensor(levels, dtype=torch.float64)
    right = Controls(positive=True, negative=True)
    quiet, _ = _verdict(_read((rank < ends[:, None]).double(), levels, sample), right)
    # As far off as so many rows can show.
    move = 0.3 + 8 * min(one.trials for one in found) ** -0.5
    bent = torch.tensor([_NORMAL.cdf(_NORMAL.inv_cdf(level) - move) for level in levels], dtype=torch.float64)
    loud, _ = _verdict(_read((rank < bent[:, None]).double(), levels, sample), right)
    return Controls(positive=loud == "fail", negative=quiet != "fail")


def _between(levels: list[_Level]) -> str:
    """What lies between the outermost two levels, where they are the same distance from the ends."""
    first, last = levels[0], levels[-1]
    if len(levels) < 2 or abs(first.level + last.level - 1) > 1e-9:
        return ""
    return f"; {last.share - first.share:.1%} lie between the outermost, and {last.level - first.level:.0%} should"


def _figure(levels: list[_Level]) -> Figure:
    half = [_NORMAL.inv_cdf(0.975) * one.spread / one.trials**0.5 for one in levels]
    return Figure(
        kind="reliability",
        title="Share of targets below each predicted quantile",
        caption="On the diagonal a quantile means what it says: 90 % of targets lie below the 0.9 quantile. Points "
        "below it are quantiles that are too low; a point outside its band is no accident of so few rows.",
        x="level of the quantile",
        y="share of targets below it",
        series=[
            {
                "name": "predicted quantiles",
                "x": [one.level for one in levels],
                "y": [one.share for one in levels],
                "low": [max(0.0, one.level - reach) for one, reach in zip(levels, half, strict=True)],
                "high": [min(1.0, one.level + reach) for one, reach in zip(levels, half, strict=True)],
            }
        ],
        note="the band holds 95 % of what right quantiles would show on these rows",
    )
