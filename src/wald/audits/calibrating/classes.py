"""Each class of several on its own: is it forecast as often, and as surely, as it happens?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, State
from ..evidence import Evidence
from ..statistics import Sample, detectable, holm, mean_estimate, slope_estimate
from .forecasts import LEVEL, MEAN, SLOPE, Reading
from .meaning import silent, through

#: Rarer classes are not judged, nor more of them than this.
SMALLEST, _MOST = 30, 20


@dataclass(frozen=True)
class _Side:
    """One of the two things that are asked of a class.

    Attributes:
        label: the class.
        kind: "mean" or "slope".
        effect: how far off it is.
        interval: its 95 % interval.
        p: of its test, corrected over all classes.
        state: the verdict.
    """

    label: int
    kind: str
    effect: float
    interval: tuple[float, float]
    p: float
    state: State


def class_finding(evidence: Evidence, code: str, question: str) -> tuple[Finding, tuple[Figure, ...]]:
    """Cox's recalibration of each class against the others, corrected by Holm over all."""
    score = evidence.meant if through(evidence) else evidence.score
    assert score is not None  # noqa: S101
    score, target, sample = score.double().log_softmax(-1), evidence.target.long(), evidence.sample
    counts = torch.bincount(target, minlength=score.shape[-1])
    judged = _judged(score, sample)
    if not judged:
        said = (
            f"calibration of each class: no class is forecast in {SMALLEST} rows, with {SMALLEST} of others beside it"
        )
        return Finding(code=code, state="not_applicable", question=question, says=said), ()
    readings = _read(score, target, judged, sample)
    controls = _controls(score, judged, readings, sample, evidence.random("class controls"))
    sides = _sides(readings, controls)
    if silent(evidence):
        sides = [replace(one, state="warn") if one.state == "fail" else one for one in sides]
    worst = max(sides, key=_badness)
    forecast = score.exp()
    told = _told(worst, readings[worst.label], sample, forecast[:, worst.label], target == worst.label)
    bad = sorted({one.label for one in sides if one.state in ("fail", "warn")})
    more = f"; {len(bad)} of {len(judged)} classes are off" if len(bad) > 1 else ""
    finding = Finding(
        code=code,
        state=worst.state,
        question=question,
        says=f"{told}, p = {worst.p:.2g} over {len(judged)} classes{more}",
        fix="fit a temperature and one constant for each class on held-out rows (vector scaling), and look at the "
        "class's labels and weights",
        effect=worst.effect,
        unit="of the class's share" if worst.kind == "mean" else "slope",
        interval=worst.interval,
        threshold=torch.inf if silent(evidence) else MEAN if worst.kind == "mean" else SLOPE,
        detectable=detectable(_error(readings[worst.label], worst.kind)),
        controls=controls,
        evidence=_facts(readings, sides, counts),
        method="Cox's recalibration of each class against the others: its mean and its slope; errors by leaving out "
        f"each {'row' if sample.unit is None else 'cluster'}, Student's p, Holm over {2 * len(judged)} tests. Classes "
        f"that are forecast in under {SMALLEST} rows are not judged. Controls: labels drawn from the forecasts, and "
        "with forecasts that are too sure and pass over one class",
        source="Cox 1958, doi:10.1093/biomet/45.3-4.562; Kull et al. 2019, arXiv:1910.12656",
    )
    return finding, (_figure(readings),)


def _judged(score: Tensor, sample: Sample) -> list[int]:
    """The classes that are forecast most often.

    Not those that happened most often: of many alike, these happened more often than they should, by their choice.
    """
    expected = sample.means(score.exp().T) * sample.effective
    order = expected.argsort(descending=True, stable=True).tolist()
    return [k for k in order if SMALLEST <= expected[k] <= sample.effective - SMALLEST][:_MOST]


def _read(score: Tensor, target: Tensor, judged: list[int], sample: Sample) -> dict[int, Reading]:
    """Mean and slope of each class; p-values corrected over all of both."""
    found = {}
    for k in judged:
        odds, label = torch.logit(score[:, k].exp(), eps=1e-12), (target == k).double()
        given: dict[str, Any] = {"weight": sample.weight, "unit": sample.unit}
        found[k] = slope_estimate(odds, label, **given), mean_estimate(odds, label, **given)
    p = holm([one for slope, mean in found.values() for one in (slope.p(1.0), mean.p())])
    return {
        k: Reading(slope, mean, (p[2 * place], p[2 * place + 1]))
        for place, (k, (slope, mean)) in enumerate(found.items())
    }


def _sides(readings: dict[int, Reading], controls: Controls) -> list[_Side]:
    sides: list[_Side] = []
    for k, one in readings.items():
        slope, mean = one.states(controls)
        sides.append(_Side(k, "slope", one.slope_off, one.slope_range, one.p[0], slope))
        sides.append(_Side(k, "mean", one.mean_off, one.mean_range, one.p[1], mean))
    return sides


def _badness(side: _Side) -> tuple[int, float]:
    order = {"fail": 3, "warn": 2, "inconclusive": 1}.get(side.state, 0)
    low, high = side.interval
    return order, low if order > 1 else min(high, 1e12)


def _error(reading: Reading, kind: str) -> float:
    return reading.mean.error if kind == "mean" else reading.slope.error


def _told(worst: _Side, reading: Reading, sample: Sample, chance: Tensor, happened: Tensor) -> str:
    if worst.kind == "mean":
        return (
            f"class {worst.label} is forecast in {sample.mean(chance):.1%} of rows and is the answer in "
            f"{sample.mean(happened.double()):.1%}"
        )
    low, high = reading.slope.interval()
    return (
        f"the forecasts of class {worst.label} are too {'sure' if reading.slope.value < 1 else 'cautious'}: their "
        f"log-odds should be multiplied by {reading.slope.value:.2f} [{low:.2f}, {high:.2f}]"
    )


def _controls(
    score: Tensor, judged: list[int], readings: dict[int, Reading], sample: Sample, source: torch.Generator
) -> Controls:
    """Labels drawn from the forecasts: quiet with these, loud with others that are off by what can be seen."""
    drawn = torch.multinomial(score.exp(), 1, generator=source)[:, 0]
    right = Controls(positive=True, negative=True)
    clean = _sides(_read(score, drawn, judged, sample), right)
    errors = torch.tensor([[one.slope.error, one.mean.error] for one in readings.values()])
    slope, mean = errors.nan_to_num(0.0).amin(0).tolist()
    bent = (1.5 + 4 * slope) * score
    bent[:, judged[0]] -= 1.0 + 4 * mean
    loud = _sides(_read(bent.log_softmax(-1), drawn, judged, sample), right)
    return Controls(
        positive=any(one.state == "fail" for one in loud),
        negative=not any(one.state == "fail" and one.p < LEVEL / 5 for one in clean),
    )


def _facts(readings: dict[int, Reading], sides: list[_Side], counts: Tensor) -> dict[str, Any]:
    order = list(readings)
    return {
        "classes": order,
        "rows": [int(counts[k]) for k in order],
        "slopes": [readings[k].slope.value for k in order],
        "forecast over happened": [torch.tensor(readings[k].mean.value).exp().item() for k in order],
        "states": [f"{one.label} {one.kind}: {one.state}" for one in sides],
        "not judged": int((counts > 0).sum()) - len(order),
    }


def _figure(readings: dict[int, Reading]) -> Figure:
    order = sorted(readings)
    bounds = [readings[k].mean.interval() for k in order]
    exp = torch.tensor([[readings[k].mean.value, *bound] for k, bound in zip(order, bounds, strict=True)]).exp() - 1
    return Figure(
        kind="intervals",
        title="Forecast against what happened, by class",
        caption="How much more often (right) or less often each class is forecast than it happens. An interval that "
        "touches 0 shows no gap.",
        x="forecast beyond what happened, as a share of it",
        series=[
            {
                "name": "forecast",
                "x": exp[:, 0].tolist(),
                "low": exp[:, 1].tolist(),
                "high": exp[:, 2].tolist(),
                "labels": [f"class {k}" for k in order],
            }
        ],
        reference=0.0,
        note="intervals at 95 % for each class on its own; the verdict is corrected for their number",
    )
