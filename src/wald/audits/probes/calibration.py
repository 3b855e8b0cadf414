"""Warning sign: do the predicted probabilities mean what they say?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, State, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..space import Multiclass
from ..statistics import (
    Bootstrap,
    cox,
    cox_draws,
    detectable,
    generator,
    holm,
    mean_p,
    percentiles,
    slope_p,
    wilson,
)

QUESTION = "calibration"

#: A slope this far from 1, and a mean this far from the base rate (as a share of it), matter in practice.
SLOPE, MEAN = 0.1, 0.1

#: The level of each test, after Holm's correction.
LEVEL = 0.01

_BINS = 10

#: Labels are drawn so often at least: fewer draws have no p-value that passes Holm's correction at this level.
_DRAWN = 499


@dataclass(frozen=True)
class _Reading:
    """Log-odds and labels, compared.

    Attributes:
        slope: of Cox's recalibration: below 1 where the forecasts are too sure.
        slope_interval: its 95 % interval.
        slope_error: its standard error.
        mean: the mean forecast as a share of the base rate, less 1.
        mean_interval: its 95 % interval.
        mean_error: its standard error.
        p: of the two tests, corrected: (slope, mean).
    """

    slope: float
    slope_interval: tuple[float, float]
    slope_error: float
    mean: float
    mean_interval: tuple[float, float]
    mean_error: float
    p: tuple[float, float]

    def states(self, controls: Controls) -> tuple[State, State]:
        """The verdicts on the slope and on the mean: beyond the practical level, and shown by the test."""
        slope = self._judged(abs(self.slope - 1), _distance(self.slope_interval, 1.0), SLOPE, self.p[0], controls)
        mean = self._judged(abs(self.mean), _distance(self.mean_interval, 0.0), MEAN, self.p[1], controls)
        return slope, mean

    def _judged(
        self, effect: float, interval: tuple[float, float], level: float, p: float, controls: Controls
    ) -> State:
        state = judge(effect=effect, interval=interval, threshold=level, controls=controls)
        return "inconclusive" if state == "fail" and p >= LEVEL else state


def measure(evidence: Evidence) -> Outcome:
    """Compare forecasts with what happened, as they are emitted and as they are read through the loss's link."""
    if evidence.space is None or evidence.space.task == "regression":
        said = "calibration: the model states no probabilities"
        return Outcome((Finding(code="C601", state="not_applicable", question=QUESTION, says=said),))
    permutations = max(_DRAWN, evidence.budget.permutations)
    score, label, what = _as_binary(evidence)
    reading = read(score, label, evidence.budget.draws, permutations, evidence.seed)
    controls = _controls(evidence, score, label)
    slope_state, mean_state = reading.states(controls)
    repaired = None if evidence.link is None or not evidence.link.changes else evidence.repaired
    after = None if repaired is None else read(repaired, label, evidence.budget.draws, permutations, evidence.seed)
    fix, closed = _repair(evidence, repaired, after, label)
    method = (
        f"Cox's recalibration of {what}; bootstrap over rows; p by drawing labels from the forecasts "
        f"({permutations} times), two tests, corrected by Holm. Controls: labels drawn from the "
        "forecasts, with forecasts half again as sure and twice as likely, and as they are"
    )
    rate, mean = float(label.double().mean()), float(torch.sigmoid(score.double()).mean())
    slope = Finding(
        code="C601",
        state=slope_state,
        question=QUESTION,
        says=f"the calibration slope is {reading.slope:.2f} [{reading.slope_interval[0]:.2f}, "
        f"{reading.slope_interval[1]:.2f}] (1 is right, less is too sure), p = {reading.p[0]:.2g}",
        fix="divide the logits by a temperature fitted on held-out rows, or regularise more",
        effect=abs(reading.slope - 1),
        unit="slope",
        interval=_distance(reading.slope_interval, 1.0),
        threshold=SLOPE,
        detectable=detectable(reading.slope_error),
        controls=controls,
        evidence={"slope": reading.slope, "interval": reading.slope_interval, "p": reading.p[0]},
        method=method,
        source="Cox 1958, doi:10.1093/biomet/45.3-4.562; Bröcker & Smith 2007, doi:10.1175/WAF993.1",
    )
    level = Finding(
        code="C602",
        state=mean_state,
        question=QUESTION,
        says=f"the mean forecast is {mean:.1%} and {rate:.1%} happened, p = {reading.p[1]:.2g}",
        fix=fix or "add a constant to the logits, fitted on held-out rows",
        effect=abs(reading.mean),
        unit="of the base rate",
        interval=_distance(reading.mean_interval, 0.0),
        threshold=MEAN,
        detectable=detectable(reading.mean_error),
        controls=controls,
        evidence={"mean forecast": mean, "base rate": rate, "p": reading.p[1], **closed},
        method=method,
        source="Cox 1958, doi:10.1093/biomet/45.3-4.562",
    )
    answer = f"forecasts average {mean:.1%} where {rate:.1%} happened, with a slope of {reading.slope:.2f}"
    if after is not None:
        answer += f"; {closed['says']}"
    return Outcome((slope, level), (_figure(evidence, score, repaired, label),), answer)


CALIBRATION = Probe("calibration", QUESTION, "C601", "do forecasts mean what they say", measure)


def read(score: Tensor, label: Tensor, draws: int, permutations: int, seed: int) -> _Reading:
    """Slope and mean of forecasts given as log-odds, with intervals and tests."""
    score, label = score.double(), label.double()
    point = cox(score, label)
    bootstrap = Bootstrap(len(label), min(draws, 1_000), seed)
    slopes = cox_draws(score, label, bootstrap)[:, 1]
    chance = torch.sigmoid(score)
    rates = bootstrap.means(torch.stack([chance, label]))
    # A resample without a single positive has no base rate to compare with.
    means = rates[0] / rates[1].clamp_min(0.5 / len(label)) - 1
    p_slope = slope_p(score, label, permutations, generator(seed, "slope"))
    p_mean = mean_p(score, label, permutations, generator(seed, "mean"))
    adjusted = holm([p_slope, p_mean])
    return _Reading(
        slope=float(point[1]),
        slope_interval=percentiles(slopes),
        slope_error=float(slopes[slopes.isfinite()].std()),
        mean=float(chance.mean() / label.mean().clamp_min(1e-12)) - 1,
        mean_interval=percentiles(means),
        mean_error=float(means.std()),
        p=(adjusted[0], adjusted[1]),
    )


def _distance(interval: tuple[float, float], point: float) -> tuple[float, float]:
    """How far an interval is from a point: nearest and farthest."""
    low, high = interval
    nearest = max(0.0, low - point, point - high)
    return nearest, max(abs(low - point), abs(high - point))


def _as_binary(evidence: Evidence) -> tuple[Tensor, Tensor, str]:
    """Log-odds and labels; of several classes, of the one that was predicted."""
    if isinstance(evidence.space, Multiclass):
        chance, chosen = evidence.score.double().softmax(-1).max(-1)
        return torch.logit(chance, eps=1e-9), (chosen == evidence.target).double(), "the predicted class"
    return evidence.score, evidence.target, "the log-odds"


def _controls(evidence: Evidence, score: Tensor, label: Tensor) -> Controls:
    """Labels drawn from forecasts, judged by those forecasts and by distorted ones."""
    source = evidence.random("calibration controls")
    fitted = cox(score, label)
    meant = score.double() if not bool(fitted.isfinite().all()) else fitted[0] + fitted[1] * score.double()
    drawn = (torch.rand(len(meant), generator=source, dtype=torch.float64) < torch.sigmoid(meant)).double()
    if drawn.min() == drawn.max():
        return Controls(positive=False)
    few, seed = min(evidence.budget.draws, 300), evidence.seed
    unknown = Controls(positive=True, negative=True)
    clean = read(meant, drawn, few, _DRAWN, seed).states(unknown)
    bent = read(1.5 * meant + 1.0, drawn, few, _DRAWN, seed).states(unknown)
    return Controls(positive="fail" in bent, negative="fail" not in clean)


def _repair(
    evidence: Evidence, repaired: Tensor | None, after: _Reading | None, label: Tensor
) -> tuple[str, dict[str, Any]]:
    """What undoing the link of the loss does, without labels."""
    link = evidence.link
    if link is None or repaired is None or after is None:
        return "", {}
    mean = float(torch.sigmoid(repaired.double()).mean())
    how = f"subtract {link.shift:.4g} from the logits" if link.shift is not None else "invert the link of the loss"
    if link.shift is not None:
        how += f", that is, divide the odds by {number_words(float(torch.tensor(link.shift).exp()))}"
    says = f"undoing what the loss does ({how}) brings the mean to {mean:.1%}, with no label and no training"
    return (
        f"{how}: the mean forecast becomes {mean:.1%} (happened: {float(label.double().mean()):.1%}), without labels",
        {"says": says, "repaired mean": mean, "repaired slope": after.slope, "shift": link.shift},
    )


def _figure(evidence: Evidence, score: Tensor, repaired: Tensor | None, label: Tensor) -> Figure:
    series = [_series("as emitted", score, label)]
    if repaired is not None:
        series.append(_series("read through the loss's link", repaired, label))
    return Figure(
        kind="reliability",
        title="Forecast against what happened",
        caption="On the diagonal a forecast means what it says: of the rows with a forecast of 20 %, 20 % happen. "
        "Points below it are forecasts that are too high.",
        x="forecast probability",
        y="share that happened",
        series=series,
        note=f"{evidence.rows} rows in bins of equal size; Wilson intervals at 95 %",
    )


def _series(name: str, score: Tensor, label: Tensor) -> dict[str, Any]:
    chance = torch.sigmoid(score.double())
    bins = [part for part in chance.argsort().chunk(_BINS) if len(part)]
    bounds = [wilson(float(label[part].double().sum()), len(part)) for part in bins]
    return {
        "name": name,
        "x": [float(chance[part].mean()) for part in bins],
        "y": [float(label[part].double().mean()) for part in bins],
        "low": [low for low, _ in bounds],
        "high": [high for _, high in bounds],
        "count": [len(part) for part in bins],
    }
