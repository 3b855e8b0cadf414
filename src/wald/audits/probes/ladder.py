"""Question 4: when the loss improves, does the metric? Measured on predictions made better and worse on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..costing.space import Space
from ..evidence import Evidence
from ..metrics import capitalised
from ..probe import Outcome, Probe
from ..statistics import kendall, percentiles

QUESTION = "metric correlation"
WARN, FAIL = 0.8, 0.5


@dataclass(frozen=True)
class Rung:
    """A prediction of known making.

    Attributes:
        name: how it was made.
        kind: what it has in common with others of its kind.
        score: the prediction.
    """

    name: str
    kind: str
    score: Tensor


def measure(evidence: Evidence) -> Outcome:
    """Rank many predictions by the loss and by the metric, and show where the two rankings part."""
    if evidence.space is None:
        said = "the ladder: predictions of this task cannot be made better and worse by a rule known here"
        return Outcome((Finding(code="M401", state="not_applicable", question=QUESTION, says=said),))
    rungs = list(climb(evidence, evidence.space))
    losses, shortfalls = evidence.by_loss, evidence.by_metric
    if evidence.level == "quick" and not (losses.decomposable and shortfalls.decomposable):
        rungs = rungs[::2]  # what needs whole samples costs some hundred times as much to resample
    scores = torch.stack([rung.score for rung in rungs])
    bootstrap = evidence.bootstrap_for(losses, shortfalls)
    everyone = torch.arange(evidence.rows)
    loss, metric = losses.means(scores, everyone), shortfalls.means(scores, everyone)
    drawn_loss, drawn_metric = losses.draws(scores, bootstrap), shortfalls.draws(scores, bootstrap)
    effect = float(kendall(loss, metric))
    interval = percentiles(kendall(drawn_loss.T, drawn_metric.T))
    noise = torch.randn(drawn_metric.shape, generator=evidence.random("ladder noise"), dtype=torch.float64)
    noise = noise + torch.randn(len(rungs), 1, generator=evidence.random("ladder chance"), dtype=torch.float64) * 3
    unrelated = percentiles(kendall(drawn_loss.T, noise.T))
    controls = Controls(positive=unrelated[1] < WARN, negative=float(kendall(loss, loss)) > 0.999)
    state = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls, worse="below")
    sure = _sure_agreement(drawn_loss, drawn_metric, loss, metric)
    if sure >= WARN and controls.right and state != "pass" and effect > FAIL:
        # What a metric cannot tell apart, as decisions that do not change, is no disagreement with it.
        state = "pass" if interval[0] > FAIL else "inconclusive"
    pair = _worst_pair(drawn_loss, drawn_metric, loss, metric)
    name = evidence.case.metric.name
    says = f"agreement of loss and {name} over {len(rungs)} predictions made better and worse on purpose"
    share, ends = (1 + effect) / 2, [(1 + end) / 2 for end in interval]
    answer = (
        f"of two predictions, the one with the better loss has the better {name} in {share:.0%} [{ends[0]:.0%}, "
        f"{ends[1]:.0%}] of the pairs tried; a coin would do that in 50%"
    )
    if isnan(effect):
        says = (
            f"{name}, or the loss, is the same for all {len(rungs)} predictions tried, so they have no order to share"
        )
        answer = says
    elif effect < WARN <= sure:
        says += (
            f"; where both tell two of them apart they agree to τ = {sure:.2f}, the others hardly differ by one of them"
        )
    exhibit: dict[str, object] = {"agreement where both tell apart": sure}
    if pair is not None:
        better, worse = rungs[pair[0]], rungs[pair[1]]
        told = evidence.case.metric.told
        exhibit |= {
            "preferred by the loss": better.name,
            "preferred by the metric": worse.name,
            "losses": (float(loss[pair[0]]), float(loss[pair[1]])),
            "metrics": tuple(evidence.case.metric.natural(float(metric[one])) for one in pair),
        }
        says += (
            f", which part most where the loss prefers “{better.name}” ({number_words(float(loss[pair[0]]))}, "
            f"{told(float(metric[pair[0]]))}) to “{worse.name}” ({number_words(float(loss[pair[1]]))}, "
            f"{told(float(metric[pair[1]]))})"
        )
    finding = Finding(
        code="M401",
        state=state,
        question=QUESTION,
        says=says,
        fix="choose models by the metric, not by the loss; or mend what question 1 found, which often is the cause",
        effect=effect,
        unit="Kendall's τ",
        interval=interval,
        threshold=FAIL,
        controls=controls,
        evidence=exhibit,
        method=f"{len(rungs)} predictions between the targets, the model and noise, scaled, shifted and made hard; "
        "τ-b of their losses and metrics; bootstrap over rows; warns below 0.8, unless the "
        "pairs that both tell apart by two standard errors agree to 0.8 or more. Controls: the metric replaced by "
        "chance, and by the loss itself. One test, so no correction",
        source="Kendall 1945, doi:10.1093/biomet/33.3.239",
    )
    return Outcome((finding,), (_figure(evidence, rungs, loss, metric),), answer)


LADDER = Probe("ladder", QUESTION, "M401", "agreement of loss and metric", measure)


def climb(evidence: Evidence, space: Space) -> Iterator[Rung]:
    """Predictions from the targets themselves to noise, and the model's own, distorted."""
    score, target = evidence.score, evidence.target
    source = evidence.random("ladder")
    unit, centre = space.unit(target), space.centre(score)
    spread = float(score.double().std(correction=0).clamp_min(1e-9))
    yield Rung("the model", "the model", score)
    # As sure as the model's surest rows, about its own middle, so that only knowledge is added.
    size = float((score - centre).abs().quantile(0.99)) if score.numel() < 1_000_000 else 3.0 * spread
    truth = space.perfect(score, target, size)
    truth = truth if space.task == "regression" else centre + truth
    for share in (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0):
        yield Rung(f"{share:.0%} of the way to the targets", "towards the targets", torch.lerp(score, truth, share))
    order = torch.randperm(len(score), generator=source)
    places = torch.rand(len(score), generator=source)
    for share in (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0):
        # Rows that lose their prediction get that of another row: the spread stays what it was.
        mixed = torch.where(_rowwise(places < share, score), score[order], score)
        yield Rung(f"{share:.0%} of the rows shuffled", "towards noise", mixed)
    for size in (0.25, 0.5, 1.0, 2.0):
        noise = torch.randn(score.shape, generator=source, dtype=score.dtype) * size * spread
        yield Rung(f"noise of {size:g} spreads", "noise added", score + noise)
    # Distortions as they come about in training; wilder ones would decide the agreement by how many there are.
    for scale in (0.5, 0.67, 0.8, 1.25, 1.5, 2.0):
        yield Rung(f"scaled by {scale:g}", "scaled", centre + scale * (score - centre))
    ways = space.directions(score)[:3]
    for way, direction in enumerate(ways):
        which = f" (class {way})" if score.ndim > 1 else ""
        for size in (-0.5, -0.25, -0.1, 0.1, 0.25, 0.5) if len(ways) == 1 else (-0.5, 0.5):
            yield Rung(f"shifted by {size:+g}{which}", "shifted", score + size * unit * direction)
    if space.task == "binary":
        yield Rung("only yes or no, ±2 logits", "made hard", 2 * (score - centre).sign())
    yield from _degraded(evidence, source)


def _degraded(evidence: Evidence, source: torch.Generator) -> Iterator[Rung]:
    """Predictions that fail one group."""
    score = evidence.score
    for grouping, labels in evidence.case.groups.items():
        own = [labels[int(row)] for row in evidence.chosen]
        largest = max(set(own), key=lambda label: (own.count(label), str(label)))
        inside = torch.tensor([label == largest for label in own])
        rows = inside.nonzero()[:, 0]
        mixed = score.clone()
        mixed[rows] = score[rows[torch.randperm(len(rows), generator=source)]]
        yield Rung(f"shuffled within {grouping} = {largest}", "one group failed", mixed)


def _rowwise(chosen: Tensor, like: Tensor) -> Tensor:
    return chosen.reshape((-1,) + (1,) * (like.ndim - 1))


def _sure_agreement(drawn_loss: Tensor, drawn_metric: Tensor, loss: Tensor, metric: Tensor) -> float:
    """Kendall's τ over the pairs that loss and metric both tell apart by more than chance; NaN where there are none."""
    first, second = torch.triu_indices(len(loss), len(loss), 1)
    agree = torch.ones(len(first), dtype=torch.float64)
    for drawn, value in ((drawn_loss, loss), (drawn_metric, metric)):
        gap = value[first] - value[second]
        told = gap.abs() > 2 * (drawn[first] - drawn[second]).std(-1).clamp_min(1e-12)
        agree *= torch.where(told, gap.sign(), torch.nan)
    return float(agree.nanmean())


def _worst_pair(drawn_loss: Tensor, drawn_metric: Tensor, loss: Tensor, metric: Tensor) -> tuple[int, int] | None:
    """The pair that loss and metric order most surely in opposite ways: (preferred by the loss, by the metric)."""
    best: tuple[int, int] | None = None
    surest = 2.0
    for one in range(len(loss)):
        gap_loss, gap_metric = drawn_loss - drawn_loss[one], drawn_metric[one] - drawn_metric
        sure_loss = (loss - loss[one]) / gap_loss.std(-1).clamp_min(1e-12)
        sure_metric = (metric[one] - metric) / gap_metric.std(-1).clamp_min(1e-12)
        both = torch.minimum(sure_loss, sure_metric)
        other = int(both.nan_to_num(nan=-1.0).argmax())
        if float(both[other]) > surest:
            best, surest = (one, other), float(both[other])
    return best


def _figure(evidence: Evidence, rungs: list[Rung], loss: Tensor, metric: Tensor) -> Figure:
    kinds = dict.fromkeys(rung.kind for rung in rungs)
    natural = [evidence.case.metric.natural(value) for value in metric.tolist()]
    told = loss.tolist()
    series = [
        {
            "name": kind,
            "x": [told[i] for i, rung in enumerate(rungs) if rung.kind == kind],
            "y": [natural[i] for i, rung in enumerate(rungs) if rung.kind == kind],
        }
        for kind in kinds
    ]
    return Figure(
        kind="scatter",
        title=f"{capitalised(evidence.case.metric.name)} against the loss",
        caption="Each point is a prediction made better or worse on purpose. Where points to the left are also "
        f"{'lower' if evidence.case.metric.lower_is_better else 'higher'}, a better loss means a better metric.",
        x=f"mean {evidence.cost.name}",
        y=evidence.case.metric.describe(),
        series=series,
        note=f"{len(rungs)} predictions, {evidence.rows} rows",
    )
