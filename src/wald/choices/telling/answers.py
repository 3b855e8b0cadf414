"""The answers of a choice, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ...audits.metrics.metric import capitalised
from ...findings.words import number_words as n
from ..profiling import Profile
from ..racing import Race
from .money import Money

WHICH, METRIC, STAKES, MEANING, GROUPS = "which loss", "the metric", "what is at stake", "probabilities", "groups"

_OPENINGS = {
    "winner": "A winner:",
    "tie": "{recommended}: it is a tie.",
    "not enough data": "{recommended}, for now: not enough data to say.",
    "metric is the problem": "{recommended}, but the metric cannot tell.",
    "nothing beats a constant": "None: nothing beats a constant prediction.",
}


def answers_of(race: Race, profile: Profile, doubts: Sequence[str], money: Money | None) -> dict[str, str]:
    """Each question with its answer."""
    opening = _OPENINGS[race.verdict].format(recommended=capitalised(race.recommended))
    said = race.says if opening.endswith(":") else capitalised(race.says)
    found = {WHICH: f"{opening} {said}"}
    if money is not None:
        found[STAKES] = stakes(money)
    if doubts:
        found[METRIC] = " ".join(capitalised(one) for one in doubts[:2])
    if meaning := meanings(race, profile):
        found[MEANING] = meaning
    if gaps := groups(race):
        found[GROUPS] = gaps
    return found


def stakes(money: Money) -> str:
    """What is saved, and what the usual mistakes would have cost."""
    never, always, half = money.rules[:3]
    chosen = money.rules[money.chosen]
    fixed = never if never.cost <= always.cost else always
    low, high = money.interval
    gained = f"it saves {money.told(money.saved)}" if money.saved >= 0 else f"it loses {money.told(-money.saved)}"
    told = (
        f"On {money.rows:,} held-out rows, {money.positives:,} of them yes, {fixed.name} comes to "
        f"{money.told(fixed.cost)}; {chosen.name}, to {money.told(chosen.cost)}. So {gained} (of the saving, 95 %: "
        f"{money.amount(low)} to {money.amount(high)})."
    )
    lost = half.cost - chosen.cost
    if lost > 0.01 * abs(chosen.cost):
        told += f" Deciding at a probability of one half would have cost {money.told(lost)} more."
    return told


def meanings(race: Race, profile: Profile) -> str:
    """Whether predictions mean what they say, and which do not."""
    if profile.classes is None or profile.task != "binary":
        return ""
    far = [
        (one.name, one.calibration)
        for one in race.entries
        if one.calibration is not None and not one.failure and _off(one.calibration.predicted, one.calibration.observed)
    ]
    chosen = race.entry(race.recommended).calibration
    if chosen is None:
        return ""
    told = f"{capitalised(race.recommended)} says {n(chosen.predicted)} on average where {n(chosen.observed)} happened."
    if far:
        worst = max(far, key=lambda one: abs(one[1].predicted - one[1].observed))
        told += f" {capitalised(worst[0])} says {n(worst[1].predicted)}: no probabilities, until they are corrected."
    return told


def _off(predicted: float, observed: float) -> bool:
    return abs(predicted - observed) > 0.1 * observed + 1e-4


def groups(race: Race) -> str:
    """How far apart groups are, for what is recommended and for the best of it."""
    told: list[str] = []
    chosen = race.entry(race.recommended)
    for kind, gap in chosen.groups.items():
        others = [one.groups[kind].gap for one in race.entries if kind in one.groups and not one.failure]
        least = f"; the least of any candidate is {n(min(others))}" if others and min(others) < gap.gap else ""
        told.append(
            f"By {kind}, {race.metric.name} is worst for {gap.worst} ({race.metric.name} {n(gap.value)}), {n(gap.gap)} "
            f"from the best{least}."
        )
    return " ".join(told)
