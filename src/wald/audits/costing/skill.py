"""Predictions against what takes no skill: the best constant, and in order of time the last value."""

from __future__ import annotations

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ...findings.words import number_words
from ..aligning.retarget import recalibrate
from ..evidence import Evidence
from ..statistics import Bootstrap, percentiles
from .space import Space
from .yardstick import Yardstick

#: A cheat of series; where the next value is like the last one, it is an honest forecast.
LAST = "always the last value"


def skill(evidence: Evidence, space: Space, stick: Yardstick, code: str, by: str) -> tuple[Finding, str]:
    """The model as it is, against the best constant there is on these very rows."""
    bootstrap = evidence.bootstrap_for(stick)
    score = evidence.score
    constant, name = _best_constant(evidence, space, stick)
    effect, interval = _edge(stick, score, constant, bootstrap)
    source = evidence.random("skill")
    shuffled = score[torch.randperm(len(score), generator=source)]
    knowing = space.perfect(score, evidence.target, 8.0)
    # By a loss that is known to be sound: a degenerate one must not make the comparison itself look broken.
    sound = evidence.judged_by_values(space.reference)
    guess, _ = _best_constant(evidence, space, sound)
    controls = Controls(
        positive=_edge(sound, shuffled, guess, evidence.bootstrap)[1][0] <= 0,
        negative=_edge(sound, knowing, guess, evidence.bootstrap)[1][1] > 0,
    )
    state = judge(effect=effect, interval=interval, threshold=0.0, controls=controls, worse="below")
    metric = evidence.case.metric
    told = number_words if stick is evidence.by_loss else metric.told
    pair = f"{told(stick.mean(score))} against {told(stick.mean(constant))}"
    series = name.startswith(LAST)
    best, any_one = (
        ("repeating the last value",) * 2 if series else (f"the best constant ({name})", f"a constant ({name})")
    )
    words = {
        "pass": f"by {by} the model beats {best}: {pair}",
        "fail": f"by {by} the model is worse than {any_one}: {pair}",
    }
    says = words.get(state, f"by {by} the model is not shown to beat {best}: {pair}")
    finding = Finding(
        code=code,
        state=state,
        question="gaming",
        says=says,
        fix="undo what the loss does to probabilities before decisions are taken, or use the constant: it is cheaper"
        if stick is evidence.by_metric
        else "train longer, or with other features: as it stands a constant does as well",
        effect=effect,
        unit="of the constant's cost",
        interval=interval,
        threshold=0.0,
        controls=controls,
        evidence={"constant": name, "model": stick.mean(score), "best constant": stick.mean(constant)},
        method="the model as it is, against the constant (in order of time also the last value) that is best on these "
        "same rows, which favours the constant; paired bootstrap. Controls, by a proper loss: the predictions shuffled "
        "among the rows, and the targets",
    )
    return finding, says


def _best_constant(evidence: Evidence, space: Space, stick: Yardstick) -> tuple[Tensor, str]:
    score = evidence.score
    tried = {name: value.expand_as(score) for name, value in space.constants(score, evidence.target).items()}
    if evidence.case.ordered:
        tried[LAST] = last_value(evidence, space)
    everyone = torch.arange(evidence.rows)
    costs = stick.means(torch.stack(list(tried.values())), everyone).nan_to_num(nan=torch.inf)
    name = list(tried)[int(costs.argmin())]
    start = tried[name]
    if not stick.decomposable:
        return start, name
    moved = recalibrate(space, stick, start, evidence.target, everyone)(start)
    if stick.mean(moved) < float(costs.min()) * (1 - 1e-6):
        value = evidence.emit(moved[:1])[0]
        shown = f"always {number_words(float(value))}" if value.ndim == 0 else "the best constant logits"
        return moved, f"{name}, scaled and shifted" if name == LAST else shown
    return start, name


def _edge(stick: Yardstick, score: Tensor, constant: Tensor, bootstrap: Bootstrap) -> tuple[float, tuple[float, float]]:
    """How much less the score costs, as a share of what the constant costs."""
    own, base = stick.mean(score), stick.mean(constant)
    # A constant that costs nothing would make the share infinite.
    least = max(1e-3 * abs(own), 1e-12)
    drawn = stick.draws(torch.stack([score, constant]), bootstrap)
    return (base - own) / max(abs(base), least), percentiles((drawn[1] - drawn[0]) / drawn[1].abs().clamp_min(least))


def last_value(evidence: Evidence, space: Space) -> Tensor:
    """What happened in the row before, of the same cluster where there are clusters; in the first of all, its own."""
    target, cluster = evidence.target, evidence.sample.cluster
    order = torch.arange(len(target)) if cluster is None else cluster.argsort(stable=True)
    before = torch.cat([order[:1], order[:-1]])
    if cluster is not None:
        # The first row of a cluster has nothing before it: it repeats what the commonest of all rows had.
        first = cluster[before] != cluster[order]
        before = torch.where(first, target.argsort()[len(target) // 2], before)
    last = torch.empty_like(target)
    last[order] = target[before]
    return space.perfect(evidence.score, last, 1.0)
