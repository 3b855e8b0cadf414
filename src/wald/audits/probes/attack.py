"""Question 2: how does the model hold against inputs that maximise its own loss?"""

from __future__ import annotations

from math import inf
from typing import Any

import torch

from ...findings import Figure, Finding, State, judge
from ...findings.words import number_words
from ..attacking import (
    Campaign,
    Damage,
    Gauge,
    Record,
    Victim,
    affordable,
    effort_of,
    exhibits,
    level_of,
    on_numbers,
    on_tokens,
    worsening,
)
from ..case import Case
from ..evidence import Budget, Evidence, in_use
from ..metrics import Metric, capitalised
from ..probe import Outcome, Probe, Work
from ..statistics import detectable

QUESTION = "robustness"


def measure(evidence: Evidence) -> Outcome:
    """Attack the loss with and without slopes, check the attack itself, and measure the metric under it."""
    if why := _no_reason(evidence):
        return _idle(why)
    plan = affordable(evidence)
    if plan is None:
        says = f"attack: the model is too large to be attacked at the level {evidence.level}"
        return Outcome((Finding(code="R202", state="not_run", question=QUESTION, says=says,
                                fix="audit a smaller model of the same kind, or use --deep"),))  # fmt: skip
    order = torch.randperm(evidence.rows, generator=evidence.random("attacked"))
    chosen = order[: plan.rows].sort().values
    with in_use(evidence.model):
        victim = Victim.of(evidence, chosen)
        tokens = evidence.case.input_space.tokens is not None
        campaign = on_tokens(evidence, victim) if tokens else on_numbers(evidence, victim, plan)
        if campaign is None:
            return _idle("every feature is a flag, or is held fixed")
        return _told(evidence, campaign, Gauge(evidence, chosen))


def _work(case: Case, budget: Budget) -> Work:
    rows = max(1, min(budget.rows, len(case.test[1])))
    return Work(passes=1.4 * effort_of(budget, level_of(budget)).passes * min(1.0, budget.attacked / rows))


ATTACK = Probe(
    "attack",
    QUESTION,
    "R202",
    "the metric under inputs that maximise the loss",
    measure,
    needs=("model",),
    least="standard",
    work=_work,
)


def _no_reason(evidence: Evidence) -> str:
    space = evidence.case.input_space
    declared = space.integer or space.categorical
    if not evidence.inputs.is_floating_point() and space.tokens is None and not declared:
        return (
            f"the inputs are {evidence.inputs.dtype}, and only real features can be moved; say what they are with "
            "Case(input_space=InputSpace(tokens=...)), or with its integer= and categorical="
        )
    return "" if evidence.cost.separable else "rows have no loss of their own to maximise"


def _idle(why: str) -> Outcome:
    return Outcome((Finding(code="R202", state="not_applicable", question=QUESTION, says=f"attack: {why}"),))


def _told(evidence: Evidence, campaign: Campaign, gauge: Gauge) -> Outcome:
    metric, tolerance = evidence.case.metric, evidence.case.attack.tolerance
    damage, chance = gauge.along(campaign.curve), gauge.by_chance(campaign.curve)
    plain, hit, rows = damage[0.0], damage[1.0], len(gauge.chosen)
    worse = worsening(plain, hit, rows)
    changed = f"{metric.name} goes from {metric.told(plain.value)} to {metric.told(hit.value)}"
    says = f"when {campaign.extent} so as to maximise the loss, {changed} (at random: {metric.told(chance[1.0].value)})"
    state: State = "not_applicable"
    if tolerance is None:
        says += "; no tolerance was stated, so this is a measurement and no verdict"
    else:
        state = judge(effect=worse.effect, interval=worse.interval, threshold=tolerance, controls=campaign.controls)
    # What was found does harm, whoever found it; what was not found is no comfort if the attack is blind.
    if campaign.doubts and state != "fail":
        state, says = (
            "inconclusive",
            f"the attack is not to be trusted ({'; '.join(campaign.doubts)}): at least, {says}",
        )
    finding = Finding(
        code="R202",
        state=state,
        question=QUESTION,
        says=says,
        fix="train on attacked inputs, smooth the model (weight decay, fewer features, an average of several), or "
        "check what is given to it",
        effect=worse.effect,
        unit=_unit(metric),
        interval=worse.interval,
        threshold=tolerance,
        detectable=detectable(worse.error),
        controls=campaign.controls,
        evidence=_evidence(evidence, campaign, gauge, damage),
        method=f"{rows} rows; {campaign.how}; the worst of all for each row by the metric; paired bootstrap over rows. "
        "Controls: a linear model, whose worst case is known exactly, and a constant model, which nothing can move",
        source="Madry et al. 2018, arXiv:1706.06083; Croce & Hein 2020, arXiv:2003.01690",
    )
    answer = f"if {campaign.extent} against the model, {changed}"
    if campaign.doubts:
        answer += " at least; the attack is blind in part"
    found = (finding, _trust(campaign)) if campaign.checks else (finding,)
    return Outcome(found, (_figure(metric, campaign, damage, chance),), answer)


def _trust(campaign: Campaign) -> Finding:
    """Whether the attack itself is to be believed."""
    checks = campaign.checks
    tripped = [check for check in checks if check.tripped]
    worst = max(checks, key=lambda check: check.value / check.bound)
    says = f"the attack stands up to its {len(checks)} self-checks"
    if tripped:
        wrong = "; ".join(check.says for check in tripped)
        says = f"the attack does not stand up to {len(tripped)} of its {len(checks)} self-checks: {wrong}"
    return Finding(
        code="R208",
        state="inconclusive" if tripped or campaign.controls.wrong else "pass",
        question=QUESTION,
        says=says,
        fix="take the robustness measured here as the best that can be hoped for, not as what there is",
        effect=worst.value,
        unit=worst.name,
        threshold=worst.bound,
        controls=campaign.controls,
        evidence={check.name: [check.value, check.bound] for check in checks},
        method=f"on a part of the rows, each within its bound: {'; '.join(check.name for check in checks)}",
        source="Carlini et al. 2019, arXiv:1902.06705; Croce & Hein 2020, arXiv:2003.01690",
    )


def _evidence(evidence: Evidence, campaign: Campaign, gauge: Gauge, damage: dict[float, Damage]) -> dict[str, Any]:
    record = campaign.curve.stated
    names = evidence.case.features if evidence.inputs.ndim == 2 else ()
    found: dict[str, Any] = {
        "reach": [share * campaign.reach for share in damage],
        "metric shortfall": [one.value for one in damage.values()],
        "rows": len(gauge.chosen),
        "features moved": campaign.moved,
        "largest mean loss": gauge.sample.mean(record.most),
        "worst rows": exhibits(record, evidence.chosen[gauge.chosen], campaign.scale, names),
    }
    before = Record(campaign.victim).right
    if record.right is not None and before is not None:
        found["accuracy"], _ = gauge.share(before)
        found["robust accuracy"], found["robust accuracy interval"] = gauge.share(record.right)
    return found


def _unit(metric: Metric) -> str:
    if metric.lower_is_better and metric.best in (0.0, inf):
        return f"of {metric.name}"
    return f"of the distance of {metric.name} to {number_words(metric.best)}"


def _figure(metric: Metric, campaign: Campaign, damage: dict[float, Damage], chance: dict[float, Damage]) -> Figure:
    finite = {share: one for share, one in damage.items() if share != inf}
    far = max(finite)
    caption = (
        f"How {metric.name} changes the further inputs are moved. At {number_words(far * campaign.reach)} it is "
        f"{metric.told(finite[far].value)}"
    )
    if inf in damage:
        caption += f"; within all that can occur, {metric.told(damage[inf].value)}"
    return Figure(
        kind="lines",
        title=f"{capitalised(metric.name)} under attack",
        caption=f"{caption}.",
        x=campaign.axis,
        y=metric.describe(),
        series=[
            _series(metric, "moved to maximise the loss", finite, campaign.reach),
            _series(metric, "moved at random", {0.0: damage[0.0]} | chance, campaign.reach),
        ],
        note="95 % bootstrap bands",
    )


def _series(metric: Metric, name: str, damage: dict[float, Damage], reach: float) -> dict[str, Any]:
    bounds = [sorted(metric.natural(end) for end in one.interval) for one in damage.values()]
    return {
        "name": name,
        "x": [share * reach for share in damage],
        "y": [metric.natural(one.value) for one in damage.values()],
        "low": [low for low, _ in bounds],
        "high": [high for _, high in bounds],
    }
