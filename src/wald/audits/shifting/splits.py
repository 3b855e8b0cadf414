"""Declared shifts: the metric on rows from elsewhere or later, judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..evidence import Evidence, run
from ..grouping.members import FEWEST_CLUSTERS, units_of
from ..metrics import capitalised
from ..probe import ADVICE, Outcome
from ..statistics import Sample, whole_sample
from .elsewhere import Elsewhere, compare_samples
from .silent import QUESTION, silent

#: Without a tolerance of the user's: a metric this much worse elsewhere is worth a warning.
PRACTICAL = 0.1


def splits(evidence: Evidence) -> Outcome:
    """Compare the metric on each declared split with the metric on the test rows."""
    case, what = evidence.case, "the metric on shifted rows"
    if not case.shifted:
        return silent("R205", what, "the case gives no shifted", fix=ADVICE["shifted"], state="not_run")
    if case.model is None:
        return silent("R205", what, "the case gives no model", fix=ADVICE["model"], state="not_run")
    if (units := units_of(evidence.sample)) < FEWEST_CLUSTERS:
        return silent("R205", what, f"{units} test rows, or clusters of them, are too few to compare with")
    name, judged_on = _yardstick(evidence)
    if judged_on is None:
        why = f"{case.metric.name} needs columns that shifted rows do not have, and rows have no loss of their own"
        return silent("R205", what, why)
    draws = evidence.budget.draws if name == "the loss" or case.metric.decomposable else evidence.budget.whole_draws
    here = _cost(judged_on, evidence.score, evidence.target, evidence.sample, draws)
    others: list[tuple[str, float, Tensor]] = []
    for number, (split, (inputs, target)) in enumerate(case.shifted.items(), 1):
        rows = slice(0, evidence.budget.rows)
        prediction = run(case.model, inputs[rows])
        score = prediction if evidence.space is None else evidence.space.read(prediction)
        truth = target[rows].detach().cpu().to(evidence.target.dtype)
        # Draws of its own: rows of another sample are not paired with those of the test.
        sample = Sample(len(truth), evidence.seed + number, ordered=case.ordered)
        others.append((split, *_cost(judged_on, score, truth, sample, draws)))
    found = compare_samples(here, others)
    worst = max(found, key=lambda one: (one.interval[0], one.effect))
    tolerance = case.attack.tolerance
    controls = _split_controls(evidence, judged_on, draws, PRACTICAL if tolerance is None else tolerance)
    interval = (worst.interval[0], max(one.interval[1] for one in found))
    state = judge(
        effect=worst.effect,
        interval=interval,
        threshold=torch.inf if tolerance is None else tolerance,
        warn=PRACTICAL if tolerance is None else None,
        controls=controls,
    )
    told = _teller(evidence, name)
    says = (
        f"{name} is {told(worst.there)} on the rows {worst.name!r} and {told(worst.here)} on the test rows: "
        f"{abs(worst.effect):.0%} {'worse' if worst.effect > 0 else 'better'}"
    )
    finding = Finding(
        code="R205",
        state=state,
        question=QUESTION,
        says=says,
        fix="train on rows like these too, leave out features that mean something else there, or do not use the model "
        "there",
        effect=worst.effect,
        unit=f"of {name.removeprefix('the ')}",
        interval=interval,
        threshold=tolerance,
        detectable=worst.detectable,
        controls=controls,
        evidence={
            "splits": [one.name for one in found],
            "values": [one.there for one in found],
            "change": [one.effect for one in found],
            "intervals": [list(one.interval) for one in found],
        },
        method="bootstrap of either sample on its own, corrected for the number of splits (Bonferroni); "
        + (
            "warns beyond a tenth"
            if tolerance is None
            else f"against the tolerance of {tolerance:.0%} that the case states"
        )
        + ". Controls: one half of the test rows against the other, and with its predictions turned about their middle",
    )
    return Outcome((finding,), (_split_figure(name, found),), says)


def _yardstick(evidence: Evidence) -> tuple[str, Callable[..., Tensor | float] | None]:
    """What other rows are measured by: (score, target, weight) → one value a row, or one number."""
    metric = evidence.case.metric
    if not metric.columns:
        if metric.decomposable:
            return metric.name, lambda score, target, weight: metric.shortfall(
                metric.values(evidence.emit(score), target)
            )
        return metric.name, lambda score, target, weight: metric.shortfall(
            metric.value(evidence.emit(score), target, None, weight)
        )
    if evidence.cost.separable:
        # The columns of the metric are known for the test rows alone.
        return "the loss", lambda score, target, weight: evidence.cost.each(evidence.emit(score), target).detach()
    return metric.name, None


def _cost(
    judged_on: Callable[..., Tensor | float], score: Tensor, target: Tensor, sample: Sample, draws: int
) -> tuple[float, Tensor]:
    """What rows cost, and the bootstrap draws of that."""
    found = judged_on(score, target, sample.weight)
    bootstrap = sample.bootstrap(draws)
    if isinstance(found, Tensor):
        return sample.mean(found), bootstrap.means(found)

    def again(rows: Tensor) -> float:
        weight = None if sample.weight is None else sample.weight[rows]
        return float(judged_on(score[rows], target[rows], weight))

    return float(found), whole_sample(again, bootstrap)


def _split_controls(evidence: Evidence, judged_on: Callable[..., Tensor | float], draws: int, level: float) -> Controls:
    first, second = evidence.sample.halves("shift controls")
    draws = min(draws, 200)

    def cost(rows: Tensor, score: Tensor, offset: int) -> tuple[float, Tensor]:
        part = replace(evidence.sample.part(rows), seed=evidence.seed + offset)
        return _cost(judged_on, score, evidence.target[rows], part, draws)

    here = cost(first, evidence.score[first], 0)
    # Predictions that fall where they should rise.
    score = evidence.score
    turned = 2 * (score.median(0).values if evidence.space is None else evidence.space.centre(score)) - score
    (quiet,) = compare_samples(here, [("same", *cost(second, evidence.score[second], 1))], together=5)
    (loud,) = compare_samples(here, [("turned", *cost(second, turned[second], 1))])
    return Controls(positive=loud.interval[0] > 0, negative=quiet.interval[0] <= level)


def _teller(evidence: Evidence, name: str) -> Callable[[float], str]:
    return number_words if name == "the loss" else evidence.case.metric.told


def _split_figure(name: str, found: list[Elsewhere]) -> Figure:
    return Figure(
        kind="intervals",
        title=f"{capitalised(name.removeprefix('the '))} on shifted rows",
        caption="By how much worse (right) or better it is than on the test rows. Intervals hold for all at once.",
        x="change, as a share of the value on the test rows",
        series=[
            {
                "name": name.removeprefix("the "),
                "x": [one.effect for one in found],
                "low": [one.interval[0] for one in found],
                "high": [one.interval[1] for one in found],
                "labels": [one.name for one in found],
            }
        ],
        reference=0.0,
    )
