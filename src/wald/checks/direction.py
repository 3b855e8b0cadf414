"""Whether minimising a loss leads predictions towards the targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .grids import inside, pairs, spread
from .subject import CLASSES, Inputs, Subject


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Which way minimising leads.

    Attributes:
        away: the share of places from which a step downhill leads away from the target; None where that has
            no meaning, or is not measured.
        wrong: whether predictions are driven away from the targets, however far off they are.
        why: what shows it.
        inputs: a prediction near the target, and one far from it.
    """

    away: float | None
    wrong: bool = False
    why: str = ""
    inputs: tuple[Inputs, ...] = ()


def measure_direction(subject: Subject) -> Direction:
    """Whether minimising `subject` leads predictions towards the targets."""
    if len(subject.domains) == 2:
        if subject.task == "regression" and subject.whole:
            return _of_batches(subject)
        if subject.task == "regression" and subject.scalar:
            return _of_numbers(subject)
        if subject.labelled and not subject.whole:
            return _of_labels(subject)
        if subject.task == "multiclass" and not subject.whole:
            return _of_classes(subject)
    return Direction(away=None, why="for such inputs it is not measured yet")


def _of_numbers(subject: Subject) -> Direction:
    generator = subject.generator()
    x = spread(subject.prediction, 120, generator, wide=False).to(subject.dtype)
    # Targets from the middle, so that what is best for them lies inside the grid.
    y = spread(subject.target, 24, generator, wide=False).to(subject.dtype)[6:18]
    table = _table(subject, x, y)
    best, worst, end = table.argmin(0), table.argmax(0), len(x) - 1
    wrong = bool(((worst > 0) & (worst < end) & ((best == 0) | (best == end))).all())
    middle = worst if wrong else best
    column = len(y) // 2
    near, far = int(middle[column]), int(best[column] if wrong else worst[column])
    return Direction(
        away=_away(table, middle),
        wrong=wrong,
        why=_told(x, table, column, f"for a target of {y[column]:.4g}", near, far),
        inputs=tuple((x[i : i + 1], y[column : column + 1]) for i in (near, far)),
    )


def _of_labels(subject: Subject) -> Direction:
    z = torch.linspace(-6, 6, 121, dtype=torch.float64)
    x = (torch.sigmoid(z) if subject.prediction.high == 1 else z).to(subject.dtype)
    y = torch.tensor(subject.labels, dtype=subject.dtype)
    table = _table(subject, x, y)
    end = len(x) - 1
    return Direction(
        away=_away(table, torch.tensor([0, end])),
        wrong=bool((table[end, 0] < table[0, 0]) & (table[end, 1] > table[0, 1])),
        why=_told(x, table, 1, f"under the label {y[1]:g}", end, 0),
        inputs=tuple((x[i : i + 1], y[1:]) for i in (end, 0)),
    )


def _table(subject: Subject, x: Tensor, y: Tensor) -> Tensor:
    return subject.values(*pairs(x, y)).detach().double().reshape(len(x), len(y)).nan_to_num(nan=torch.inf)


def _away(table: Tensor, goal: Tensor) -> float:
    """The share of steps along the grid in which the loss falls away from the goal of its column."""
    slope = table.diff(dim=0)
    right = torch.arange(len(slope)).unsqueeze(1) >= goal
    away = torch.where(right, slope < 0, slope > 0)
    return float(away.sum() / (slope != 0).sum().clamp(min=1))


def _told(x: Tensor, table: Tensor, column: int, where: str, near: int, far: int) -> str:
    costs = table[:, column]
    return (
        f"{where}, predicting {x[near]:.4g} costs {costs[near]:.4g} and predicting {x[far]:.4g} costs {costs[far]:.4g}"
    )


def _of_classes(subject: Subject) -> Direction:
    domain, size = subject.prediction, subject.prediction.size or CLASSES
    scores = torch.randn(64, size, generator=subject.generator(), dtype=torch.float64).to(subject.dtype)
    ids = torch.arange(64) % size
    one_hot = torch.nn.functional.one_hot(ids, size).to(subject.dtype)
    targets = subject.observed(ids, size)
    points = [inside(domain, scores + boost * one_hot) for boost in (0.0, 3.0, -3.0)]
    here, surer, doubtful = (subject.values(x, targets).detach().double() for x in points)
    away = (surer > here).double().mean()
    return Direction(
        away=float(away),
        wrong=bool((away > 0.9) & ((doubtful < here).double().mean() > 0.9)),
        why=f"scores surer of the true class cost {surer[0]:.4g}, doubtful ones {doubtful[0]:.4g}",
        inputs=tuple((x[:1], targets[:1]) for x in points[1:]),
    )


def _of_batches(subject: Subject) -> Direction:
    generator = subject.generator()
    rounds = 12
    away = 0
    shown: tuple[Inputs, ...] = ()
    told = ""
    for _ in range(rounds):
        x, y = subject.inputs(16, generator)
        if y.shape != x.shape:
            return Direction(away=None, why="for such inputs it is not measured yet")
        nearer = x + 0.5 * (y - x)
        try:
            near, far = (float(subject.batch(at, y).detach().double().mean()) for at in (nearer, x))
        except (RuntimeError, ValueError) as error:
            return Direction(away=None, why=f"{type(error).__name__}: {error}")
        if near > far:
            away, shown = away + 1, ((nearer, y), (x, y))
            told = f"half-way to the targets it costs {near:.4g}, and before it cost {far:.4g}"
    return Direction(away=away / rounds, wrong=away == rounds, why=told, inputs=shown)
