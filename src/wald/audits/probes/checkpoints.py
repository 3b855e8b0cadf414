"""Question 4: what does it cost to choose a checkpoint by its loss?"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from ...findings import Controls, Finding, judge
from ..evidence import Evidence, run
from ..probe import Outcome, Probe
from ..statistics import detectable, percentiles

QUESTION = "metric correlation"
WARN, FAIL = 0.02, 0.10

#: Checkpoints that are looked at, at most.
MOST = 40

#: Ways to halve the rows.
SPLITS = 10


def measure(evidence: Evidence) -> Outcome:
    """Choose among the checkpoints on one half of the rows, by loss and by metric, and compare on the other half."""
    case = evidence.case
    if len(case.checkpoints) < 2 or not isinstance(case.model, nn.Module):
        why = "the case keeps no checkpoints; give Case(checkpoints=[state_dict, ...])"
        return Outcome((_idle("not_run", why),))
    if not evidence.by_metric.decomposable or not evidence.cost.separable:
        return Outcome((_idle("not_applicable", "loss or metric has no value for a row, so rows cannot be halved"),))
    numbers, scores = _scores(evidence, case.model)
    if len(scores) < 2:
        return Outcome((_idle("not_applicable", "fewer than two checkpoints predict finite numbers"),))
    loss = torch.stack([evidence.by_loss.values(score) for score in scores])
    metric = torch.stack([evidence.by_metric.values(score) for score in scores])
    effect, interval, spread = _regret(evidence, loss, metric)
    ruined = torch.cat([metric, _ruined(evidence, scores, metric)])
    contrary = _regret(evidence, -ruined, ruined)
    faithful = _regret(evidence, metric, metric)
    losses = [evidence.sample.mean(values) for values in loss]
    metrics = [evidence.sample.mean(values) for values in metric]
    controls = Controls(
        # Where predictions are worth nothing, mixing them up costs nothing either.
        positive=contrary[1][0] > 0 if contrary[0] > WARN else None,
        negative=faithful[0] == 0,
    )
    state = judge(
        effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls, detectable=detectable(spread)
    )
    by_loss, by_metric = losses.index(min(losses)), metrics.index(min(metrics))
    told = case.metric.told
    name = case.metric.name
    says = (
        f"of {len(scores)} checkpoints the loss chooses number {numbers[by_loss]} ({told(metrics[by_loss])}), "
        f"{name} chooses {numbers[by_metric]} ({told(metrics[by_metric])}); price of choosing by the loss on "
        "one half of the rows, measured on the other"
    )
    finding = Finding(
        code="M402",
        state=state,
        question=QUESTION,
        says=says,
        fix=f"keep the checkpoint with the best {name} on held-out rows",
        effect=effect,
        unit=f"of {name}",
        interval=interval,
        threshold=FAIL,
        detectable=detectable(spread),
        controls=controls,
        evidence={"checkpoints": numbers, "mean loss": losses, "mean shortfall of the metric": metrics},
        method="random halves (early and late where rows are in order of time; no cluster is split), resampled within "
        "each with their weights; the checkpoint of the best mean loss against that of the best "
        "mean metric, both measured on the half that chose neither; warns beyond 2 %. Controls: choosing by the metric "
        "turned around, with a checkpoint beside whose predictions are mixed up, and by the "
        "metric itself. One test, so no correction",
    )
    return Outcome(
        (finding,),
        answer=f"choosing the checkpoint by its loss costs {effect:+.1%} [{interval[0]:.1%}, {interval[1]:.1%}] of "
        f"{name}",
    )


CHECKPOINTS = Probe(
    "checkpoints",
    QUESTION,
    "M402",
    "the cost of choosing by the loss",
    measure,
    needs=("module", "checkpoints"),
    least="standard",
)


def _idle(state: str, why: str) -> Finding:
    return Finding(
        code="M402",
        state="not_run" if state == "not_run" else "not_applicable",
        question=QUESTION,
        says=f"the cost of choosing a checkpoint by its loss: {why}",
    )


def _scores(evidence: Evidence, model: nn.Module) -> tuple[list[int], list[Tensor]]:
    """The scores of the checkpoints, and their numbers; one that predicts no numbers is left out."""
    states = evidence.case.checkpoints
    kept = torch.linspace(0, len(states) - 1, min(MOST, len(states))).round().long().unique()
    # A copy, because the user's model is left as it was found.
    copied = copy.deepcopy(model)
    numbers: list[int] = []
    found: list[Tensor] = []
    for index in kept.tolist():
        copied.load_state_dict(states[index])
        emitted = run(copied, evidence.inputs)
        if bool(emitted.isfinite().all()):
            numbers.append(index + 1)
            found.append(emitted if evidence.space is None else evidence.space.read(emitted))
    return numbers, found


def _ruined(evidence: Evidence, scores: list[Tensor], metric: Tensor) -> Tensor:
    """The metric of the best checkpoint with its predictions given to other rows, (1, rows)."""
    best = min(zip(scores, metric, strict=True), key=lambda pair: evidence.sample.mean(pair[1]))[0]
    order = torch.randperm(evidence.rows, generator=evidence.random("ruined"))
    return evidence.by_metric.values(best[order])[None]


def _regret(evidence: Evidence, chooser: Tensor, metric: Tensor) -> tuple[float, tuple[float, float], float]:
    """What is lost by choosing by `chooser`, as a share of the metric: its mean, its interval and its spread."""
    sample = evidence.sample
    # Early and late halves of rows in order of time are always the same two.
    splits = 1 if sample.ordered and sample.cluster is None else SPLITS
    found: list[Tensor] = []
    for split in range(splits):
        halves = sample.halves("checkpoints", split)
        # Resampled within each half: a row that is in both would choose and judge at once.
        drawn = [
            replace(sample.part(rows), seed=sample.seed + 2 * split + side)
            .bootstrap(evidence.budget.draws // (2 * splits))
            .means(torch.stack([chooser[:, rows], metric[:, rows]]))
            for side, rows in enumerate(halves)
        ]
        for own, other in (drawn, drawn[::-1]):
            chosen, best, judged = own[0].argmin(0), own[1].argmin(0), other[1]
            kept = judged.gather(0, torch.stack([chosen, best]))
            found.append((kept[0] - kept[1]) / kept[1].abs().clamp_min(1e-12))
    every = torch.cat(found)
    effect, (low, high) = float(every.mean()), percentiles(every)
    # Where a wrong choice is rare, the mean lies beside nearly all draws.
    return effect, (min(low, effect), max(high, effect)), float(every.std())
