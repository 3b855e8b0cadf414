"""Question 3: can the loss be won without doing the job?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Controls, Finding, judge
from ...findings.words import number_words
from ..aligning.retarget import recalibrate, retarget
from ..costing.skill import LAST, last_value, skill
from ..costing.space import Space
from ..costing.yardstick import Yardstick
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import percentiles

QUESTION = "gaming"

#: An honest prediction must beat every cheat by this share of the cheat's loss.
ADVANTAGE = 0.001

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
    if match.cheat.name == LAST and evidence.by_metric.mean(match.cheat.score) <= evidence.by_metric.mean(meant):
        # It wins by the metric too, so it does the job and is no cheat; that the model does it worse is told below.
        cheats = cheats[:-1]
        match = _match(evidence, evidence.by_loss, honest, cheats)
    fooled, answer = _cheap(evidence, space, match, meant, cheats)
    skill_loss, _ = skill(evidence, space, evidence.by_loss, "G303", "the loss")
    skill_metric, metric_answer = skill(evidence, space, evidence.by_metric, "G304", evidence.case.metric.name)
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
        found.append(_Cheat(LAST, last_value(evidence, space)))
    return found


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
