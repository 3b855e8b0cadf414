"""Early rows against late ones, as a measurement."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ...findings import Finding
from ..evidence import Evidence
from ..probe import Outcome
from ..statistics import whole_sample
from .elsewhere import compare_samples
from .silent import QUESTION, silent


def times(evidence: Evidence) -> Outcome:
    """Compare the metric on the early half with the metric on the late half, where rows come in order of time."""
    what = "early rows against late ones"
    if not evidence.sample.ordered:
        return silent("R214", what, "the test rows are in no order of time; Case(ordered=True) says that they are")
    if evidence.rows < 40:
        return silent("R214", what, f"{evidence.rows} rows are too few to halve")
    early, late = evidence.sample.halves("times")
    stick, draws = evidence.by_metric, evidence.budget.draws

    def cost(rows: Tensor, offset: int) -> tuple[float, Tensor]:
        bootstrap = replace(evidence.sample.part(rows), seed=evidence.seed + offset).bootstrap
        score = evidence.score[rows]
        if stick.decomposable:
            return stick.mean(score, rows), bootstrap(draws).means(stick.values(score, rows))
        again = bootstrap(evidence.budget.whole_draws)
        return stick.mean(score, rows), whole_sample(lambda drawn: stick.mean(score[drawn], rows[drawn]), again)

    (found,) = compare_samples(cost(early, 0), [("late", *cost(late, 1))])
    metric = evidence.case.metric
    says = (
        f"{metric.name} is {metric.told(found.here)} on the early half of the test rows and {metric.told(found.there)} "
        f"on the late half; this is a measurement and no verdict"
    )
    finding = Finding(
        code="R214",
        state="not_applicable",
        question=QUESTION,
        says=says,
        effect=found.effect,
        unit=f"of {metric.name}",
        interval=found.interval,
        detectable=found.detectable,
        method="bootstrap in blocks of time, of either half on its own",
    )
    return Outcome((finding,))
