"""Cheap cheats: forecasts without information, against an honest one and against a perfect one.

The honest forecast is recalibrated first (see `recalibrated`). A loss is fooled where a forecast that knows nothing
of its example costs no more than the honest one, by the samples and their spread; and most of all where it costs no
more than a perfect one. Nothing is concluded from a difference that hangs on a single sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
import math
from time import thread_time

import torch
from torch import Tensor

from ..subjects.subject import Inputs, Subject
from .comparison import compares
from .forecasts import SHUFFLED, blind, distorted, perfect, plain
from .recalibrated import recalibrated
from .scenes import ROWS_THAT_MEET, SAMPLES, scenes_of
from .stage import Forecast, Stage

#: Student's t for a two-sided 95 % interval, with one degree of freedom less than samples.
_T = 2.365
#: The share of what is to be gained, from cheat to perfect, that an honest forecast must gain.
_PRACTICAL = 0.005
#: Seconds.
_DEAR = 5e-3
#: How many rows an exhibit has.
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Duel:
    """One cheat against the honest forecast on one scene.

    Attributes:
        cheat: what it predicts, in words.
        scene: on what.
        balanced: whether no answer is right there by being common.
        cost: of the cheat.
        honest: of the honest forecast, recalibrated.
        perfect: of the best that is known: a perfect forecast, or the honest one.
        margin: how much the honest one gains, as a share of what is to be gained.
        interval: of the margin, 95 %.
        metric: what the cheat gets in the task's metric.
        metric_interval: of the metric, 95 %.
        metric_name: correlation, area under the ROC curve, or skill against a constant.
        chance: what knowing nothing gets.
        beats_perfect: whether it costs no more than the best that is known.
        inputs: the cheat's batch and its rival's, a few rows, for an exhibit; only where the cheat won.
    """

    cheat: str
    scene: str
    balanced: bool
    cost: float
    honest: float
    perfect: float
    margin: float
    interval: tuple[float, float]
    metric: float
    metric_interval: tuple[float, float]
    metric_name: str
    chance: float
    beats_perfect: bool
    inputs: tuple[Inputs, Inputs] | None = None

    @property
    def fooled(self) -> bool | None:
        """Whether the cheat won; None where the samples do not tell."""
        if self.metric_interval[0] > self.chance:
            return False
        if self.beats_perfect or self.interval[1] <= _PRACTICAL:
            return True
        return False if self.interval[0] > _PRACTICAL else None


@dataclass(frozen=True, kw_only=True)
class Cheats:
    """What was found.

    Attributes:
        duels: every cheat on every scene.
        why: why nothing could be tried.
    """

    duels: tuple[Duel, ...] = ()
    why: str = ""

    @property
    def won(self) -> list[Duel]:
        """The duels in which the loss was fooled, the plainest first."""
        won = [duel for duel in self.duels if duel.fooled]
        return sorted(won, key=lambda duel: (not duel.balanced, not duel.beats_perfect, duel.margin))

    @property
    def unsettled(self) -> list[Duel]:
        """Those that the samples do not settle, of cheats that lose on no other scene either."""
        beaten = {duel.cheat for duel in self.duels if duel.fooled is False}
        return [duel for duel in self.duels if duel.fooled is None and duel.cheat not in beaten]

    @property
    def lost(self) -> list[Duel]:
        """Those that the cheat lost."""
        return [duel for duel in self.duels if duel.fooled is False]


def measure_cheats(subject: Subject, elicits: str = "") -> Cheats:
    """Which forecasts without information win under `subject`.

    Args:
        subject: a loss of a prediction and a target.
        elicits: what it elicits, in the words of a card; a weighted statistic is held against the plain one.
    """
    if compares(subject):
        return Cheats(why="it compares two outputs of a model, and has no target to be told of")
    scenes = scenes_of(subject, small=subject.whole and _dear(subject))
    if not scenes:
        return Cheats(why="they are made for one prediction against one number, label or class")
    weighted = elicits if elicits.startswith("weighted") else ""
    if weighted:
        # What counts targets by their size is meant for targets that have one.
        scenes = [scene for scene in scenes if scene.positive] or scenes
    duels = [duel for scene in scenes for duel in _duels(Stage(subject, scene), weighted)]
    return Cheats(
        duels=tuple(duels), why="" if duels else "it gave no finite cost for an honest and a perfect forecast"
    )


def _dear(subject: Subject) -> bool:
    """Whether a batch takes so long that a few hundred of them are too many, as where every pair is looked at."""
    inputs = subject.inputs(ROWS_THAT_MEET)
    try:
        # The quickest of a few in time of this thread, so that a busy machine looks at the same scenes as an idle one.
        return min(_spent(subject, inputs) for _ in range(3)) > _DEAR
    except (RuntimeError, ValueError, IndexError):
        return True


def _spent(subject: Subject, inputs: Inputs) -> float:
    start = thread_time()
    subject.batch(*inputs)
    return thread_time() - start


def _duels(stage: Stage, weighted: str) -> Iterator[Duel]:
    """Every cheat against the honest forecast."""
    best = _least(stage, perfect(stage))
    honest = plain(stage, weighted) if weighted and stage.kind == "numbers" else recalibrated(stage)
    if best is None or honest is None:
        return
    cheats = [*blind(stage, honest), *(distorted(stage, honest) if weighted else [])]
    every = stage.costs(torch.stack([one.prediction for one in (honest, best, *cheats)]))
    rivals, costs = every[:2], every[2:]
    if not bool(rivals.isfinite().all()):
        return
    shuffled = next(cost for cheat, cost in zip(cheats, costs, strict=True) if cheat.name == SHUFFLED)
    # What the signal is worth; a perfect forecast may cost minus infinity, or next to it.
    worth = 20 * float((shuffled - rivals[0]).mean().abs())
    for cheat, cost in zip(cheats, costs, strict=True):
        if bool(cost.isfinite().all()) and not _hangs(cost, rivals[0]):
            yield _duel(stage, cheat, cost, (honest, best), rivals, worth)


def _hangs(cost: Tensor, rival: Tensor) -> bool:
    """Whether the difference of two costs hangs on one sample in eight, and so says nothing about the others."""
    apart = (cost - rival).abs()
    return bool((apart.max() > 0.6 * apart.sum()) & (apart.max() > 1e-9 * rival.abs().max()))


def _least(stage: Stage, predictions: list[Tensor]) -> Forecast | None:
    costs = stage.costs(torch.stack([x[:2] for x in predictions])).mean(1)
    costs = costs.nan_to_num(nan=torch.inf, posinf=torch.inf)
    best = int(costs.argmin())
    return Forecast(name="the target itself", prediction=predictions[best]) if bool(costs[best].isfinite()) else None


def _duel(
    stage: Stage, cheat: Forecast, cost: Tensor, rivals: tuple[Forecast, Forecast], paid: Tensor, worth: float
) -> Duel:
    size = max(float(paid[1].mean().abs() + (paid[0] - paid[1]).mean().abs()), 1e-12)
    # An honest forecast may cost less than the target itself, where that is not what is asked for.
    gap = float(cost.mean() - paid.mean(1).min())
    beats_perfect = gap <= stage.subject.close * size
    scale = size if beats_perfect else min(gap, max(worth, 1e-9 * size))
    margin, interval = _interval((cost - paid[0]) / scale)
    name, chance, metric = _metric(stage, cheat)
    mean, metric_interval = _interval(metric)
    found = Duel(
        cheat=cheat.name,
        scene=stage.scene.name,
        balanced=stage.scene.balanced,
        cost=float(cost.mean()),
        honest=float(paid[0].mean()),
        perfect=float(paid.mean(1).min()),
        margin=margin,
        interval=interval,
        metric=mean,
        metric_interval=metric_interval,
        metric_name=name,
        chance=chance,
        beats_perfect=beats_perfect,
    )
    if not found.fooled:
        return found
    rival = rivals[1] if beats_perfect and bool(cost.mean() <= paid[1].mean()) else rivals[0]
    return replace(found, inputs=_exhibit(stage, cheat, rival))


def _exhibit(stage: Stage, cheat: Forecast, rival: Forecast) -> tuple[Inputs, Inputs] | None:
    """A few rows on which the cheat costs no more than its rival."""
    for start in range(0, stage.target.shape[1] - _SHOWN, _SHOWN):
        for sample in range(2):
            rows = slice(start, start + _SHOWN)
            y = stage.target[sample, rows]
            a, b = (one.prediction[sample, rows].to(stage.subject.dtype) for one in (cheat, rival))
            if stage.batch(a, y) <= stage.batch(b, y):
                return (a, y), (b, y)
    return None


def _metric(stage: Stage, cheat: Forecast) -> tuple[str, float, Tensor]:
    """The name of the task's metric, what chance gets, and what the cheat gets on each sample."""
    y, x, last = stage.scene.target, cheat.prediction.double(), stage.scene.last
    nothing = torch.zeros(SAMPLES, dtype=torch.float64)
    if cheat.scaled:
        return "skill against a constant", 0.0, 1 - (x - y).abs().mean(1) / (y.median() - y).abs().mean(1)
    if stage.kind == "labels":
        each = nothing + 0.5 if cheat.constant else torch.stack([_area(a, b) for a, b in zip(x, y, strict=True)])
        return "area under the ROC curve", 0.5, each
    if stage.kind == "classes":
        one_hot = torch.nn.functional.one_hot(y, x.shape[-1]).double()
        # Without what is common to all examples: a score that is the same for all knows nothing.
        x, y = ((part - part.mean(1, keepdim=True)).flatten(1) for part in (x, one_hot))
    elif last is not None:
        x, y = x - last, y - last
    return "correlation", 0.0, nothing if cheat.constant else _correlation(x, y)


def _interval(each: Tensor) -> tuple[float, tuple[float, float]]:
    """The mean of some samples and its 95 % interval."""
    mean = float(each.mean())
    half = _T * float(each.std()) / math.sqrt(len(each))
    return mean, (mean - half, mean + half)


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    size = x.norm(dim=1) * y.norm(dim=1)
    return torch.where(size > 1e-12, (x * y).sum(1) / size.clamp(min=1e-12), 0.0)


def _area(score: Tensor, label: Tensor) -> Tensor:
    on, off = score[label > 0.5], score[label <= 0.5]
    apart = on.unsqueeze(1) - off
    return (apart > 0).double().mean() + 0.5 * (apart == 0).double().mean()
