"""Question 1: does minimising this loss achieve the outcome, and what does the difference cost?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ...findings.words import interval_words, number_words
from ..aligning.retarget import Price, price, retarget, worsened
from ..aligning.rewarded import rewarded
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import detectable, percentiles

QUESTION = "alignment"
WARN, FAIL = 0.02, 0.10


def measure(evidence: Evidence) -> Outcome:
    """Compare what the loss elicits with what the metric rewards, and price the difference."""
    elicited = _elicited(evidence)
    if evidence.space is None:
        said = "the price of the difference: predictions of this task cannot be moved by a rule known here"
        return Outcome((elicited, Finding(code="A102", state="not_applicable", question=QUESTION, says=said)))
    priced, answer = _priced(evidence)
    return Outcome((elicited, priced), answer=answer)


ALIGNMENT = Probe("alignment", QUESTION, "A102", "what the loss elicits, and what that costs", measure)


def _elicited(evidence: Evidence) -> Finding:
    metric, card = evidence.case.metric, evidence.measured_card
    wanted = rewarded(evidence)
    agree = _agree(wanted.statistic, card)
    method = f"the loss from outside, by wald.check; the metric {wanted.how}"
    if agree is None:
        return Finding(
            code="A101",
            state="not_applicable",
            question=QUESTION,
            says=f"{_of_loss(card)}; {metric.name} rewards: {wanted.statistic or 'not stated'}, so only the price "
            "tells",
            fix=""
            if wanted.statistic
            else 'say Metric(elicits="mean"), "median", "probability", "ranking" ... if you know it',
            method=method,
        )
    return Finding(
        code="A101",
        state="pass" if agree else "warn",
        question=QUESTION,
        says=f"{_of_loss(card)}; {metric.name} rewards: {wanted.statistic}",
        fix="" if agree else f"minimise a loss that elicits: {wanted.statistic} (`wald show NAME` says what one does)",
        method=method,
        source="Gneiting 2011, doi:10.1198/jasa.2011.r10138",
    )


def _of_loss(card: dict[str, Any]) -> str:
    elicits, threshold = card.get("elicits"), card.get("threshold")
    if card.get("task") == "binary" and card.get("proper") != "yes" and isinstance(threshold, float):
        return f"the loss elicits no plain probability: its minimiser crosses one half at a true {threshold:.3g}"
    return f"the loss elicits: {elicits or 'unresolved'}"


def _agree(wanted: str | None, card: dict[str, Any]) -> bool | None:
    """Whether a minimiser of the loss is what the metric wants; None where that is not known."""
    elicits = card.get("elicits")
    if wanted is None or not card:
        return None
    known: bool | None
    if wanted == "probability":
        proper = card.get("proper")
        known = None if proper in (None, "unresolved") else proper == "yes"
    elif wanted == "mode":
        calibrated = card.get("calibrated")
        known = None if calibrated in (None, "unresolved") else calibrated == "yes"
    elif wanted == "ranking":
        # A score that gives back the probability ranks by it.
        known = True if "yes" in (card.get("invertible"), card.get("proper")) else None
    elif wanted.startswith("a probability cut"):
        # Whatever gives the probability will do; where it is cut is no business of the loss.
        known = None
    else:
        known = None if elicits in (None, "unresolved") else elicits == wanted
    return known


def _priced(evidence: Evidence) -> tuple[Finding, str]:
    space, stick, metric = evidence.space, evidence.by_metric, evidence.case.metric
    assert space is not None  # noqa: S101  (asked before)
    draws = evidence.bootstrap_for(stick).draws
    splits = 1 if evidence.level == "quick" else 3

    def at(score: Tensor) -> Price:
        return price(space, stick, score, evidence.target, evidence.sample, draws=draws, splits=splits)

    found = at(evidence.score)
    everyone = torch.arange(evidence.rows)
    # The clean twin: the same predictions, already moved to where this metric wants them on these rows.
    clean = retarget(space, stick, evidence.score, evidence.target, everyone)(evidence.score)
    # Of the smallest size that these rows can show: few rows or clusters show only large ones.
    planted = [worsened(space, stick, clean, evidence.target, share=share) for share in (0.15, 0.5, 1.5)]
    felt = [one for one in planted if one is not None]
    controls = Controls(
        positive=any(at(one).interval[0] > 0 for one in felt) if felt else None,
        negative=at(clean).interval[0] <= WARN,
    )
    smallest = detectable(found.error)
    state = judge(
        effect=found.effect, interval=found.interval, threshold=FAIL, warn=WARN, controls=controls, detectable=smallest
    )
    numb = not felt and _numb(evidence)
    if not felt and found.interval[1] <= WARN:
        # A metric that no shift and no scale can change, such as a ranking, cannot be mispriced by either. One that
        # does not mind which row a prediction belongs to has not been asked.
        state = "inconclusive" if numb else "pass"
    free, closed = _undone(evidence)
    # Moves that were learnt on noise cost more than they save: that there was nothing to save is all that they show.
    share, low, high = (max(0.0, one) for one in (found.effect, *found.interval))
    moved = f"the same predictions, re-targeted to the metric, would score {metric.told(found.after)} instead of "
    says = f"{moved}{metric.told(found.before)}" + ("; the loss costs that much" if state in ("warn", "fail") else "")
    if share == 0:
        says = f"re-targeting the same predictions to the metric saves nothing of {metric.told(found.before)}"
    if numb:
        says = (
            f"{metric.name} is {metric.told(found.before)} whichever row a prediction is given to: no decision changes"
        )
    bounds = f"[{low:.1%}, {high:.1%}]"
    saved = f"re-targeting would save {share:.1%} {bounds} of {metric.name}"
    answers = {
        "pass": f"yes: {saved}",
        "inconclusive": f"not settled by these rows: {saved}",
        "warn": f"not quite: {saved}, from {metric.told(found.before)} to {metric.told(found.after)}",
        "fail": f"no: {metric.name} is {metric.told(found.before)} and would be {metric.told(found.after)} for the "
        f"same model re-targeted, a price of {share:.0%} {bounds}",
    }
    answer = says if numb else answers[state]
    finding = Finding(
        code="A102",
        state=state,
        question=QUESTION,
        says=says,
        fix=free or "train with a loss that elicits what the metric rewards, or shift the predictions on held-out rows",
        effect=share,
        unit=f"of {metric.name}",
        interval=(low, high),
        threshold=FAIL,
        detectable=smallest,
        controls=controls,
        evidence={"as it is": found.before, "re-targeted": found.after, **closed},
        method=f"predictions moved ({'a shift for each bin' if space.task == 'regression' else 'scale and shift'}) to "
        "minimise the metric on one half of the rows, applied to the other half, both ways; paired bootstrap over "
        f"rows; warns beyond {WARN:.0%}. Controls: predictions already moved, and those worsened on purpose. "
        "One test, so no correction",
    )
    return finding, answer


def _numb(evidence: Evidence) -> bool:
    """Whether the metric does not even mind which row a prediction belongs to."""
    order = torch.randperm(evidence.rows, generator=evidence.random("numb"))
    own, other = evidence.by_metric.mean(evidence.score), evidence.by_metric.mean(evidence.score[order])
    return abs(own - other) <= 1e-12 * max(abs(own), 1.0)


def _undone(evidence: Evidence) -> tuple[str, dict[str, Any]]:
    """What undoing the link of the loss, which needs no label and no training, would do to the metric."""
    link, repaired, metric, stick = evidence.link, evidence.repaired, evidence.case.metric, evidence.by_metric
    if link is None or repaired is None or not link.changes:
        return "", {}
    drawn = stick.draws(torch.stack([evidence.score, repaired]), evidence.bootstrap_for(stick))
    saved = percentiles(drawn[0] - drawn[1])
    after = stick.mean(repaired)
    how = (
        f"subtract {link.shift:.3g} from every logit"
        if link.shift is not None
        else "read the predictions through the inverse link of the loss"
    )
    fix = (
        f"{how}: no label and no training is needed, and {metric.name} becomes {metric.told(after)} (it saves "
        f"{number_words(stick.mean(evidence.score) - after)} {interval_words(saved)}); or train with a loss that is "
        "proper, such as BinaryCrossEntropy()"
    )
    return fix, {"undone": after, "undone saves": saved, "shift": link.shift}
