"""The tables and pictures of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, log10
from typing import Any

from ...findings import Figure
from ...findings.words import number_words as n
from ..candidate import Candidate, Refusal
from ..profiling import Profile
from ..racing import Entry, Race
from .findings import CANDIDATES
from .money import Money


def figures_of(
    race: Race, profile: Profile, candidates: Sequence[Candidate], refusals: Sequence[Refusal], money: Money | None
) -> tuple[Figure, ...]:
    """The race as a table and as intervals, what is at stake, and what each candidate would estimate."""
    found = [_race(race)]
    if money is not None:
        found.append(_money(money))
    found.append(_intervals(race))
    found.append(_meanings(candidates, refusals))
    return tuple(found)


def ranked(race: Race) -> list[Entry]:
    """The candidates, the best first; what failed comes last."""

    def cost(one: Entry) -> float:
        return float(race.metric.shortfall(one.value)) if isfinite(one.value) else float("inf")

    return sorted(race.entries, key=cost)


def _race(race: Race) -> Figure:
    rows: list[list[Any]] = []
    for one in ranked(race):
        if one.failure:
            rows.append(["failed", "", "", "", "", n(one.seconds)])
            continue
        seen = one.calibration
        means = "–" if seen is None else f"{n(seen.predicted)} / {n(seen.observed)}"
        mark = "recommended" if one.name == race.recommended else _against(race, one)
        tail = n(one.tail) if one.tail is not None else "–"
        rows.append([n(one.value), mark, means, tail, _settings(one), n(one.seconds)])
    metric = race.metric.describe()
    return Figure(
        kind="table",
        title="The race",
        caption=f"{metric} on {race.rows:,} held-out rows, {race.learner} learner; the best constant has "
        f"{n(race.constant)}. A star marks what is surely less good.",
        y="candidate",
        series=[
            {
                "labels": [one.name for one in ranked(race)],
                "columns": [race.metric.name, "less good by", "said / happened", "worst 5 %", "settings", "s a fit"],
                "z": rows,
            }
        ],
    )


def _against(race: Race, one: Entry) -> str:
    if one.over_best is None:
        return "best"
    if race.entry(race.best).name in one.same_as:
        return "same as the best"
    low, high = -one.over_best.high, -one.over_best.low
    if not isfinite(high - low):
        return f"{n(-one.over_best.value)} [unknown]"
    # As many digits as the interval is sure of.
    digits = min(12, max(0, 1 - floor(log10(max((high - low) / 2, 1e-300)))))
    middle, least, most = (f"{value + 0.0:.{digits}f}" for value in (-one.over_best.value, low, high))
    return f"{middle} [{least}, {most}]{' *' if low > 0 else ''}"


def _settings(one: Entry) -> str:
    return max(one.settings, key=lambda name: one.settings[name]) if one.settings else "–"


def _intervals(race: Race) -> Figure:
    told = [one for one in ranked(race) if not one.failure and one.over_best is not None]
    return Figure(
        kind="intervals",
        title="How much less good than the best",
        caption=f"Each candidate against {race.best}, on the same held-out rows; the bars hold for all at once, at "
        "95 %. A bar that crosses the line may be as good.",
        x=race.metric.describe(),
        reference=0.0,
        series=[
            {
                "labels": [one.name for one in told],
                "x": [-one.over_best.value if one.over_best else None for one in told],
                "low": [-one.over_best.high if one.over_best else None for one in told],
                "high": [-one.over_best.low if one.over_best else None for one in told],
            }
        ],
    )


def _money(money: Money) -> Figure:
    return Figure(
        kind="table",
        title="What is at stake",
        caption=f"{money.rows:,} held-out rows, {money.positives:,} of them yes.",
        y="decided",
        series=[
            {
                "labels": [one.name for one in money.rules],
                "columns": [money.unit or "cost", "said yes", "missed"],
                "z": [[money.amount(one.cost), f"{one.yes:,}", f"{one.missed:,}"] for one in money.rules],
            }
        ],
    )


def _meanings(candidates: Sequence[Candidate], refusals: Sequence[Refusal]) -> Figure:
    return Figure(
        kind="table",
        title="What each candidate would estimate on this target",
        caption="Before anything is trained: what the best predictions by each loss would mean here.",
        y="candidate",
        question=CANDIDATES,
        series=[
            {
                "labels": [*(one.name for one in candidates), *(one.name for one in refusals)],
                "columns": ["estimates", "why", "loss"],
                "z": [
                    *([one.estimates, one.why, str(one.loss)] for one in candidates),
                    *(["refused", one.why, f"instead: {one.instead}" if one.instead else ""] for one in refusals),
                ],
            }
        ],
    )
