"""Question 4: what does it cost to choose a checkpoint by its loss?"""

from __future__ import annotations

import copy

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


def measure(evidence: Evidence) -> Outcome:
    """Choose among the checkpoints on one half of the rows, by loss and by metric, and compare on the other half."""
    case = evidence.case
    if len(case.checkpoints) < 2 or not isinstance(case.model, nn.Module):
        why = "the case keeps no checkpoints; give Case(checkpoints=[state_dict, ...])"
        return Outcome((_idle("not_run", why),))
    if not evidence.by_metric.decomposable or not evidence.cost.separable:
        return Outcome((_idle("not_applicable", "loss or metric has no value for a row, so rows cannot be halved"),))
    scores = _scores(evidence, case.model)
    loss = torch.stack([evidence.by_loss.values(score) for score in scores])
    metric = torch.stack([evidence.by_metric.values(score) for score in scores])
    effect, interval, spread = _regret(evidence, loss, metric)
    contrary = _regret(evidence, -metric, metric)
    faithful = _regret(evidence, metric, metric)
    differ = float((metric.mean(-1).max() - metric.mean(-1).min()) / metric.mean(-1).abs().max().clamp_min(1e-12))
    controls = Controls(
        # Where all checkpoints are equally good, choosing the worst of them costs nothing either.
        positive=contrary[1][0] > 0 if differ > WARN else None,
        negative=faithful[0] == 0,
    )
    state = judge(
        effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls, detectable=detectable(spread)
    )
    by_loss, by_metric = int(loss.mean(-1).argmin()), int(metric.mean(-1).argmin())
    told = case.metric.told
    name = case.metric.name
    says = (
        f"of {len(scores)} checkpoints the loss chooses number {by_loss + 1} ({told(float(metric[by_loss].mean()))}), "
        f"{name} chooses {by_metric + 1} ({told(float(metric[by_metric].mean()))}); price of choosing by the loss on "
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
        evidence={"mean loss": loss.mean(-1), "mean shortfall of the metric": metric.mean(-1)},
        method="random halves, resampled within each; the checkpoint of the best mean loss against that of the best "
        "mean metric, both measured on the half that chose neither; warns beyond 2 %. Controls: choosing by the metric "
        "turned around, and by the metric itself. One test, so no correction",
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


def _scores(evidence: Evidence, model: nn.Module) -> list[Tensor]:
    states = evidence.case.checkpoints
    kept = torch.linspace(0, len(states) - 1, min(MOST, len(states))).round().long().unique()
    # A copy, because the user's model is left as it was found.
    copied = copy.deepcopy(model)
    found: list[Tensor] = []
    for index in kept.tolist():
        copied.load_state_dict(states[index])
        emitted = run(copied, evidence.inputs)
        found.append(emitted if evidence.space is None else evidence.space.read(emitted))
    return found


def _regret(evidence: Evidence, chooser: Tensor, metric: Tensor) -> tuple[float, tuple[float, float], float]:
    """What is lost by choosing by `chooser`, as a share of the metric: its mean, its interval and its spread."""
    rows = chooser.shape[-1]
    source = evidence.random("halves")
    found: list[Tensor] = []
    for _ in range(evidence.budget.draws // 2):
        first, second = torch.randperm(rows, generator=source).chunk(2)
        # Resampled within each half: a row that is in both would choose and judge at once.
        a = first[torch.randint(len(first), (len(first),), generator=source)]
        b = second[torch.randint(len(second), (len(second),), generator=source)]
        for own, other in ((a, b), (b, a)):
            chosen, best = chooser[:, own].mean(-1).argmin(), metric[:, own].mean(-1).argmin()
            judged = metric[:, other].mean(-1)
            found.append((judged[chosen] - judged[best]) / judged[best].abs().clamp_min(1e-12))
    drawn = torch.stack(found)
    return float(drawn.mean()), percentiles(drawn), float(drawn.std())
