"""The findings of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...findings import Finding, State
from ..candidate import Refusal
from ..profiling import Profile
from ..racing import Entry, Race
from .answers import GROUPS, MEANING, METRIC, STAKES, WHICH, groups, meanings, stakes
from .given import Given
from .money import Money
from .recipes import recipe

TARGET, CANDIDATES = "the target", "candidates"

_STATES: dict[str, State] = {
    "winner": "pass",
    "tie": "pass",
    "not enough data": "inconclusive",
    "metric is the problem": "warn",
    "nothing beats a constant": "warn",
}

_METHOD = (
    "every candidate on the same folds and seeds, tuned alike on inner rows by the metric; paired differences on "
    "held-out rows, with what training adds; intervals for all pairs at once, 95 %. Recommended is the plainest "
    "candidate within one standard error of the best"
)
_SOURCE = "Nadeau & Bengio 2003, doi:10.1023/A:1024068626366"


def findings_of(
    race: Race,
    profile: Profile,
    doubts: Sequence[str],
    refusals: Sequence[Refusal],
    money: Money | None,
    given: Given,
    seconds: float,
) -> tuple[Finding, ...]:
    """What was found, the choice itself first."""
    found = [_choice(race, profile, given, seconds)]
    if money is not None:
        found.append(_stakes(money))
    found += [_told("K301", "warn", METRIC, one) for one in doubts] or [
        _told("K301", "pass", METRIC, f"nothing speaks against {race.metric.name} on this target")
    ]
    found += [_told("K401", "not_applicable", TARGET, one) for one in profile.says]
    found += [_told("K402", "warn", TARGET, one) for one in profile.warnings]
    if told := meanings(race, profile):
        found.append(_told("K501", "not_applicable", MEANING, told))
    if told := groups(race):
        found.append(_told("K601", "not_applicable", GROUPS, told))
    found += [_failed(one) for one in race.entries if one.failure]
    found += [
        _told("K702", "not_applicable", CANDIDATES, f"{one.name} was not tried: {one.why}", fix=one.instead)
        for one in refusals
    ]
    return tuple(found)


def _choice(race: Race, profile: Profile, given: Given, seconds: float) -> Finding:
    chosen = race.entry(race.recommended)
    over = chosen.over_constant
    evidence: dict[str, Any] = {
        "reproduce": recipe(chosen, race.learner, given=given),
        "table": race.table(),
        "rows held out": race.rows,
        "learner": race.learner,
    }
    return Finding(
        code="K101",
        state=_STATES[race.verdict],
        question=WHICH,
        says=f"{race.verdict}: {race.says}",
        fix="" if race.verdict in ("winner", "tie") else _fix(race, numbers=profile.classes is None),
        effect=None if over is None else over.value,
        unit=f"{race.metric.name} better than a constant",
        interval=None if over is None else (over.low, over.high),
        evidence=evidence,
        seconds=seconds,
        method=_METHOD,
        source=_SOURCE,
    )


def _fix(race: Race, *, numbers: bool) -> str:
    if race.verdict == "not enough data":
        more = f"about {race.rows_needed:,} rows would tell" if race.rows_needed else "more rows, or a coarser question"
        return f"{more}; until then take {race.recommended}"
    if race.verdict == "metric is the problem" and numbers:
        return "judge by errors in the unit of the target, 'mean_absolute_error' or 'root_mean_squared_error'"
    if race.verdict == "metric is the problem":
        return "judge by what mistakes cost, costs=\"fn=...,fp=...\", or by 'log_loss' or 'average_precision'"
    return 'other columns, or another learner: learner="boosting"'


def _failed(entry: Entry) -> Finding:
    return _told("K701", "warn", CANDIDATES, f"{entry.name} failed: {entry.failure}")


def _stakes(money: Money) -> Finding:
    low, high = money.interval
    state: State = "pass" if low > 0 else "warn" if high < 0 else "inconclusive"
    return _told(
        "K201",
        state,
        STAKES,
        stakes(money),
        effect=money.saved,
        unit=money.unit,
        interval=money.interval,
        threshold=0.0,
        detectable=(high - low) / 2,
        method="the same held-out rows decided in several ways; 95 %, as other rows of the same kind would vary it",
    )


def _told(code: str, state: State, question: str, says: str, **more: Any) -> Finding:
    return Finding(code=code, state=state, question=question, says=says, **more)
