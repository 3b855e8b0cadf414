"""Question 2: what do gaps, jumps and spikes in a series do?"""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor
from torch.nn import functional

from ...findings import Controls, Figure, Finding, State, judge
from ..attacking import Record, Threat, Victim, deviations, exhibits
from ..attacking.interruptions import worst_interruptions
from ..case import Case
from ..costing.space import Regression
from ..evidence import Budget, Evidence, in_use
from ..metrics import capitalised
from ..probe import Outcome, Probe, Work
from ..statistics import detectable, percentiles

QUESTION = "robustness"

#: Inputs that all accidents at all places come to.
_TRIED = 49


def measure(evidence: Evidence) -> Outcome:
    """Let each accident happen at the place where it does most harm to each row."""
    if why := _no_reason(evidence):
        return Outcome(
            (Finding(code="R209", state="not_applicable", question=QUESTION, says=f"gaps and jumps: {why}"),)
        )
    order = torch.randperm(evidence.rows, generator=evidence.random("interrupted"))
    chosen = order[: evidence.budget.attacked].sort().values
    with in_use(evidence.model):
        victim = Victim.of(evidence, chosen)
        threat = Threat.of(evidence)
        # Accidents go beyond what was seen, so only what the case itself rules out limits them.
        space = evidence.case.input_space
        scale = torch.where(threat.scale > 0, deviations(evidence, evidence.inputs), 0.0)
        limits = (
            threat.low if space.low is not None else torch.full_like(threat.low, -torch.inf),
            threat.high if space.high is not None else torch.full_like(threat.high, torch.inf),
        )
        return _told(evidence, victim, chosen, scale, limits)


def _work(case: Case, budget: Budget) -> Work:
    rows = max(1, min(budget.rows, len(case.test[1])))
    return Work(passes=_TRIED * min(1.0, budget.attacked / rows) if case.input_space.series else 0)


INTERRUPTIONS = Probe(
    "interruptions",
    QUESTION,
    "R209",
    "gaps, jumps and spikes in a series",
    measure,
    needs=("model",),
    least="standard",
    work=_work,
)


def _no_reason(evidence: Evidence) -> str:
    if not evidence.case.input_space.series:
        return "the case does not say that its inputs are series; if they are, InputSpace(series=True)"
    if evidence.inputs.ndim not in (2, 3) or not evidence.inputs.is_floating_point():
        return f"series are real numbers (rows, steps) or (rows, steps, features), not {tuple(evidence.inputs.shape)}"
    if not evidence.cost.separable or not evidence.case.metric.decomposable:
        return "the loss or the metric has no value for a row"
    return ""


def _told(evidence: Evidence, victim: Victim, chosen: Tensor, scale: Tensor, limits: tuple[Tensor, Tensor]) -> Outcome:
    metric, tolerance = evidence.case.metric, evidence.case.attack.tolerance
    sample = evidence.sample.part(chosen)
    bootstrap = sample.bootstrap(evidence.budget.draws)
    plain = Record(victim).harm
    records = dict(worst_interruptions(victim, limits, scale))
    costs = {name: sample.mean(record.harm) for name, record in records.items()}
    name = max(costs, key=lambda one: costs[one])
    worst = records[name].harm
    least = max(float(worst.abs().amax()) / len(worst), 1e-12)
    before, drawn = sample.mean(plain), bootstrap.means(torch.stack([plain, worst]))
    gain = (drawn[1] - drawn[0]) / drawn[0].abs().clamp_min(least)
    effect, interval = (costs[name] - before) / max(abs(before), least), percentiles(gain)
    controls = _controls(victim, scale, limits)
    says = (
        f"{name} takes {metric.name} from {metric.told(before)} to {metric.told(costs[name])}, where it does most harm"
    )
    state: State = "not_applicable"
    if tolerance is None:
        says += "; no tolerance was stated, so this is a measurement and no verdict"
    else:
        # How large such accidents are is assumed here and not said by the case, so this warns and never fails.
        state = judge(effect=effect, interval=interval, threshold=inf, warn=tolerance, controls=controls)
    finding = Finding(
        code="R209",
        state=state,
        question=QUESTION,
        says=says,
        fix="train on series with gaps and jumps, give the model a flag for what is missing, and refuse to predict "
        "when a feed has frozen",
        effect=effect,
        unit=f"of {metric.name}",
        interval=interval,
        detectable=detectable(float(gain[gain.isfinite()].std())),
        controls=controls,
        evidence={
            "metric": {one: metric.natural(cost) for one, cost in costs.items()},
            "worst rows": exhibits(records[name], evidence.chosen[chosen], scale, ()),
        },
        method=f"{len(chosen)} rows; each accident at several places, the worst for each row; paired bootstrap. "
        "Controls: a forecast that repeats the last value, which a jump moves by its size, and a constant one. Warns "
        "beyond the tolerance of the attack",
    )
    return Outcome((finding,), (_figure(evidence, costs, before, records),), says)


def _controls(victim: Victim, scale: Tensor, limits: tuple[Tensor, Tensor]) -> Controls:
    few = victim.part(victim.everyone[:100])
    first = (scale.reshape(scale.shape[0], -1)[-1] > 0).nonzero()
    if not len(first):
        return Controls()
    entry, kind = int(first[0]), few.inputs.dtype

    def last(x: Tensor) -> Tensor:
        return x.reshape(len(x), x.shape[1], -1)[:, -1, entry]

    def constant(x: Tensor) -> Tensor:
        return torch.zeros(len(x), dtype=kind, device=x.device)

    def apart(score: Tensor, target: Tensor) -> Tensor:
        return functional.l1_loss(score, target, reduction="none")

    def harm(forward: object, truth: Tensor) -> dict[str, float]:
        model = Victim(forward, few.inputs, truth, apart, Regression())  # type: ignore[arg-type]
        start = Record(model).most
        return {name: float((record.most - start).mean()) for name, record in worst_interruptions(model, limits, scale)}

    moved = harm(last, last(few.inputs))
    jumps = [value for name, value in moved.items() if "jump" in name]
    return Controls(positive=jumps[0] > 0, negative=max(harm(constant, last(few.inputs)).values()) == 0)


def _figure(evidence: Evidence, costs: dict[str, float], before: float, records: dict[str, Record]) -> Figure:
    metric = evidence.case.metric
    return Figure(
        kind="bars",
        title=f"{capitalised(metric.name)} when a series is interrupted",
        caption=f"{capitalised(metric.name)} with each accident at its worst place; the line is {metric.name} without.",
        y=metric.describe(),
        series=[{"name": metric.name, "labels": list(costs), "y": [metric.natural(one) for one in costs.values()]}],
        reference=metric.natural(before),
        note=f"{len(next(iter(records.values())).harm)} rows",
    )
