"""Question 3: can the loss be won without doing the job?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Controls, Finding, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..retarget import recalibrate, retarget
from ..space import Space
from ..statistics import Bootstrap, percentiles
from ..yardstick import Yardstick

QUESTION = "gaming"

#: An honest prediction must beat every cheat by this share of the cheat's loss.
ADVANTAGE = 0.001

#: A cheat of series; where the next value is like the last one, it is an honest forecast.
_LAST = "always the last value"

#: How sure of the targets a prediction is that knows them: some losses like too sure a one no better than a wrong one.
_SURE = (1.0, 3.0, 8.0, 30.0)


@dataclass(frozen=True)
class _Cheat:
    """A prediction that does not do the job."""

    name: str
    score: Tensor


@dataclass(frozen=True)
class _Match:
    """The honest prediction against the cheat that comes nearest to it, by the loss.

    Attributes:
        cheat: the cheat.
        advantage: how much less the honest prediction loses, as a share of the cheat's loss.
        interval: of the advantage.
        honest_loss: what the honest prediction loses.
        cheat_loss: what the cheat loses.
    """

    cheat: _Cheat
    advantage: float
    interval: tuple[float, float]
    honest_loss: float
    cheat_loss: float

    @property
    def fooled(self) -> bool:
        return self.interval[1] < ADVANTAGE


def measure(evidence: Evidence) -> Outcome:
    """Play cheap cheats against the honest predictions, and the model against the best constant."""
    if evidence.space is None:
        said = "cheap cheats: none are known for this task"
        return Outcome((Finding(code="G301", state="not_applicable", question=QUESTION, says=said),))
    space = evidence.space
    everyone = torch.arange(evidence.rows)
    honest = _best_reading(evidence, space, evidence.by_loss)
    cheats = _cheats(evidence, space)
    match = _match(evidence, evidence.by_loss, honest, cheats)
    meant = retarget(space, evidence.by_metric, evidence.score, evidence.target, everyone)(evidence.score)
    if match.cheat.name == _LAST and evidence.by_metric.mean(match.cheat.score) <= evidence.by_metric.mean(meant):
        # It wins by the metric too, so it does the job and is no cheat; that the model does it worse is told below.
        cheats = cheats[:-1]
        match = _match(evidence, evidence.by_loss, honest, cheats)
    fooled, answer = _cheap(evidence, space, match, meant, cheats)
    skill_loss, _ = _skill(evidence, space, evidence.by_loss, "G303", "the loss")
    skill_metric, metric_answer = _skill(evidence, space, evidence.by_metric, "G304", evidence.case.metric.name)
    perfect = _perfect(evidence, space, match, honest)
    told = [answer, metric_answer]
    if skill_metric.state == "fail" != fooled.state:
        # What is wrong comes first.
        told.reverse()
    return Outcome((fooled, perfect, skill_loss, skill_metric), answer="; ".join(told))


GAMING = Probe("gaming", QUESTION, "G301", "cheap cheats and constants", measure)


def _cheats(evidence: Evidence, space: Space) -> list[_Cheat]:
    """Predictions that know nothing of their row, or turn what they know around."""
    score = evidence.score
    shuffled = score[torch.randperm(len(score), generator=evidence.random("shuffled"))]
    found = [_Cheat(name, value.expand_as(score)) for name, value in space.constants(score, evidence.target).items()]
    found.append(_Cheat("the honest predictions, shuffled among the rows", shuffled))
    found.append(_Cheat("the honest predictions, turned around", 2 * space.centre(score) - score))
    if evidence.case.ordered:
        found.append(_Cheat(_LAST, _last(evidence, space)))
    return found


def _last(evidence: Evidence, space: Space) -> Tensor:
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


def _best_reading(evidence: Evidence, space: Space, stick: Yardstick) -> Tensor:
    """The model's predictions after the scale and shift that this loss likes best.

    Without it a loss that wants its predictions shifted, as with a class weight, would seem to prefer a constant.
    """
    everyone = torch.arange(evidence.rows)
    return recalibrate(space, stick, evidence.score, evidence.target, everyone, flat=True)(evidence.score)


def _match(evidence: Evidence, stick: Yardstick, honest: Tensor, cheats: list[_Cheat]) -> _Match:
    bootstrap = evidence.bootstrap_for(stick)
    scores = torch.stack([honest, *(one.score for one in cheats)])
    everyone = torch.arange(evidence.rows)
    points = stick.means(scores, everyone)
    # A loss that breaks on a cheat is the business of the edge cases; here it has not been won.
    points = points.nan_to_num(nan=torch.inf, posinf=torch.inf)
    best = int(points[1:].argmin()) + 1
    drawn = stick.draws(scores[[0, best]], bootstrap)
    scale = points[best].abs().clamp_min(1e-12)
    advantage = float((points[best] - points[0]) / scale)
    return _Match(
        cheats[best - 1],
        advantage,
        percentiles((drawn[1] - drawn[0]) / drawn[1].abs().clamp_min(1e-12)),
        float(points[0]),
        float(points[best]),
    )


def _cheap(evidence: Evidence, space: Space, match: _Match, meant: Tensor, cheats: list[_Cheat]) -> tuple[Finding, str]:
    metric, stick = evidence.case.metric, evidence.by_metric
    controls = _controls(evidence, space, cheats)
    state = judge(
        effect=match.advantage, interval=match.interval, threshold=ADVANTAGE, controls=controls, worse="below"
    )
    drawn = stick.draws(torch.stack([meant, match.cheat.score]), evidence.bootstrap_for(stick))
    lost = percentiles(drawn[1] - drawn[0])
    honest_metric, cheat_metric = stick.mean(meant), stick.mean(match.cheat.score)
    exhibit = {
        "cheat": match.cheat.name,
        "loss of the cheat": match.cheat_loss,
        "loss of the honest prediction": match.honest_loss,
        "metric of the cheat": metric.natural(cheat_metric),
        "metric of the honest prediction": metric.natural(honest_metric),
        "what the cheat loses by the metric": lost,
    }
    pair = (
        f"{match.cheat.name} has loss {number_words(match.cheat_loss)} and {metric.name} {metric.told(cheat_metric)}, "
        f"the honest predictions {number_words(match.honest_loss)} and {metric.told(honest_metric)}"
    )
    if state == "fail" and not lost[0] > 0:
        state = "inconclusive"
        says = f"a cheat wins the loss, but it is not shown to do worse by the metric: {pair}"
    elif state == "fail":
        says = f"FOOLED: {pair}"
    elif state == "pass":
        says = f"RESISTED: of {len(cheats)} cheats none wins; the nearest, {pair}"
    else:
        says = f"not settled: the nearest of {len(cheats)} cheats, {pair}"
    finding = Finding(
        code="G301",
        state=state,
        question=QUESTION,
        says=says,
        fix="use a loss whose best constant costs more than an honest prediction, such as a proper one "
        "(BinaryCrossEntropy, CrossEntropy, Squared)",
        effect=match.advantage,
        unit="of the cheat's loss",
        interval=match.interval,
        threshold=ADVANTAGE,
        controls=controls,
        evidence=exhibit | _constant_evidence(evidence, match.cheat),
        method=f"{len(cheats)} predictions without information, or turned around, against the model's own after the "
        "scale and shift that this loss likes best; paired bootstrap over rows. Controls: a loss that forgets one "
        "kind of mistake, and a proper one",
    )
    answer = {
        "fail": f"yes: {match.cheat.name} beats honest predictions by the loss, and loses by {metric.name}",
        "pass": f"no cheap cheat wins: the nearest, {match.cheat.name}, loses by {match.advantage:.1%}",
    }.get(state, f"not settled: {match.cheat.name} is as good as honest predictions by the loss")
    return finding, answer


def _constant_evidence(evidence: Evidence, cheat: _Cheat) -> dict[str, str]:
    """Two lines that show what a constant costs."""
    if not isinstance(evidence.case.loss, Loss) or cheat.score.ndim != 1 or bool((cheat.score != cheat.score[0]).any()):
        return {}
    value = float(evidence.emit(cheat.score[:1])[0])
    lines = f"x, y = case.test\nprint({evidence.case.loss!r}(torch.full((len(y),), {value:.6g}), y))"
    return {"reproduce": lines}


def _controls(evidence: Evidence, space: Space, cheats: list[_Cheat]) -> Controls:
    """The same match, by a loss that is known to be foolable and by one that is known to be sound."""

    def played(each: Callable[[Tensor, Tensor], Tensor]) -> _Match:
        stick = evidence.judged_by_values(each)
        return _match(evidence, stick, _best_reading(evidence, space, stick), cheats)

    def forgetful(score: Tensor, target: Tensor) -> Tensor:
        # Only what is missed costs anything, so that always shouting is best.
        if space.task == "regression":
            return score - target
        if space.task == "binary":
            return target * torch.nn.functional.softplus(-score)
        return 1 - score.softmax(-1)[:, 0]

    def sound(score: Tensor, target: Tensor) -> Tensor:
        return space.reference(score, target)

    return Controls(positive=played(forgetful).fooled, negative=not played(sound).fooled)


def _perfect(evidence: Evidence, space: Space, match: _Match, honest: Tensor) -> Finding:
    """Whether knowing the target is worth it."""
    stick = evidence.by_loss
    everyone = torch.arange(evidence.rows)

    knowing = [space.perfect(evidence.score, evidence.target, size) for size in _SURE]
    # What is as sure, and as wrong, as can be: a loss with its sign turned likes that best.
    contrary = [2 * one.mean() - one if space.task == "regression" else -one for one in knowing]
    rivals = [honest, match.cheat.score, *contrary]

    def gap(stick: Yardstick) -> float:
        best, other = (
            float(stick.means(torch.stack(scores), everyone).nan_to_num(nan=torch.inf).min())
            for scores in (knowing, rivals)
        )
        return (other - best) / max(abs(other), 1e-12)

    def turned(score: Tensor, target: Tensor) -> Tensor:
        return -space.reference(score, target)

    effect = gap(stick)
    controls = Controls(
        positive=gap(evidence.judged_by_values(turned)) < 0,
        negative=gap(evidence.judged_by_values(space.reference)) >= 0,
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=0.0, controls=controls, worse="below")
    return Finding(
        code="G302",
        state=state,
        question=QUESTION,
        says="predicting the targets themselves costs less than anything else that was tried"
        if effect >= 0
        else f"predicting the targets themselves costs {number_words(-effect)} of the loss MORE than a prediction "
        "that does not know them",
        fix="the sign, a missing absolute value, a broadcast, or the order of the arguments is wrong",
        effect=effect,
        unit="of the loss",
        interval=(effect, effect),
        threshold=0.0,
        controls=controls,
        method="the loss at the targets (several degrees of certainty), against the honest predictions, the best "
        "cheat and the targets turned around; exact on these rows. Controls: a proper loss with its sign turned, and "
        "as it is",
    )


def _skill(evidence: Evidence, space: Space, stick: Yardstick, code: str, by: str) -> tuple[Finding, str]:
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
    words = {
        "pass": f"by {by} the model beats the best constant ({name}): {pair}",
        "fail": f"by {by} the model is worse than a constant ({name}): {pair}",
    }
    says = words.get(state, f"by {by} the model is not shown to beat the best constant ({name}): {pair}")
    finding = Finding(
        code=code,
        state=state,
        question=QUESTION,
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
        method="the model as it is, against the constant (in order of time also the last value) that is best on "
        "these same rows, which favours the constant; paired bootstrap. Controls, by a proper loss: the predictions shuffled among the rows, and the targets",
    )
    return finding, says


def _best_constant(evidence: Evidence, space: Space, stick: Yardstick) -> tuple[Tensor, str]:
    score = evidence.score
    tried = {name: value.expand_as(score) for name, value in space.constants(score, evidence.target).items()}
    if evidence.case.ordered:
        tried[_LAST] = _last(evidence, space)
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
        return moved, f"{name}, scaled and shifted" if name == _LAST else shown
    return start, name


def _edge(stick: Yardstick, score: Tensor, constant: Tensor, bootstrap: Bootstrap) -> tuple[float, tuple[float, float]]:
    """How much less the score costs, as a share of what the constant costs."""
    own, base = stick.mean(score), stick.mean(constant)
    # A constant that costs nothing would make the share infinite.
    least = max(1e-3 * abs(own), 1e-12)
    drawn = stick.draws(torch.stack([score, constant]), bootstrap)
    return (base - own) / max(abs(base), least), percentiles((drawn[1] - drawn[0]) / drawn[1].abs().clamp_min(least))
