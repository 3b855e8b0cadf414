"""Warning sign: do the predicted probabilities mean what they say?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, State
from ..calibrating.forecasts import DRAWN, MEAN, SLOPE, Reading, controls_of, read, reliability
from ..calibrating.meaning import changed, silent, through, wordless
from ..costing.space import Multiclass
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import detectable

QUESTION = "calibration"


@dataclass(frozen=True, eq=False)
class _Forecasts:
    """The log-odds that are judged, and those that a reader would take them for.

    Attributes:
        score: the log-odds that are judged, (rows,); of several classes, of the one that was predicted.
        label: whether it happened, (rows,).
        what: their name.
        emitted: sigmoid or softmax taken as they come, where something else is judged or repairs them: (score, label).
        repaired: read through the loss, where that changes them: (score, label).
        through: whether what is judged was read through the loss.
        silent: whether nobody reads these scores as probabilities: the loss gives none, and the metric asks for none.
    """

    score: Tensor
    label: Tensor
    what: str
    emitted: tuple[Tensor, Tensor]
    repaired: tuple[Tensor, Tensor] | None
    through: bool
    silent: bool


def measure(evidence: Evidence) -> Outcome:
    """Compare forecasts with what happened, as they are emitted and as they are read through the loss's link."""
    if evidence.space is None or evidence.space.task == "regression":
        said = "calibration: the model states no probabilities"
        return Outcome((Finding(code="C601", state="not_applicable", question=QUESTION, says=said),))
    permutations, sample = max(DRAWN, evidence.budget.permutations), evidence.sample
    forecasts = _forecasts(evidence)
    reading = read(forecasts.score, forecasts.label, sample, permutations)
    controls = controls_of(forecasts.score, forecasts.label, sample, evidence.random("calibration controls"))
    states = reading.states(controls)
    if forecasts.silent:
        states = _milder(states[0]), _milder(states[1])
    other = None
    if forecasts.repaired is not None:
        other = read(*(forecasts.emitted if forecasts.through else forecasts.repaired), sample, permutations)
    slope = _slope(forecasts, reading, other, states[0], controls, evidence, permutations)
    level = _level(forecasts, reading, states[1], controls, evidence, slope.method)
    rate, mean = sample.mean(forecasts.label), sample.mean(torch.sigmoid(forecasts.score.double()))
    answer = f"forecasts average {mean:.1%} where {rate:.1%} happened"
    if states[0] in ("fail", "warn"):
        answer += f", and are too {'sure of themselves' if reading.slope.value < 1 else 'cautious'}"
    if forecasts.through:
        answer += ", read as the loss means them"
    elif "says" in level.evidence:
        answer += f"; undoing what the loss does brings the mean to {level.evidence['repaired mean']:.1%}"
    return Outcome((slope, level), (_figure(evidence, forecasts),), answer)


CALIBRATION = Probe("calibration", QUESTION, "C601", "do forecasts mean what they say", measure)


def _forecasts(evidence: Evidence) -> _Forecasts:
    emitted = _as_binary(evidence, evidence.score)
    repaired = _as_binary(evidence, evidence.meant) if changed(evidence) else None
    judged = repaired if repaired is not None and through(evidence) else emitted
    what = "the predicted class" if isinstance(evidence.space, Multiclass) else "the log-odds"
    return _Forecasts(*judged, what, emitted, repaired, through(evidence), silent(evidence))


def _as_binary(evidence: Evidence, score: Tensor | None) -> tuple[Tensor, Tensor]:
    """Log-odds and labels; of several classes, of the one that was predicted."""
    assert score is not None  # noqa: S101
    if isinstance(evidence.space, Multiclass):
        chance, chosen = score.double().softmax(-1).max(-1)
        return torch.logit(chance, eps=1e-9), (chosen == evidence.target).double()
    return score, evidence.target


def _milder(state: State) -> State:
    return "warn" if state == "fail" else state


def _slope(
    forecasts: _Forecasts,
    reading: Reading,
    other: Reading | None,
    state: State,
    controls: Controls,
    evidence: Evidence,
    permutations: int,
) -> Finding:
    low, high = reading.slope.interval()
    sure = "as sure as they should be" if low <= 1 <= high else "too sure" if high < 1 else "not sure enough"
    says = (
        f"forecasts are {sure}: what happened fits their log-odds times {reading.slope.value:.2f} [{low:.2f}, "
        f"{high:.2f}] (the calibration slope; 1 is right), p = {reading.p[0]:.2g}"
    )
    fix = "divide the logits by a temperature fitted on held-out rows, or regularise more"
    facts: dict[str, Any] = {"slope": reading.slope.value, "interval": (low, high), "p": reading.p[0]}
    if forecasts.through and other is not None:
        says = f"read through the loss's own map, {says}; taken as they come it would be {other.slope.value:.2f}"
        facts["emitted slope"] = other.slope.value
    elif other is not None:
        facts["repaired slope"] = other.slope.value
    elif wordless(evidence):
        says += "; this loss leaves no probabilities in its scores"
        fix = "do not read these scores as probabilities: fit a map from scores to probabilities on held-out rows "
        fix += "(Platt's, or isotonic), or train with a proper loss such as wald.BinaryCrossEntropy"
    return Finding(
        code="C601",
        state=state,
        question=QUESTION,
        says=says,
        fix=fix,
        effect=reading.slope_off,
        unit="slope",
        interval=reading.slope_range,
        threshold=inf if forecasts.silent else SLOPE,
        detectable=detectable(reading.slope.error),
        controls=controls,
        evidence=facts,
        method=f"Cox's recalibration of {forecasts.what}; errors by leaving out each "
        f"{'row' if evidence.sample.unit is None else 'cluster'}; p by drawing labels from the forecasts "
        f"({permutations} times), two tests, corrected by Holm. Controls: labels drawn from the forecasts, with "
        "forecasts made more sure and more likely, and as they are",
        source="Cox 1958, doi:10.1093/biomet/45.3-4.562; Bröcker & Smith 2007, doi:10.1175/WAF993.1",
    )


def _level(
    forecasts: _Forecasts, reading: Reading, state: State, controls: Controls, evidence: Evidence, method: str
) -> Finding:
    sample = evidence.sample
    rate, mean = sample.mean(forecasts.label), sample.mean(torch.sigmoid(forecasts.score.double()))
    fix, facts = ("", dict[str, Any]()) if forecasts.through else _repair(evidence, forecasts, rate)
    return Finding(
        code="C602",
        state=state,
        question=QUESTION,
        says=f"the mean forecast is {mean:.1%} and {rate:.1%} happened, p = {reading.p[1]:.2g}",
        fix=fix or "add a constant to the logits, fitted on held-out rows",
        effect=reading.mean_off,
        unit="of the base rate",
        interval=reading.mean_range,
        threshold=inf if forecasts.silent else MEAN,
        detectable=detectable(reading.mean.error),
        controls=controls,
        evidence={"mean forecast": mean, "base rate": rate, "p": reading.p[1], **facts},
        method=method,
        source="Cox 1958, doi:10.1093/biomet/45.3-4.562",
    )


def _repair(evidence: Evidence, forecasts: _Forecasts, rate: float) -> tuple[str, dict[str, Any]]:
    """What undoing the link of the loss does, without labels."""
    if forecasts.repaired is None:
        return "", {}
    score, label = forecasts.repaired
    mean, happened = evidence.sample.mean(torch.sigmoid(score.double())), evidence.sample.mean(label)
    shift = None if evidence.link is None else evidence.link.shift
    how = "invert the link of the loss"
    if shift is not None:
        odds = float(torch.tensor(shift).exp())
        how = f"subtract {shift:.4g} from the logits, that is, divide the odds by {odds:.3g}"
    says = f"undoing what the loss does ({how}) brings the mean to {mean:.1%}, with no label and no training"
    return (
        f"{how}: the mean forecast becomes {mean:.1%} (happened: {happened:.1%}), without labels",
        {"says": says, "repaired mean": mean, "shift": shift},
    )


def _figure(evidence: Evidence, forecasts: _Forecasts) -> Figure:
    source = evidence.random("reliability")
    series = [reliability("as emitted", *forecasts.emitted, evidence.sample, source)]
    if forecasts.repaired is not None:
        series.append(reliability("read through the loss's link", *forecasts.repaired, evidence.sample, source))
    return Figure(
        kind="reliability",
        title="Forecast against what happened",
        caption="On the diagonal a forecast means what it says: of the rows with a forecast of 20 %, 20 % happen. "
        "Points below it are forecasts that are too high; a point outside its band is no accident of so few rows.",
        x="forecast probability",
        y="share that happened",
        series=series,
        note=f"{evidence.rows} rows in bins of equal weight; the band holds 95 % of what right forecasts of these rows "
        "would show",
    )
