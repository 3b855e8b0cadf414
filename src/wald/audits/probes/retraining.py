"""Question 1, by training: what would the metric be, had the model been trained with a loss made for it?"""

from __future__ import annotations

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Controls, Figure, Finding, judge
from ..aligning.consistent import consistent_loss
from ..case import Case
from ..evidence import Budget, Evidence
from ..probe import Outcome, Probe, Work
from ..training.fitting import CannotTrain, refits, scores
from ..training.trials import Estimate, mean_of

QUESTION = "alignment"

#: What the case's loss costs, as a share of the metric.
WARN, FAIL = 0.02, 0.1

#: Trainings with each loss.
SEEDS = 5


def measure(evidence: Evidence) -> Outcome:
    """Train with both losses on the same seeds, and compare the metric seed by seed."""
    case = evidence.case
    other = consistent_loss(case.metric.elicits, evidence.space)
    if why := _needless(evidence, other):
        return Outcome((_idle(why),))
    try:
        own = _scores(evidence, case.loss)
        made = _scores(evidence, other)
    except CannotTrain as error:
        finding = Finding(code="A103", state="not_run", question=QUESTION, says=f"training again: {error}")
        return Outcome((finding,))
    if not all(bool(one.isfinite().all()) for one in (*own, *made)):
        return Outcome((_idle("a training ended with predictions that are not finite", "inconclusive"),))
    cost = compared(evidence, own, made)
    controls = _controls(evidence, own, made)
    state = judge(
        effect=cost.value,
        interval=cost.interval,
        threshold=FAIL,
        warn=WARN,
        controls=controls,
        detectable=cost.detectable,
    )
    ours, theirs = _values(evidence, own), _values(evidence, made)
    wins = int((theirs < ours).sum())
    told, name = case.metric.told, case.metric.name
    better = str(other) if isinstance(other, Loss) else "the log loss"
    says = (
        f"over {SEEDS} seeds each, training with {better} instead takes {name} from {told(float(ours.mean()))} to "
        f"{told(float(theirs.mean()))} and wins {wins} of {SEEDS}: the loss costs {cost.value:+.1%} "
        f"[{cost.interval[0]:+.1%}, {cost.interval[1]:+.1%}] of {name}"
    )
    finding = Finding(
        code="A103",
        state=state,
        question=QUESTION,
        says=says,
        fix=f"train with {better}: its minimiser is the {case.metric.elicits}, which is what {name} rewards",
        effect=cost.value,
        unit=f"of {name}",
        interval=cost.interval,
        threshold=FAIL,
        detectable=cost.detectable,
        controls=controls,
        evidence={"loss for the metric": better, "with the loss": ours, "with the other": theirs, "wins": wins},
        method=f"{SEEDS} trainings with each loss on the same seeds by the case's own refit; Student's interval of the "
        "differences over seeds, with the spread of the test rows; warns beyond 2 %. Controls: the second loss with "
        "predictions of a third of the rows mixed up, and the first seeds of a loss against its last. One test",
        source="Gneiting 2011, doi:10.1198/jasa.2011.r10138",
    )
    answer = f"training with a loss made for {name} changes it by {-cost.value:+.1%} over {SEEDS} seeds"
    return Outcome((finding,), (_figure(evidence, ours, theirs, better),), answer)


def _work(case: Case, budget: Budget) -> Work:
    return Work(passes=2 * SEEDS, fits=2 * SEEDS)


RETRAINING = Probe(
    "retraining",
    QUESTION,
    "A103",
    "training again with a loss that is consistent for the metric",
    measure,
    needs=("refit",),
    least="deep",
    work=_work,
)


def _idle(why: str, state: str = "not_applicable") -> Finding:
    return Finding(
        code="A103",
        state="inconclusive" if state == "inconclusive" else "not_applicable",
        question=QUESTION,
        says=f"training again with a loss made for the metric: {why}",
    )


def _needless(evidence: Evidence, other: object) -> str:
    """Why there is nothing to compare; empty where there is."""
    metric = evidence.case.metric
    if metric.elicits is None:
        return f"what {metric.name} rewards is not known; say so with Metric(elicits=...)"
    if other is None:
        return f"the catalogue has no loss whose minimiser is the {metric.elicits} for this kind of prediction"
    if other == evidence.case.loss:
        return f"it was trained with {other}, which is made for {metric.name}"
    if evidence.measured_card.get("elicits") == metric.elicits:
        return f"the loss has the {metric.elicits} as its minimiser already, which is what {metric.name} rewards"
    return ""


def _scores(evidence: Evidence, loss: object) -> list[Tensor]:
    return [scores(evidence, model) for model in refits(evidence, loss, SEEDS)]


def _values(evidence: Evidence, made: list[Tensor]) -> Tensor:
    return torch.tensor([evidence.by_metric.mean(one) for one in made], dtype=torch.float64)


def compared(evidence: Evidence, first: list[Tensor], second: list[Tensor]) -> Estimate:
    """What the first models cost beyond the second, pair by pair, as a share of the first."""
    ours, theirs = _values(evidence, first), _values(evidence, second)
    scale = max(float(ours.abs().mean()), 1e-12)
    stick, besides = evidence.by_metric, 0.0
    if stick.decomposable:
        both = torch.stack([torch.stack([stick.values(one) for one in side]).mean(0) for side in (first, second)])
        drawn = evidence.bootstrap.means(both)
        besides = float((drawn[0] - drawn[1]).std()) / scale
    return mean_of((ours - theirs) / scale, besides=besides)


def _controls(evidence: Evidence, own: list[Tensor], made: list[Tensor]) -> Controls:
    source = evidence.random("retraining controls")
    worse: list[Tensor] = []
    for one in made:
        mixed = one.clone()
        some = torch.randperm(evidence.rows, generator=source)[: max(2, evidence.rows // 3)]
        mixed[some] = one[some[torch.randperm(len(some), generator=source)]]
        worse.append(mixed)
    half = SEEDS // 2
    twin = compared(evidence, own[:half], own[-half:])
    return Controls(
        positive=compared(evidence, worse, made).interval[0] > 0,
        # Two pairs of equals: their interval is wide, so that it errs rarely.
        negative=not twin.interval[0] > FAIL,
    )


def _figure(evidence: Evidence, ours: Tensor, theirs: Tensor, better: str) -> Figure:
    metric = evidence.case.metric
    seeds = list(range(1, len(ours) + 1))
    return Figure(
        kind="scatter",
        title=f"{metric.name} by seed, with either loss".capitalize(),
        caption="Each training once with the case's loss and once with one made for the metric.",
        x="seed",
        y=metric.describe(),
        series=[
            {"name": "the case's loss", "x": seeds, "y": [metric.natural(one) for one in ours.tolist()]},
            {"name": better, "x": seeds, "y": [metric.natural(one) for one in theirs.tolist()]},
        ],
    )
