"""Regression: are predictions too high or too low on average, in some part of the rows?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, State, judge
from ..evidence import Evidence
from ..statistics import Estimate, Sample, detectable, generator, holm
from .identification import Identification, identify
from .parts import Part, parts_of

#: A mean this far from 0, in units of the typical error, is worth a warning, and a failure: to remove it would save a
#: hundredth, and a sixteenth, of the squared error.
WARN, BIAS = 0.1, 0.25

#: The level of the tests, after Holm's correction over all parts.
LEVEL = 0.01

#: Parts in the picture, at most.
_SHOWN = 16


@dataclass(frozen=True, eq=False)
class _Means:
    """The mean of the identification function in each part.

    Attributes:
        estimates: one for each part.
        bounds: intervals that hold for all parts at once, (parts, 2).
        p: corrected by Holm.
    """

    estimates: list[Estimate]
    bounds: list[tuple[float, float]]
    p: list[float]

    @property
    def worst(self) -> int:
        """The part of which most is known to be off."""
        return max(range(len(self.p)), key=lambda one: (self._least(one), self._sureness(one)))

    @property
    def interval(self) -> tuple[float, float]:
        """The least that is known of the worst part, and the most that could be true of any."""
        return self._least(self.worst), max(max(abs(low), abs(high)) for low, high in self.bounds)

    def state(self, controls: Controls) -> State:
        """The verdict on the worst part."""
        effect = abs(self.estimates[self.worst].value)
        state = judge(effect=effect, interval=self.interval, threshold=BIAS, controls=controls)
        if state != "fail" and self.p[self.worst] < LEVEL:
            # To pass, no part may be beyond the level of a failure; that none is beyond a warning takes far more rows.
            milder = judge(effect=effect, interval=self.interval, threshold=BIAS, warn=WARN, controls=controls)
            return milder if milder == "warn" else state
        return "inconclusive" if state == "fail" and self.p[self.worst] >= LEVEL else state

    def _least(self, one: int) -> float:
        low, high = self.bounds[one]
        return max(0.0, low, -high)

    def _sureness(self, one: int) -> float:
        found = self.estimates[one]
        return abs(found.value) / found.error if found.error > 0 else 0.0


def bias_finding(evidence: Evidence, code: str, question: str) -> tuple[Finding, tuple[Figure, ...]]:
    """The mean of the identification function by prediction and by feature."""
    found = identify(evidence)
    if found is None:
        said = "bias: what the loss elicits has no function of prediction and target that must average to zero"
        return Finding(code=code, state="not_applicable", question=question, says=said), ()
    parts = parts_of(evidence)
    sample = evidence.sample
    means = part_means(found.values, parts, sample)
    controls = _controls(found.values, parts, sample, means)
    state = means.state(controls)
    worst = means.worst
    part, estimate = parts[worst], means.estimates[worst]
    finding = Finding(
        code=code,
        state=state,
        question=question,
        says=f"{found.told(estimate.value)} {part.name} ({len(part.rows)} rows), which is {abs(estimate.value):.0%} of "
        f"the typical error; p = {means.p[worst]:.2g} over {len(parts)} parts",
        fix=_fix(part),
        effect=abs(estimate.value),
        unit="of the typical error",
        interval=means.interval,
        threshold=BIAS,
        detectable=detectable(estimate.error),
        controls=controls,
        evidence={
            "parts": [one.name for one in parts],
            "means": [one.value * found.scale for one in means.estimates],
            "rows": [len(one.rows) for one in parts],
            "p": means.p,
            "typical error": found.scale,
        },
        method=f"{_what(found)}, averaged over bins of predictions and of features; errors over "
        f"{'rows' if sample.unit is None else 'clusters'}, Student's intervals for all parts at once, Holm over "
        f"{len(parts)} parts. Controls: the signs of the errors drawn anew, and a bias planted in one part",
        source="Fissler, Lorentzen & Mayer 2022, arXiv:2202.12780",
    )
    return finding, (_figure(found, parts, means),)


def part_means(values: Tensor, parts: list[Part], sample: Sample) -> _Means:
    """The mean of the values in each part, with its error, an interval for all at once, and Holm's p."""
    estimates: list[Estimate] = []
    for part in parts:
        own = sample.part(part.rows)
        # A part of few rows does not know its own spread, least of all where it saw one side of a quantile only.
        least = _spread(values, sample) / own.effective**0.5
        error = max(float(own.errors(values[part.rows])), least)
        estimates.append(Estimate(own.mean(values[part.rows]), error, int(min(own.units, own.effective)) - 1))
    level = 1 - 0.05 / len(parts)
    bounds = [one.interval(level) for one in estimates]
    return _Means(estimates, bounds, holm([one.p() for one in estimates]))


def _controls(values: Tensor, parts: list[Part], sample: Sample, means: _Means) -> Controls:
    """The same errors with random signs, which have no bias; and a bias that these rows allow to be seen."""
    source = generator(sample.seed, "bias controls")
    signs = 2.0 * torch.randint(2, (sample.units,), generator=source).double() - 1
    flipped = values * (signs if sample.unit is None else signs[sample.unit])
    right = Controls(positive=True, negative=True)
    quiet = part_means(flipped, parts, sample)
    known = [place for place, one in enumerate(means.estimates) if one.error > 0 and one.error < torch.inf]
    if not known:
        return Controls(positive=False)
    target = sorted(known, key=lambda place: len(parts[place].rows))[len(known) // 2]
    low, high = quiet.bounds[target]
    planted = flipped.clone()
    planted[parts[target].rows] += BIAS + 1.5 * (high - low)
    loud = part_means(planted, parts, sample)
    return Controls(positive=loud.state(right) == "fail", negative=quiet.state(right) != "fail")


def _spread(values: Tensor, sample: Sample) -> float:
    return max(sample.mean(values.square()) - sample.mean(values) ** 2, 0.0) ** 0.5


def _fix(part: Part) -> str:
    if part.by == "all rows":
        return "subtract the bias, learnt on held-out rows, from all predictions"
    if part.by == "the prediction":
        return "recalibrate: fit a monotone map from predictions to what the loss elicits on held-out rows"
    return f"let the model use {part.by} better: look at those rows, add interactions or capacity, or weight them"


def _what(found: Identification) -> str:
    if found.kind == "mean":
        return "prediction less target"
    if found.kind == "quantile":
        return f"whether the target lies below the prediction, less {found.level:g}"
    return "the slope of the loss by the prediction"


def _figure(found: Identification, parts: list[Part], means: _Means) -> Figure:
    chosen = parts[means.worst].by
    order = [place for place, part in enumerate(parts) if part.by in ("all rows", "the prediction", chosen)][:_SHOWN]
    return Figure(
        kind="intervals",
        title="Bias of the predictions, by part",
        caption="How far predictions are too high (right) or too low, on average, in parts of the rows. Intervals hold "
        "for all parts at once; one that touches 0 shows no bias.",
        x="bias, as a share of the typical error",
        series=[
            {
                "name": "bias",
                "x": [means.estimates[one].value for one in order],
                "low": [means.bounds[one][0] for one in order],
                "high": [means.bounds[one][1] for one in order],
                "labels": [f"{parts[one].name.removeprefix('where ')} ({len(parts[one].rows)})" for one in order],
            }
        ],
        reference=0.0,
        note=f"{len(order)} of {len(parts)} parts; the typical error is {found.scale:.3g} (root mean square)",
    )
