"""The findings of a comparison, in words."""

from __future__ import annotations

from dataclasses import replace

from ...findings import Controls, Finding, State, judge
from ...findings.state import WORDS
from ...findings.words import interval_words, number_words, quantity_words
from ..statistics import detectable
from .changes import DRAWS, FLIPS, Change, shown

QUESTION = "change"

#: A change for the worse of this share of the old value fails; a smaller one that is shown warns.
FAIL = 0.02

_METHOD = (
    f"both audits' values of the same rows, differenced row by row; whole clusters resampled {DRAWS} times for the "
    f"interval, their differences' signs drawn anew {FLIPS} times for p; Holm over all that is compared. Controls: "
    "old and new dealt out anew for each row, and a change planted on top"
)


def metric_finding(change: Change, p: float, controls: Controls) -> Finding:
    """What became of the metric, changed or not."""
    limit = FAIL * abs(change.before)
    state = judge(effect=change.effect, interval=change.interval, threshold=limit, warn=0.0, controls=controls)
    if not shown(change, p):
        # What is not shown to be worse is in order only where it is shown to be no worse than a little.
        close = change.interval[1] <= limit and not controls.wrong
        state = "pass" if close else "inconclusive"
    return replace(
        change_finding(change, p, controls),
        state=state,
        fix="" if state == "pass" else "look at what else changed, below; or keep the old one",
        threshold=None if limit == 0 else limit,
        detectable=detectable(change.error),
        source="Holm 1979, Scandinavian Journal of Statistics 6; Efron & Tibshirani 1993, An Introduction to the "
        "Bootstrap",
    )


def change_finding(change: Change, p: float, controls: Controls) -> Finding:
    """A change that is shown, of the loss or in a group."""
    limit = FAIL * abs(change.before)
    state = judge(effect=change.effect, interval=change.interval, threshold=limit, warn=0.0, controls=controls)
    return Finding(
        code=change.code,
        state=state,
        question=QUESTION,
        says=_says(change, p),
        fix="" if state == "pass" else "look at the rows that are worse: they are in both reports in the same order",
        effect=change.effect,
        unit=change.unit or f"of {change.name}",
        interval=change.interval,
        threshold=limit,
        controls=controls,
        evidence={"before": change.before, "after": change.after, "p": p, "rows": change.rows},
        method=_METHOD,
    )


def groups_finding(metric: Change, changed: list[tuple[Change, float]], groups: int, controls: Controls) -> Finding:
    """The groups in which a change is shown, the worst of them in full."""
    ordered = sorted(changed, key=lambda pair: -pair[0].effect)
    worst, p = ordered[0]
    told = [
        f"{one.name.removeprefix(f'{metric.name} for ')} ({number_words(one.before)} before, {number_words(one.after)} "
        f"now, {one.rows} rows)"
        for one, _ in ordered
    ]
    worse = sum(one.effect > 0 for one, _ in ordered)
    parts = [
        f"{side} in {'; '.join(some[:3])}{f'; and {len(some) - 3} more' if len(some) > 3 else ''}"
        for side, some in (("worse", told[:worse]), ("better", told[worse:][::-1]))
        if some
    ]
    one = change_finding(worst, p, controls)
    return replace(
        one,
        says=f"{metric.name} changed in {len(changed)} of {groups} groups: {', '.join(parts)}",
        unit=metric.unit or f"of {metric.name}",
        evidence=dict(one.evidence) | {"groups": told},
    )


def state_finding(change: Change, was: Finding, now: Finding, p: float) -> Finding:
    """A finding whose state changed, and whose effect is shown to have."""
    state: State = now.state if now.state in ("fail", "warn") else "pass"
    return Finding(
        code=change.code,
        state=state if now.controls.right or state == "pass" else "inconclusive",
        question=now.question,
        says=f"{WORDS[was.state]} before and {WORDS[now.state]} now: {now.says}",
        fix=now.fix if state != "pass" else "",
        effect=change.effect,
        unit=change.unit,
        interval=change.interval,
        controls=now.controls,
        evidence={"before": was.effect, "after": now.effect, "p": p},
        method="the effects of both audits, by their intervals, as if the two were measured apart; Holm over all that "
        "is compared",
    )


def _says(change: Change, p: float) -> str:
    before, after = (quantity_words(value, change.unit) for value in (change.before, change.after))
    if not shown(change, p):
        if change.before == change.after and change.error == 0:
            return f"{change.name} is the same on each of {change.rows} rows: {after}"
        return (
            f"no change of {change.name} is shown: {before} before, {after} now; a change of "
            f"{quantity_words(detectable(change.error), change.unit)} would have been seen"
        )
    side = "worse" if change.effect > 0 else "better"
    low, high = sorted(map(abs, change.interval))
    size = quantity_words(abs(change.effect), change.unit)
    return f"{change.name} is {side}: {before} before, {after} now, by {size} {interval_words((low, high))}"
