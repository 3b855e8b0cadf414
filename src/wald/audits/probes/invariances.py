"""Question 3: what can be done to all predictions without the loss noticing, and does the metric notice?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..aligning.rays import SIZES, Fall, endless_fall
from ..costing.space import Space
from ..costing.yardstick import Yardstick
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import percentiles

QUESTION = "gaming"
WARN, FAIL = 0.02, 0.10

#: Rows on which it is looked for what a loss does not see, at most: what it sees of these it sees.
_LOOKED = 1_000

#: A loss that changes by less than this share of what shuffling the predictions changes does not see the change.
_SEEN = 1e-3

#: What a loss cannot see, in words, and what to do about it.
_WORDS = {
    "size": ("the size of forecasts", "a forecast twice as large, or half as large, costs the same"),
    "level": ("the level of forecasts", "forecasts that are all too high, or all too low, cost the same"),
    "sign": ("the sign of forecasts", "forecasts turned around cost the same"),
    "order": ("which forecast belongs to which row", "the same forecasts, shuffled among the rows, cost the same"),
}
_FIXES = {
    "size": "add a term that sees the size (Squared, BinaryCrossEntropy), or scale forecasts on held-out rows",
    "level": "add a term that sees the level (Squared, BinaryCrossEntropy), or shift forecasts on held-out rows",
    "sign": "use a loss of the difference of prediction and target, such as Squared",
    "order": "compare each prediction with its own target: look for shapes (n, 1) against (n,) that broadcast",
}


@dataclass(frozen=True)
class _Blindness:
    """A change of all predictions that the loss does not see.

    Attributes:
        name: what it does not see.
        move: the change that the metric minds most, in words.
        effect: by how much the metric gets worse, as a share.
        interval: of the effect.
        moved: the changed predictions.
    """

    name: str
    move: str
    effect: float
    interval: tuple[float, float]
    moved: Tensor


def measure(evidence: Evidence) -> Outcome:
    """Scale, shift, turn and shuffle the predictions, and see what the loss and the metric make of it."""
    space = evidence.space
    if space is None:
        said = "what the loss cannot see: predictions of this task cannot be scaled and shifted by a rule known here"
        return Outcome((Finding(code="G306", state="not_applicable", question=QUESTION, says=said),))
    blind = _blind(evidence, space, evidence.by_loss)
    controls = _controls(evidence, space)
    prices = [_price(evidence, space, name) for name in blind]
    worst = max(prices, key=lambda one: one.effect, default=None)
    endless = endless_fall(evidence, space, evidence.by_loss)
    return Outcome(
        (_unseen(evidence, blind, worst, controls), _bottomless(evidence, space, endless)),
        (_figure(evidence, space),),
        _answer(evidence, worst, endless),
    )


INVARIANCES = Probe("invariances", QUESTION, "G306", "predictions scaled, shifted and turned without end", measure)


def _moves(evidence: Evidence, space: Space, name: str, rows: Tensor | None = None) -> dict[str, Tensor]:
    """The predictions, changed in one way to several degrees; shuffled among these rows, or all."""
    score = evidence.score
    if name == "size":
        return {f"times {size:g}": size * score for size in (0.2, 0.5, 2.0, 5.0)}
    if name == "level":
        unit = space.unit(evidence.target)
        return {f"moved by {size * unit:+.3g}": score + size * unit for size in (-1.0, -0.5, 0.5, 1.0)}
    if name == "sign":
        return {"turned around": -score}
    rows = torch.arange(len(score)) if rows is None else rows
    shuffled = score.clone()
    shuffled[rows] = score[rows[torch.randperm(len(rows), generator=evidence.random("invariances"))]]
    return {"shuffled among the rows": shuffled}


def _blind(evidence: Evidence, space: Space, stick: Yardstick) -> list[str]:
    """What a yardstick does not see of the predictions."""
    rows = torch.arange(0, evidence.rows, max(1, evidence.rows // _LOOKED))
    here = stick.mean(evidence.score[rows], rows)
    # What counts as a change is measured on predictions that are thrown about in every way at once.
    # In units of the task: squares of forecasts far from 0 would dwarf every change.
    unit, centre = space.unit(evidence.target), space.centre(evidence.score)
    far = (evidence.score.flip(0) - centre) / unit
    other = centre + unit * (0.5 * far.square() - 0.7 * far + 0.3)
    usual = max(abs(stick.mean(other[rows], rows) - here), 1e-6 * abs(here))
    found: list[str] = []
    for name in _WORDS:
        moved = torch.stack([one[rows] for one in _moves(evidence, space, name, rows).values()])
        gaps = (stick.means(moved, rows) - here).abs() / max(usual, 1e-300)
        if bool((gaps <= _SEEN).all()):
            found.append(name)
    # A yardstick that sees nothing at all is no loss; the cheats say so.
    return [] if len(found) == len(_WORDS) else found


def _price(evidence: Evidence, space: Space, name: str) -> _Blindness:
    """How much worse the metric can get by what the loss does not see."""
    stick, score = evidence.by_metric, evidence.score
    moves = _moves(evidence, space, name)
    costs = stick.means(torch.stack(list(moves.values())), torch.arange(evidence.rows)).nan_to_num(nan=-torch.inf)
    worst = int(costs.argmax())
    moved = list(moves.values())[worst]
    before = stick.mean(score)
    drawn = stick.draws(torch.stack([score, moved]), evidence.bootstrap_for(stick))
    return _Blindness(
        name,
        list(moves)[worst],
        (float(costs[worst]) - before) / max(abs(before), 1e-12),
        percentiles((drawn[1] - drawn[0]) / drawn[0].abs().clamp_min(1e-12)),
        moved,
    )


def _controls(evidence: Evidence, space: Space) -> Controls:
    """A correlation, which sees neither size nor level; and a proper loss."""

    def correlation(rows_score: Tensor, rows: Tensor) -> float:
        x = rows_score.double().flatten()
        y = space.perfect(rows_score, evidence.target[rows], 1.0).double().flatten()
        x, y = x - x.mean(), y - y.mean()
        return float(1 - (x * y).sum() / (x.norm() * y.norm()).clamp_min(1e-300))

    varies = float(evidence.score.double().std(correction=0)) > 1e-9
    planted = Yardstick(evidence.rows, whole=correlation)
    sound = evidence.judged_by_values(space.reference)
    sees = set(_blind(evidence, space, sound))
    return Controls(
        positive={"size", "level"} <= set(_blind(evidence, space, planted)) if varies else None,
        # Scores of several classes are compared with each other; what they have in common is meant not to be seen.
        negative=not sees - ({"level"} if space.task == "multiclass" else set[str]()),
    )


def _unseen(evidence: Evidence, blind: list[str], worst: _Blindness | None, controls: Controls) -> Finding:
    metric = evidence.case.metric
    effect, interval = (0.0, (0.0, 0.0)) if worst is None else (max(0.0, worst.effect), worst.interval)
    interval = (min(interval[0], effect), max(interval[1], effect))
    state = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls)
    exhibit: dict[str, Any] = {"not seen by the loss": blind}
    if worst is None:
        says = "the loss sees the size, the level and the sign of forecasts, and which of them belongs to which row"
    else:
        what, meaning = _WORDS[worst.name]
        before, after = evidence.by_metric.mean(evidence.score), evidence.by_metric.mean(worst.moved)
        exhibit |= {
            "change": worst.move,
            "loss": (evidence.by_loss.mean(evidence.score), evidence.by_loss.mean(worst.moved)),
            "metric": (metric.natural(before), metric.natural(after)),
        }
        if state == "pass":
            says = f"the loss cannot see {what}, and {metric.name} does not mind: {metric.told(before)} becomes "
            says += metric.told(after)
        else:
            says = f"your loss cannot see {what}: {meaning}, while {metric.name} goes from {metric.told(before)} to "
            says += f"{metric.told(after)} (predictions {worst.move})"
    return Finding(
        code="G306",
        state=state,
        question=QUESTION,
        says=says,
        fix="" if worst is None else _FIXES[worst.name],
        effect=effect,
        unit=f"of {metric.name}",
        interval=interval,
        threshold=FAIL,
        controls=controls,
        evidence=exhibit,
        method="the model's predictions scaled by 0.2 to 5, shifted by a unit, turned around and shuffled; what the "
        "loss does not see is priced by the metric, with a paired bootstrap over rows; warns beyond 2 %. Controls: a "
        "correlation with the targets, which sees neither size nor level, and a proper loss. One test, so no "
        "correction",
    )


def _bottomless(evidence: Evidence, space: Space, endless: Fall | None) -> Finding:
    def found(each: Callable[[Tensor, Tensor], Tensor]) -> bool:
        return endless_fall(evidence, space, evidence.judged_by_values(each)) is not None

    def turned(score: Tensor, target: Tensor) -> Tensor:
        return -space.reference(score, target)

    controls = Controls(positive=found(turned), negative=not found(space.reference))
    effect = 0.0 if endless is None else endless.values[0] - endless.values[-1]
    state = judge(effect=effect, interval=(effect, effect), threshold=0.0, controls=controls)
    if endless is None:
        says = "however far predictions are driven, the loss comes to an end"
    else:
        says = (
            f"your loss falls without end: {endless.ray}, cost {number_words(endless.values[0])} at 1 and "
            f"{number_words(endless.values[-1])} a million times as far, less than the targets themselves"
        )
    return Finding(
        code="G309",
        state=state,
        question=QUESTION,
        says=says,
        fix="look for a missing absolute value or square, a turned sign, or a term that nothing holds back",
        effect=effect,
        unit="of the loss",
        interval=(effect, effect),
        threshold=0.0,
        controls=controls,
        evidence={} if endless is None else {"sizes": SIZES, "losses": endless.values},
        method="the loss of predictions and targets scaled to a million times their size, turned around, and shifted "
        "to a million units: falling by as much in the last decade as in the one before, and below what the targets "
        "cost. Exact on these rows. Controls: a proper loss with its sign turned, and as it is",
    )


def _answer(evidence: Evidence, worst: _Blindness | None, endless: Fall | None) -> str:
    if endless is not None:
        return f"yes: the loss falls without end when predictions run away ({endless.ray})"
    if worst is not None and worst.effect > WARN:
        return f"the loss cannot see {_WORDS[worst.name][0]}, and {evidence.case.metric.name} does"
    return ""


def _figure(evidence: Evidence, space: Space) -> Figure:
    score = evidence.score
    unit, sizes = space.unit(evidence.target), torch.linspace(-2, 2, 17).tolist()
    rows = torch.arange(0, evidence.rows, max(1, evidence.rows // _LOOKED))
    ways = {
        "scaled by 2 to the power of x": [2.0**size * score for size in sizes],
        "shifted by x units": [score + size * unit for size in sizes],
    }
    usual = evidence.by_loss.mean(score[rows], rows)
    series = [
        {"name": name, "x": sizes, "y": evidence.by_loss.means(torch.stack(moved)[:, rows], rows) - usual}
        for name, moved in ways.items()
    ]
    return Figure(
        kind="lines",
        title="What the loss sees of the predictions",
        caption="A flat line is a change of all predictions at once that the loss does not see.",
        x="how far the predictions are changed",
        y=f"change of {evidence.cost.name}",
        series=series,
        note=f"{len(rows)} rows; a unit is {number_words(unit)}",
    )
