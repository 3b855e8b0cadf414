"""Question 3: are there two predictors, of which the loss prefers the worse?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import interval_words, number_words
from ..aligning.retarget import worsened
from ..aligning.rivals import Search
from ..costing.space import Space
from ..costing.yardstick import Yardstick
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import Bootstrap, detectable, percentiles

QUESTION = "gaming"
WARN, FAIL = 0.02, 0.10

#: The loss must prefer the worse predictor by so many standard errors, so that it does on other rows too; and by so
#: many to be a suspicion, which is enough to withhold a pass.
_SURE, _SUSPECT = 5.0, 1.5

#: Rows that a pair is searched on, at most: where a yardstick is a mean over rows, where it is not, and for controls.
_SEARCHED, _SEARCHED_WHOLE, _CONTROLLED = 1_500, 500, 700


@dataclass(frozen=True)
class _Parted:
    """A pair, measured on rows that it was not made on.

    Attributes:
        liked: the scores that the loss prefers.
        meant: the scores that the metric prefers.
        effect: how much worse by the metric the one is that the loss prefers, as a share.
        interval: of the effect.
        error: its standard error.
        preferred: the interval of how much less it costs by the loss; below 0 where the loss does prefer it.
        losses: what the two cost.
        metrics: what the two have by the metric, as shortfalls.
    """

    liked: Tensor
    meant: Tensor
    effect: float
    interval: tuple[float, float]
    error: float
    preferred: tuple[float, float]
    losses: tuple[float, float]
    metrics: tuple[float, float]

    @property
    def found(self) -> bool:
        """Whether such a pair was shown to exist."""
        return self.preferred[1] < 0 and self.interval[0] > WARN


def measure(evidence: Evidence) -> Outcome:
    """Lower the loss while the metric gets worse, and keep the pair of predictors that shows it."""
    space = evidence.space
    if space is None:
        said = "a pair of predictors: those of this task cannot be changed by a rule known here"
        return Outcome((Finding(code="G308", state="not_applicable", question=QUESTION, says=said),))
    tried = _parted(evidence, space, evidence.by_loss, evidence.by_metric, _SEARCHED, (_SURE, _SUSPECT))
    # The pair that is shown most clearly; where none is, the one that is farthest from being excluded.
    found = max(tried, key=lambda one: (one.found, one.interval[0] if one.found else one.interval[1]))
    controls = _controls(evidence, space)
    smallest = detectable(found.error)
    state = judge(effect=found.effect, interval=found.interval, threshold=FAIL, warn=WARN, controls=controls)
    if state in ("warn", "fail") and not found.preferred[1] < 0:
        state = "inconclusive"  # the loss is not shown to prefer the worse
    metric = evidence.case.metric
    pair = (
        f"predictor A has loss {number_words(found.losses[0])} and {metric.name} {metric.told(found.metrics[0])}, "
        f"predictor B {number_words(found.losses[1])} and {metric.told(found.metrics[1])}"
    )
    if state in ("warn", "fail"):
        says = f"the loss prefers the worse of two predictors, both made from this model's scores: {pair}"
        answer = f"yes: a training could lower the loss and make {metric.name} {found.effect:.0%} worse: {pair}"
    elif state == "pass":
        says = f"searched for two predictors of which the loss prefers the worse, and found none that matters: {pair}"
        answer = f"no change of the predictions was found that lowers the loss and makes {metric.name} worse"
    else:
        says = f"not settled whether the loss prefers the worse of two predictors: {pair}"
        answer = f"it is not settled whether a lower loss can make {metric.name} worse"
    finding = Finding(
        code="G308",
        state=state,
        question=QUESTION,
        says=says,
        fix="train with a loss that elicits what the metric rewards, stop and choose by the metric, or re-target the "
        "predictions on held-out rows",
        effect=max(0.0, found.effect),
        unit=f"of {metric.name}",
        interval=(min(found.interval[0], max(0.0, found.effect)), max(0.0, found.interval[1])),
        threshold=FAIL,
        detectable=smallest,
        controls=controls,
        evidence=_exhibit(evidence, found),
        method="scores scaled, shifted (each class, each fifth of the scores), searched on one half of the rows for "
        "the worst by the metric that the loss surely prefers to the best by the metric; measured on the other half "
        f"with a paired bootstrap; warns beyond {WARN:.0%}. Controls: a loss whose best predictions are shifted "
        "(or, where few rows cannot show that, the metric turned around), and the metric as its "
        "own loss. Two pairs could accuse, so each has an interval of 97.5 %",
        source="Skalse et al. 2022, Defining and characterizing reward hacking, NeurIPS",
    )
    figures = (_figure(evidence, found),) if state in ("warn", "fail") and evidence.score.ndim == 1 else ()
    return Outcome((finding,), figures, answer)


GOODHART = Probe(
    "goodhart",
    QUESTION,
    "G308",
    "two predictors: one with the better loss, the other with the better metric",
    measure,
    least="standard",
)


def _parted(
    evidence: Evidence, space: Space, loss: Yardstick, metric: Yardstick, most: int, sure: tuple[float, ...]
) -> list[_Parted]:
    """Pairs from one half of the rows, measured on the other.

    For each degree of sureness the worst that the loss prefers, against a good one; and that good one against the best
    by the metric, of which it may fall short by what chance could explain.
    """
    rows, others = evidence.sample.halves("goodhart")
    both = loss.decomposable and metric.decomposable
    rows = rows[: most if both else _SEARCHED_WHOLE]
    if not both:
        others = others[: 2 * _SEARCHED_WHOLE]
    search = Search(space, loss, metric, evidence.score, evidence.target, rows, WARN / 2)
    part = evidence.sample.part(others)
    bootstrap = part.bootstrap(evidence.budget.draws if both else evidence.budget.whole_draws)
    sticks = [_on(stick, others) for stick in (loss, metric)]
    pairs = [(search.liked(one), search.meant) for one in sure] + [(search.meant, search.top)] * (len(sure) > 1)
    # An error of 5 % is shared among the pairs of which each could accuse: a suspicion cannot.
    return [_measured(*pair, others, sticks, bootstrap, 0.975 if len(sure) > 1 else 0.95) for pair in pairs]


def _measured(
    liked: Tensor, meant: Tensor, rows: Tensor, sticks: list[Yardstick], bootstrap: Bootstrap, level: float
) -> _Parted:
    scores = torch.stack([liked[rows], meant[rows]])
    (losses, metrics) = [(stick.mean(scores[0]), stick.mean(scores[1])) for stick in sticks]
    by_loss, by_metric = (stick.draws(scores, bootstrap) for stick in sticks)
    # A metric that is perfect would make any share infinite.
    least = 1e-3 * abs(metrics[0]) + 1e-12
    share = (by_metric[0] - by_metric[1]) / by_metric[1].abs().clamp_min(least)
    return _Parted(
        liked,
        meant,
        (metrics[0] - metrics[1]) / max(abs(metrics[1]), least),
        percentiles(share, level),
        float(share[share.isfinite()].std()),
        percentiles(by_loss[0] - by_loss[1], level),
        losses,
        metrics,
    )


def _on(stick: Yardstick, rows: Tensor) -> Yardstick:
    """A yardstick for some of the rows, which have numbers of their own there."""
    each, whole = stick.each, stick.whole
    return replace(
        stick,
        rows=len(rows),
        each=None if each is None else lambda score, own: each(score, rows[own]),
        whole=None if whole is None else lambda score, own: whole(score, rows[own]),
        weight=None if stick.weight is None else stick.weight[rows],
    )


def _controls(evidence: Evidence, space: Space) -> Controls:
    """A loss whose best predictions are not the metric's, and the metric as its own loss."""

    def found(loss: Yardstick) -> bool:
        return _parted(evidence, space, loss, evidence.by_metric, _CONTROLLED, (_SURE,))[0].found

    planted = _planted(evidence, space)
    # The small defect first: where few rows cannot show it, they show the large one.
    return Controls(positive=any(map(found, planted)) if planted else None, negative=not found(evidence.by_metric))


def _planted(evidence: Evidence, space: Space) -> list[Yardstick]:
    """The metric of predictions that were shifted, where it feels a shift; and the metric with its sign turned."""
    metric, score = evidence.by_metric, evidence.score
    each, whole = metric.each, metric.whole
    order = torch.randperm(evidence.rows, generator=evidence.random("goodhart"))
    moved = worsened(space, metric, score, evidence.target, share=1.0)
    if moved is None and abs(metric.mean(score) - metric.mean(score[order])) <= 1e-9 * abs(metric.mean(score)):
        return []
    turned = replace(
        metric,
        each=None if each is None else lambda given, rows: -each(given, rows),
        whole=None if whole is None else lambda given, rows: -whole(given, rows),
    )
    if moved is None:
        return [turned]
    shift = (moved - score)[0]
    shifted = replace(
        metric,
        each=None if each is None else lambda given, rows: each(given - shift, rows),
        whole=None if whole is None else lambda given, rows: whole(given - shift, rows),
    )
    return [shifted, turned]


def _exhibit(evidence: Evidence, found: _Parted) -> dict[str, Any]:
    """The pair, and the rows where they part most by the metric."""
    natural = evidence.case.metric.natural
    shown: dict[str, Any] = {
        "A": {"loss": found.losses[0], "metric": natural(found.metrics[0])},
        "B": {"loss": found.losses[1], "metric": natural(found.metrics[1])},
        "the loss prefers A by": tuple(-bound for bound in reversed(found.preferred)),
    }
    stick = evidence.by_metric
    if stick.decomposable:
        worse = (stick.values(found.liked) - stick.values(found.meant)).argsort(descending=True)[:5]
        shown["rows where A is worst"] = [
            {
                "row": int(evidence.chosen[row]),
                "target": evidence.target[row],
                "A": evidence.emit(found.liked[row : row + 1])[0],
                "B": evidence.emit(found.meant[row : row + 1])[0],
            }
            for row in worse.tolist()
        ]
    return shown


def _figure(evidence: Evidence, found: _Parted) -> Figure:
    order = evidence.score.argsort()[torch.linspace(0, evidence.rows - 1, min(200, evidence.rows)).long()]
    at = evidence.prediction[order]
    return Figure(
        kind="lines",
        title="Two predictors that loss and metric rank in opposite ways",
        caption="What each of the two predicts for what this model predicts. The loss prefers A, and "
        f"{evidence.case.metric.name} prefers B.",
        x="prediction of the model",
        y="prediction of A and of B",
        series=[
            {"name": name, "x": at, "y": evidence.emit(scores)[order]}
            for name, scores in (("A, preferred by the loss", found.liked), ("B", found.meant))
        ],
        note=f"A loses {interval_words(found.interval)} of the metric, measured on rows that it was not made on",
    )
